"""Slack, Mattermost, Rocket.Chat: a line of text in a channel."""

from __future__ import annotations

import json
from typing import Any

from gantry.path.notifiers.contract import Message, SendFailed, ask

SLACK = "https://slack.com/api/chat.postMessage"


def send_slack(message: Message) -> int:
    """Each channel `name`, or `name,thread`; https://api.slack.com/methods/chat.postMessage."""
    color = str(message.get("hex_color"))
    shown: dict[str, Any] = {"text": message.subject}
    if color.startswith("#") and len(color) in (4, 7):
        shown = {"attachments": [{"color": color, "text": message.subject}]}
    channels = message.get("channels", [])
    for number, channel in enumerate(channels[message.done :], message.done):
        name, _, thread = str(channel).removeprefix("#").partition(",")
        body = {"channel": name, "as_user": True, **shown}
        if thread:
            body["thread_ts"] = thread
        headers = {"Authorization": f"Bearer {message.get('token')}"}
        try:
            answer = ask(message, "POST", SLACK, json=body, headers=headers)
            told = _told(answer.text)
        except SendFailed as failed:
            raise SendFailed(failed.reason, again=failed.again, sent=number) from failed
        if not told.get("ok"):
            why = str(told.get("error") or "no reason")[:200]
            raise SendFailed(
                f"Slack Notification unable to send to {channel}: {why}",
                again=why in ("ratelimited", "service_unavailable", "internal_error"), sent=number,
            )  # fmt: skip
    return len(channels)


def _told(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise SendFailed("Slack answered with something that is no JSON") from error
    return found if isinstance(found, dict) else {}


def send_mattermost(message: Message) -> int:
    return _send_hook(message, "mattermost", ("icon_url", "channel", "username"))


def send_rocketchat(message: Message) -> int:
    return _send_hook(message, "rocketchat", ("icon_url", "username"))


def _send_hook(message: Message, kind: str, options: tuple[str, ...]) -> int:
    """An incoming webhook, whose address is its secret."""
    payload = {
        name: str(message.settings[f"{kind}_{name}"]).strip()
        for name in options
        if message.settings.get(f"{kind}_{name}") is not None
    }
    payload["text"] = message.subject
    verify = not message.get(f"{kind}_no_verify_ssl", False)
    ask(message, "POST", str(message.get(f"{kind}_url")), verify=verify, json=payload)
    return 1
