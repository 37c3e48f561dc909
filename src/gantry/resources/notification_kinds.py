"""Kinds of notification templates as data: what each asks for, who receives, what it says unasked.

From AWX's awx/main/notifications/*_backend.py: names, labels, defaults and texts are its API, shown
in OPTIONS, and what users' receivers already read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

EVENTS = ("started", "success", "error")
APPROVALS = ("running", "approved", "timed_out", "denied")

_MESSAGE = "{{ job_friendly_name }} #{{ job.id }} '{{ job.name }}' {{ job.status }}: {{ url }}"
_BODY = (
    "{{ job_friendly_name }} #{{ job.id }} had status {{ job.status }}, view details at {{ url }}"
    "\n\n{{ job_metadata }}"
)
_DATA = "{{ job_metadata }}"
_NODE = 'The approval node "{{ approval_node_name }}" '
_ENDS = {"approved": "was approved.", "timed_out": "has timed out.", "denied": "was denied."}
_ASKED = "needs review. This node can be viewed at: {{ workflow_url }}"
_APPROVAL_MESSAGES = {"running": f"{_NODE}{_ASKED}"} | {
    name: f"{_NODE}{words} {{{{ workflow_url }}}}" for name, words in _ENDS.items()
}
_APPROVAL_BODIES = {
    "running": f"{_NODE}needs review. This approval node can be viewed at: "
    f"{{{{ workflow_url }}}}\n\n{_DATA}"
} | {name: f"{_APPROVAL_MESSAGES[name]}\n\n{_DATA}" for name in _ENDS}


def _messages(body: str | None, approval_bodies: dict[str, str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {name: {"message": _MESSAGE, "body": body} for name in EVENTS}
    found["workflow_approval"] = {
        name: {
            "message": _APPROVAL_MESSAGES[name],
            "body": approval_bodies[name] if approval_bodies else None,
        }
        for name in APPROVALS
    }
    return found


def _data_alone() -> dict[str, Any]:
    """Of receivers that are programs: the job's data, and no sentence."""
    found: dict[str, Any] = {name: {"body": _DATA} for name in EVENTS}
    found["workflow_approval"] = {
        name: {"body": '{"body": "' + text.replace('"', '\\"') + '"}'}
        for name, text in _APPROVAL_MESSAGES.items()
    }
    return found


@dataclass(frozen=True)
class Kind:
    """`fields` as AWX's init_parameters: name -> label, type and default."""

    label: str
    fields: dict[str, dict[str, Any]]
    recipient: str  # the field with who receives
    sender: str = ""
    messages: dict[str, Any] = field(default_factory=lambda: _messages(None, None))

    @property
    def secret_fields(self) -> list[str]:
        return [name for name, told in self.fields.items() if told["type"] == "password"]

    def defaults(self) -> dict[str, Any]:
        return {name: told["default"] for name, told in self.fields.items() if "default" in told}


def _field(label: str, kind: str = "string", **more: Any) -> dict[str, Any]:
    return {"label": label, "type": kind, **more}


KINDS: dict[str, Kind] = {
    "awssns": Kind(
        "AWS SNS",
        {
            "aws_region": _field("AWS Region", default=""),
            "aws_access_key_id": _field("Access Key ID", default=""),
            "aws_secret_access_key": _field("Secret Access Key", "password", default=""),
            "aws_session_token": _field("Session Token", "password", default=""),
            "sns_topic_arn": _field("SNS Topic ARN", default=""),
        },
        "sns_topic_arn",
        messages=_data_alone(),
    ),
    "email": Kind(
        "Email",
        {
            "host": _field("Host"),
            "port": _field("Port", "int"),
            "username": _field("Username"),
            "password": _field("Password", "password"),
            "use_tls": _field("Use TLS", "bool"),
            "use_ssl": _field("Use SSL", "bool"),
            "sender": _field("Sender Email"),
            "recipients": _field("Recipient List", "list"),
            "timeout": _field("Timeout", "int", default=30),
        },
        "recipients",
        "sender",
        _messages(_BODY, _APPROVAL_BODIES),
    ),
    "grafana": Kind(
        "Grafana",
        {
            "grafana_url": _field("Grafana URL"),
            "grafana_key": _field("Grafana API Key", "password"),
        },
        "grafana_url",
        messages=_messages(_DATA, _APPROVAL_BODIES),
    ),
    "irc": Kind(
        "IRC",
        {
            "server": _field("IRC Server Address"),
            "port": _field("IRC Server Port", "int"),
            "nickname": _field("IRC Nick"),
            "password": _field("IRC Server Password", "password"),
            "use_ssl": _field("SSL Connection", "bool"),
            "targets": _field("Destination Channels or Users", "list"),
        },
        "targets",
    ),
    "mattermost": Kind(
        "Mattermost",
        {
            "mattermost_url": _field("Target URL"),
            "mattermost_no_verify_ssl": _field("Verify SSL", "bool"),
        },
        "mattermost_url",
    ),
    "pagerduty": Kind(
        "Pagerduty",
        {
            "subdomain": _field("Pagerduty subdomain"),
            "token": _field("API Token", "password"),
            "service_key": _field("API Service/Integration Key"),
            "client_name": _field("Client Identifier"),
        },
        "service_key",
        "client_name",
        _messages(_DATA, _APPROVAL_BODIES),
    ),
    "rocketchat": Kind(
        "Rocket.Chat",
        {
            "rocketchat_url": _field("Target URL"),
            "rocketchat_no_verify_ssl": _field("Verify SSL", "bool"),
        },
        "rocketchat_url",
    ),
    "slack": Kind(
        "Slack",
        {
            "token": _field("Token", "password"),
            "channels": _field("Destination Channels", "list"),
        },
        "channels",
    ),
    "twilio": Kind(
        "Twilio",
        {
            "account_sid": _field("Account SID"),
            "account_token": _field("Account Token", "password"),
            "from_number": _field("Source Phone Number"),
            "to_numbers": _field("Destination SMS Numbers", "list"),
        },
        "to_numbers",
        "from_number",
    ),
    "webhook": Kind(
        "Webhook",
        {
            "url": _field("Target URL"),
            "http_method": _field("HTTP Method", default="POST"),
            "disable_ssl_verification": _field("Verify SSL", "bool", default=False),
            "username": _field("Username", default=""),
            "password": _field("Password", "password", default=""),
            "headers": _field("HTTP Headers", "object"),
        },
        "url",
        messages=_data_alone(),
    ),
}
CHOICES = [(name, kind.label) for name, kind in KINDS.items()]
