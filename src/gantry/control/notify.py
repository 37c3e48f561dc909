"""What a notification's row becomes when its turn comes: the outbox of notifications."""

from __future__ import annotations

from typing import Any

from gantry.control.outbox import Outbox, Outcome, Prepared
from gantry.path.notification_words import words_of
from gantry.path.notifiers import NOTIFIERS, Message
from gantry.resources.credentials import ENCRYPTED
from gantry.resources.notifications import Notification, NotificationTemplate


def prepare(pk: int) -> Prepared | None:
    """The message with its words, which are written once: a second try says the same."""
    related = ("notification_template__organization", "unified_job")
    row = Notification.objects.select_related(*related).filter(pk=pk, status="pending").first()
    if row is None:
        return None
    template = row.notification_template
    settings = template.open_configuration()
    left_out = _left_out(template, settings, row)
    if not left_out and row.occasion and not row.subject:
        row.subject, row.body, row.error = words_of(row)
        row.save(update_fields=["subject", "body", "error"])
    organization = template.organization
    authorities = organization.ca_bundle if organization is not None else ""
    message = Message(settings, row.subject, row.body, authorities, row.notifications_sent)
    return Prepared(row.notification_type, message, _secrets(template, settings), left_out)


def _left_out(template: NotificationTemplate, settings: dict[str, Any], row: Notification) -> str:
    if row.notification_type != template.notification_type:
        return "The notification template has become one of another kind."
    for name in template.kind.secret_fields:
        if settings.get(name) == ENCRYPTED:
            return f"{template.kind.fields[name]['label']} was never entered: an import has none."
    if row.occasion and not row.subject and row.unified_job is None:
        return "The job was deleted before this could be written."
    return ""


def _secrets(template: NotificationTemplate, settings: dict[str, Any]) -> list[str]:
    """What no error may quote: passwords, headers, and the address where it is itself the key."""
    found = [str(settings.get(name) or "") for name in template.kind.secret_fields]
    headers = settings.get("headers")
    found += [str(v) for v in headers.values()] if isinstance(headers, dict) else []
    found += [str(v) for k, v in settings.items() if k == "url" or k.endswith("_url")]
    return [secret for secret in found if secret]


def _keep(row: Notification, outcome: Outcome) -> list[str]:
    row.notifications_sent = outcome.sent
    return ["notifications_sent"]


NOTIFICATIONS = Outbox(
    Notification, "notification_template", NOTIFIERS, prepare, _keep,
    lambda row: bool(row.occasion),  # a test is not tried again: a person waits for its outcome
)  # fmt: skip
