"""Notification templates, whom to tell and how, and notifications: each message and what became
of it."""

from __future__ import annotations

from typing import Any

from django.db import models

from gantry.base.crypto import is_sealed, key_ring
from gantry.resources.base import Owned
from gantry.resources.credentials import ENCRYPTED
from gantry.resources.notification_kinds import CHOICES, KINDS, Kind
from gantry.resources.outgoing import Outgoing


def no_messages() -> dict[str, None]:
    return {"started": None, "success": None, "error": None, "workflow_approval": None}


class NotificationTemplate(Owned):
    """A receiver. Read secrets through `open_configuration` only, at the last moment."""

    name = models.CharField(max_length=512)
    organization = models.ForeignKey(
        "Organization", null=True, on_delete=models.CASCADE, related_name="notification_templates"
    )
    notification_type = models.CharField(max_length=32, choices=CHOICES)
    notification_configuration = models.JSONField(default=dict, blank=True)
    messages = models.JSONField(
        null=True, blank=True, default=no_messages,
        help_text="Optional custom messages for notification template.",
    )  # fmt: skip

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="notification_name")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def kind(self) -> Kind:
        return KINDS[self.notification_type]

    def _context(self, field: str) -> str:
        return f"notification_template:{self.pk}:{field}"

    def set_configuration(self, given: dict[str, Any]) -> None:
        """Take a person's values; `$encrypted$` keeps what is stored. The row must have an id.

        With nothing stored it stays, as in AWX: an import has no secrets, and sending then says so.
        """
        stored = self.notification_configuration or {}
        taken = dict(given)
        for name in self.kind.secret_fields:
            value = given.get(name)
            if value == ENCRYPTED and is_sealed(stored.get(name)):
                taken[name] = stored[name]
            elif isinstance(value, str) and value not in ("", ENCRYPTED):
                taken[name] = key_ring().seal(value, self._context(name))
        self.notification_configuration = taken

    def shown_configuration(self) -> dict[str, Any]:
        return {
            name: ENCRYPTED if is_sealed(value) else value
            for name, value in self.notification_configuration.items()
        }

    def open_configuration(self) -> dict[str, Any]:
        """In the clear, defaults filled in. Never log, store or show the result."""
        opened = {
            name: key_ring().open(value, self._context(name)) if is_sealed(value) else value
            for name, value in self.notification_configuration.items()
        }
        return {**self.kind.defaults(), **opened}

    @property
    def recipients(self) -> str:
        """As the history shows them: the text of what the configuration holds."""
        return str(self.notification_configuration.get(self.kind.recipient, ""))


class Notification(Outgoing):
    """One message to one receiver. Made pending in the transaction of what it tells; written and
    sent by a controller (control/outbox.py)."""

    notification_template = models.ForeignKey(
        NotificationTemplate, on_delete=models.CASCADE, related_name="notifications",
        editable=False,
    )  # fmt: skip
    unified_job = models.ForeignKey(
        "UnifiedJob", null=True, on_delete=models.SET_NULL, related_name="notifications",
        editable=False,
    )  # fmt: skip
    notifications_sent = models.IntegerField(default=0, editable=False)
    notification_type = models.CharField(max_length=32, choices=CHOICES)
    recipients = models.TextField(blank=True, default="", editable=False)
    subject = models.TextField(blank=True, default="", editable=False)
    body = models.JSONField(default=dict, blank=True)
    # What it tells: started, success, error, approval:<how it stands>; empty: a test.
    occasion = models.CharField(max_length=32, blank=True, default="", editable=False)
    told = models.JSONField(null=True, editable=False)  # of an approval: what its words may name

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["next_try"], name="notification_due",
                condition=models.Q(status="pending"),
            )
        ]  # fmt: skip
        # A change that is made again, after a commit whose answer was lost, tells nobody twice.
        constraints = [
            models.UniqueConstraint(
                fields=["notification_template", "unified_job", "occasion"],
                name="notification_once", condition=~models.Q(occasion=""),
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.notification_type} ({self.pk})"


class Notified(models.Model):
    """What can be followed: whom to tell when a job starts, ends well, or ends otherwise."""

    notification_templates_started = models.ManyToManyField(
        "resources.NotificationTemplate", blank=True,
        related_name="%(class)s_notification_templates_for_started",
    )  # fmt: skip
    notification_templates_success = models.ManyToManyField(
        "resources.NotificationTemplate", blank=True,
        related_name="%(class)s_notification_templates_for_success",
    )  # fmt: skip
    notification_templates_error = models.ManyToManyField(
        "resources.NotificationTemplate", blank=True,
        related_name="%(class)s_notification_templates_for_errors",
    )  # fmt: skip

    class Meta:
        abstract = True
