"""How each kind of notification is sent: kind -> a function of one message. See contract.py."""

from __future__ import annotations

from collections.abc import Callable

from gantry.path.notifiers.aws_sns import send_aws_sns
from gantry.path.notifiers.chat import send_mattermost, send_rocketchat, send_slack
from gantry.path.notifiers.contract import Message, SendFailed
from gantry.path.notifiers.irc import send_irc
from gantry.path.notifiers.mail import send_mail
from gantry.path.notifiers.services import send_grafana, send_pagerduty, send_twilio
from gantry.path.notifiers.webhook import send_webhook

__all__ = ["NOTIFIERS", "Message", "SendFailed"]

NOTIFIERS: dict[str, Callable[[Message], int]] = {
    "awssns": send_aws_sns,
    "email": send_mail,
    "grafana": send_grafana,
    "irc": send_irc,
    "mattermost": send_mattermost,
    "pagerduty": send_pagerduty,
    "rocketchat": send_rocketchat,
    "slack": send_slack,
    "twilio": send_twilio,
    "webhook": send_webhook,
}
