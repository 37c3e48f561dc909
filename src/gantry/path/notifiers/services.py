"""Grafana, PagerDuty, Twilio: each service's own documented request."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gantry.path.notifiers.contract import Message, SendFailed, ask

# What pygerduty, which AWX uses, speaks: PagerDuty's Events API v1.
PAGERDUTY = "https://events.pagerduty.com/generic/2010-04-15/create_event.json"
TWILIO = "https://api.twilio.com/2010-04-01/Accounts"


def send_grafana(message: Message) -> int:
    """An annotation over the time of the job.
    https://grafana.com/docs/grafana/latest/developers/http_api/annotations/"""
    found = message.data()
    data = found if isinstance(found, dict) else {}
    told: dict[str, Any] = {"isRegion": message.get("isRegion", True), "text": message.subject}
    if "started" in data:
        told["time"] = told["timeEnd"] = _milliseconds(data["started"])
        if data.get("finished"):
            told["timeEnd"] = _milliseconds(data["finished"])
    for name in ("dashboardId", "panelId"):
        if message.settings.get(name) is not None:
            told[name] = _number(name, message.settings[name])
    if message.settings.get("annotation_tags"):
        told["tags"] = message.settings["annotation_tags"]
    url = str(message.get("grafana_url")).rstrip("/")
    ask(
        message, "POST", f"{url}/api/annotations", json=told,
        headers={"Authorization": f"Bearer {message.get('grafana_key')}"},
        verify=not message.get("grafana_no_verify_ssl", False),
    )  # fmt: skip
    return 1


def _milliseconds(told: Any) -> int:
    try:
        at = datetime.fromisoformat(str(told))
    except ValueError as error:
        raise SendFailed(f"Error converting time {told} to int.", again=False) from error
    return int(at.astimezone(UTC).timestamp() * 1000)


def _number(name: str, value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise SendFailed(f"{name} is no number", again=False) from error


def send_pagerduty(message: Message) -> int:
    event = {
        "service_key": message.get("service_key"), "event_type": "trigger",
        "description": message.subject, "details": message.data(),
        "client": message.get("client_name"),
    }  # fmt: skip
    ask(message, "POST", PAGERDUTY, json=event)
    return 1


def send_twilio(message: Message) -> int:
    """https://www.twilio.com/docs/messaging/api/message-resource"""
    account = str(message.get("account_sid"))
    numbers = message.get("to_numbers", [])
    for index, number in enumerate(numbers[message.done :], message.done):
        form = {"To": number, "From": message.get("from_number"), "Body": message.subject}
        try:
            ask(
                message, "POST", f"{TWILIO}/{account}/Messages.json", data=form,
                auth=(account, str(message.get("account_token"))),
            )  # fmt: skip
        except SendFailed as failed:
            raise SendFailed(failed.reason, again=failed.again, sent=index) from failed
    return len(numbers)
