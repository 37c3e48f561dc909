"""What each kind of notification sends, to real servers: AWX's payloads, byte for meaning."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from gantry.path.notifiers import NOTIFIERS, Message, SendFailed, chat, services
from tests.path.notifiers.certificate import certificate
from tests.path.notifiers.irc_server import irc_server
from tests.path.notifiers.mail_server import mail_server
from tests.resources.lookups.server import Service, service

__all__ = ["certificate"]
SUBJECT = "Job #7 'nightly' failed: https://gantry.example.org/jobs/7/"
DATA = {
    "id": 7, "status": "failed", "started": "2026-11-24T10:00:00+00:00",
    "finished": "2026-11-24T10:01:00+00:00",
}  # fmt: skip
BODY = json.dumps(DATA, indent=4)


@pytest.fixture
def receiver() -> Iterator[Service]:
    with service() as running:
        yield running


def send(kind: str, settings: dict[str, Any], body: Any = BODY, **more: Any) -> int:
    return NOTIFIERS[kind](Message(settings, SUBJECT, body, **more))


def accept(receiver: Service, path: str, answer: Any = "", method: str = "POST") -> None:
    receiver.routes[f"{method} {path}"] = lambda asked: (200, answer)


def test_webhook_sends_the_jobs_data(receiver: Service) -> None:
    accept(receiver, "/hook", method="PUT")
    settings = {"url": f"{receiver.url}/hook", "http_method": "PUT", "headers": {"X-Key": "k"},
                "username": "me", "password": "pw"}  # fmt: skip
    assert send("webhook", settings) == 1
    asked = receiver.asked[0]
    assert asked.json() == DATA
    assert asked.headers["x-key"] == "k"
    assert asked.headers["content-type"] == "application/json"
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"me:pw").decode()
    # A body that is no object is an empty one.
    assert send("webhook", settings, "just text") == 1
    assert receiver.asked[1].json() == {}


def test_webhook_follows_a_redirect_and_takes_no_password_elsewhere(receiver: Service) -> None:
    with service() as other:
        accept(other, "/there")
        receiver.routes["POST /hook"] = lambda asked: (307, f"{receiver.url}/next")
        receiver.routes["POST /next"] = lambda asked: (301, f"{other.url}/there")
        settings = {"url": f"{receiver.url}/hook", "headers": {"X-Key": "k"}, "password": "pw"}
        assert send("webhook", settings) == 1
        assert ["authorization" in a.headers for a in receiver.asked] == [True, True]
        assert other.asked[0].json() == DATA
        assert not {"authorization", "x-key"} & other.asked[0].headers.keys()


@pytest.mark.parametrize(("status", "again"), [(500, True), (429, True), (404, False)])
def test_webhook_says_what_it_was_answered(receiver: Service, status: int, again: bool) -> None:
    receiver.routes["POST /hook"] = lambda asked: (status, "no")
    with pytest.raises(SendFailed) as failed:
        send("webhook", {"url": f"{receiver.url}/hook", "headers": {}})
    assert failed.value.reason == f"Error sending webhook notification: {status}"
    assert failed.value.again is again


def test_slack_tells_each_channel_and_goes_on_where_it_failed(
    receiver: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "SLACK", f"{receiver.url}/api/chat.postMessage")
    answers = [{"ok": True}, {"ok": False, "error": "ratelimited"}, {"ok": True}]
    receiver.routes["POST /api/chat.postMessage"] = lambda asked: (200, answers.pop(0))
    settings = {"token": "xoxb", "channels": ["#ops", "dev,17.5"], "hex_color": "#f00"}
    with pytest.raises(SendFailed) as failed:
        send("slack", settings)
    assert (failed.value.sent, failed.value.again) == (1, True)
    assert send("slack", settings, done=1) == 2
    first, _, again = (asked.json() for asked in receiver.asked)
    shown = {"as_user": True, "attachments": [{"color": "#f00", "text": SUBJECT}]}
    assert first == {"channel": "ops", **shown}
    assert again == {"channel": "dev", "thread_ts": "17.5", **shown}
    assert receiver.asked[0].headers["authorization"] == "Bearer xoxb"


@pytest.mark.parametrize("kind", ["mattermost", "rocketchat"])
def test_a_chats_incoming_hook(receiver: Service, kind: str) -> None:
    accept(receiver, "/hooks/abc")
    settings = {f"{kind}_url": f"{receiver.url}/hooks/abc", f"{kind}_no_verify_ssl": False,
                f"{kind}_username": " gantry "}  # fmt: skip
    assert send(kind, settings) == 1
    assert receiver.asked[0].json() == {"text": SUBJECT, "username": "gantry"}


def test_grafana_annotates_the_time_of_the_job(receiver: Service) -> None:
    accept(receiver, "/api/annotations", {})
    settings = {"grafana_url": receiver.url, "grafana_key": "key", "dashboardId": "3",
                "annotation_tags": ["nightly"]}  # fmt: skip
    assert send("grafana", settings) == 1
    assert receiver.asked[0].json() == {
        "isRegion": True, "text": SUBJECT, "time": 1795514400000, "timeEnd": 1795514460000,
        "dashboardId": 3, "tags": ["nightly"],
    }  # fmt: skip
    assert receiver.asked[0].headers["authorization"] == "Bearer key"


def test_pagerduty_triggers_an_incident(receiver: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "PAGERDUTY", f"{receiver.url}/create_event.json")
    accept(receiver, "/create_event.json", {"status": "success"})
    assert send("pagerduty", {"service_key": "s", "client_name": "gantry", "token": "t"}) == 1
    assert receiver.asked[0].json() == {
        "service_key": "s", "event_type": "trigger", "description": SUBJECT, "details": DATA,
        "client": "gantry",
    }  # fmt: skip


def test_twilio_sends_a_message_to_each_number(
    receiver: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "TWILIO", receiver.url)
    accept(receiver, "/AC1/Messages.json", {})
    settings = {"account_sid": "AC1", "account_token": "t", "from_number": "+1",
                "to_numbers": ["+2", "+3"]}  # fmt: skip
    assert send("twilio", settings) == 2
    assert [asked.form()["To"] for asked in receiver.asked] == ["+2", "+3"]
    assert receiver.asked[0].form() == {"To": "+2", "From": "+1", "Body": SUBJECT}


def test_sns_publishes(receiver: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", f"{receiver.url}/")
    accept(receiver, "/", "<PublishResponse/>")
    topic = "arn:aws:sns:eu-west-1:1:t"
    settings = {"sns_topic_arn": topic, "aws_access_key_id": "AK", "aws_secret_access_key": "SK"}
    assert send("awssns", settings) == 1
    form = receiver.asked[0].form()
    assert (form["Action"], form["TopicArn"]) == ("Publish", topic)
    assert json.loads(form["Message"]) == DATA
    assert "Credential=AK/" in receiver.asked[0].headers["authorization"]
    assert "/eu-west-1/sns/" in receiver.asked[0].headers["authorization"]


def mail_settings(port: int, **more: Any) -> dict[str, Any]:
    return {
        "host": "localhost", "port": port, "username": "", "password": "", "use_tls": False,
        "use_ssl": False, "sender": "gantry@example.org", "timeout": 5,
        "recipients": ["a@example.org", "b@example.org"], **more,
    }  # fmt: skip


def test_a_mail_in_tls_that_the_organization_trusts(
    certificate: tuple[ssl.SSLContext, str],
) -> None:
    context, pem = certificate
    with mail_server(tls=context, user=("me", "s3cr3t-value")) as server:
        settings = mail_settings(server.port, use_tls=True, username="me", password="s3cr3t-value")
        assert send("email", settings, "Größe\n", authorities=pem) == 1
        assert server.encrypted == [True]
        assert server.recipients == [["a@example.org", "b@example.org"]]
        mail = server.mails[0]
        assert (mail["Subject"], mail["From"]) == (SUBJECT, "gantry@example.org")
        assert mail.get_content().strip() == "Größe"
        with pytest.raises(SendFailed, match=r"localhost:\d+: certificate verify failed|CERT"):
            send("email", settings)
    assert len(server.mails) == 1


def test_a_mail_server_that_refuses() -> None:
    with mail_server(refuse="451 come back later") as server:
        with pytest.raises(SendFailed) as failed:
            send("email", mail_settings(server.port))
        assert failed.value.reason == "the mail server answered 451 come back later"
        assert failed.value.again
        server.refuse = "554 no"
        with pytest.raises(SendFailed) as failed:
            send("email", mail_settings(server.port))
        assert not failed.value.again


def test_irc_joins_and_speaks() -> None:
    with irc_server("pw") as server:
        settings = {"server": "127.0.0.1", "port": server.port, "nickname": "gantry",
                    "password": "pw", "use_ssl": False, "targets": ["#ops", "someone"]}  # fmt: skip
        assert send("irc", settings) == 2
        assert server.said == [("#ops", SUBJECT), ("someone", SUBJECT)]
        with pytest.raises(SendFailed, match="464"):
            send("irc", {**settings, "password": "no"})
        with pytest.raises(SendFailed, match="space"):
            send("irc", {**settings, "targets": ["#ops\r\nQUIT"]})


def test_nobody_there() -> None:
    for kind, settings in {
        "webhook": {"url": "http://127.0.0.1:1/s3cr3t", "headers": {}},
        "email": mail_settings(1),
        "irc": {"server": "127.0.0.1", "port": 1, "nickname": "g", "targets": ["#a"]},
    }.items():
        with pytest.raises(SendFailed) as failed:
            send(kind, settings)
        assert failed.value.again
        assert ":1: no connection" in failed.value.reason
        assert "s3cr3t" not in failed.value.reason
