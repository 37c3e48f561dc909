"""What a Git service's webhooks need on rows: the key of a template and what it lets through, what
started a job, each delivery and what became of it, each commit status to be told back.

AWX: WebhookTemplateMixin and WebhookMixin, awx/main/models/mixins.py.
"""

from __future__ import annotations

import secrets
import string
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from gantry.base.crypto import is_sealed, key_ring
from gantry.resources.outgoing import Outgoing

SERVICES = [
    ("github", "GitHub"),
    ("gitlab", "GitLab"),
    ("bitbucket_dc", "BitBucket DataCenter"),
    ("gitea", "Gitea"),
]
OUTCOMES = [
    ("launched", "A job was launched"),
    ("filtered", "The template does not want it"),
    ("ignored", "Nothing to launch for: a ping"),
    ("repeated", "It was received before"),
    ("refused", "It was refused"),
]
LONGEST_GUID = 128
LONGEST_EVENT = 200
_KEY = 50  # characters, as AWX's
_FROM = "Service that webhook requests will be accepted from"
_POSTS_BACK = "Personal Access Token for posting back the status to the service API"


def service_field() -> models.CharField[Any, Any]:
    return models.CharField(max_length=16, choices=SERVICES, blank=True, help_text=_FROM)


def credential_field() -> models.ForeignKey[Any, Any]:
    return models.ForeignKey(
        "resources.Credential", blank=True, null=True, default=None, on_delete=models.SET_NULL,
        related_name="+", help_text=_POSTS_BACK,
    )  # fmt: skip


class WebhookTemplate(models.Model):
    """What a service can start. The key comes and goes with the service, sealed at rest."""

    webhook_service = service_field()
    webhook_key = models.TextField(blank=True, default="")
    webhook_credential = credential_field()
    # Empty lists let everything through: triggers/webhook_filter.py.
    webhook_events = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    webhook_branches = ArrayField(models.CharField(max_length=200), default=list, blank=True)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        fields = kwargs.get("update_fields")
        made = self._state.adding
        touched = fields is None or "webhook_service" in fields
        changed = touched and self.webhook_service != ("" if made else self._stored_service())
        super().save(*args, **kwargs)
        if changed:
            # Only now has the row the id that what is sealed is bound to.
            self.webhook_key = self._sealed(new_key()) if self.webhook_service else ""
            type(self)._base_manager.filter(pk=self.pk).update(webhook_key=self.webhook_key)

    def _stored_service(self) -> str:
        rows = type(self)._base_manager.filter(pk=self.pk)
        return rows.values_list("webhook_service", flat=True).first() or ""

    def _sealed(self, key: str) -> str:
        return key_ring().seal(key, f"template:{self.pk}:webhook_key")

    def open_webhook_key(self) -> str:
        """In the clear; "" without a service. Never log, store or show it but to who may change
        the template."""
        if not is_sealed(self.webhook_key):
            return ""
        return key_ring().open(self.webhook_key, f"template:{self.pk}:webhook_key")

    def rotate_webhook_key(self) -> None:
        """A new key; the old one is refused from now on."""
        self.webhook_key = self._sealed(new_key())
        self.save(update_fields=["webhook_key"])


def guid_index(name: str) -> models.Index:
    """By which a job that was started before is found."""
    started = ~models.Q(webhook_guid="")
    return models.Index(fields=["webhook_guid"], name=name, condition=started)


def new_key() -> str:
    letters = string.ascii_letters + string.digits
    return "".join(secrets.choice(letters) for _ in range(_KEY))


class Hooked(models.Model):
    """A job that a webhook started."""

    webhook_service = service_field()
    webhook_credential = credential_field()
    webhook_guid = models.CharField(
        max_length=LONGEST_GUID, blank=True, default="",
        help_text="Unique identifier of the event that triggered this webhook",
    )  # fmt: skip
    # Where the service takes the status of the commit; "" where there is none.
    webhook_status_api = models.TextField(blank=True, default="", editable=False)

    class Meta:
        abstract = True


class WebhookDelivery(models.Model):
    """One request that a service, or a person for a test, has sent to a template's receiver."""

    unified_job_template = models.ForeignKey(
        "UnifiedJobTemplate", on_delete=models.CASCADE, related_name="webhook_deliveries",
        editable=False,
    )  # fmt: skip
    created = models.DateTimeField(auto_now_add=True)
    modified = models.DateTimeField(auto_now=True)
    service = models.CharField(max_length=16, choices=SERVICES, editable=False)
    event = models.CharField(max_length=200, blank=True, default="", editable=False)
    guid = models.CharField(max_length=LONGEST_GUID, blank=True, default="", editable=False)
    ref = models.CharField(max_length=1024, blank=True, default="", editable=False)
    branch = models.CharField(max_length=1024, blank=True, default="", editable=False)
    outcome = models.CharField(max_length=16, choices=OUTCOMES, editable=False)
    reason = models.TextField(blank=True, default="", editable=False)
    # Whether whoever sent it had the key. Of those who had not little is kept.
    verified = models.BooleanField(default=False, editable=False)
    test = models.BooleanField(default=False, editable=False)
    redelivery_of = models.ForeignKey(
        "self", null=True, on_delete=models.SET_NULL, related_name="redeliveries", editable=False
    )
    job = models.ForeignKey(
        "UnifiedJob", null=True, on_delete=models.SET_NULL, related_name="webhook_deliveries",
        editable=False,
    )  # fmt: skip
    payload = models.TextField(blank=True, default="", editable=False)  # JSON; "" of a stranger

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["unified_job_template", "guid"], name="webhook_delivery_guid")
        ]

    def __str__(self) -> str:
        return f"{self.service} {self.event} ({self.pk})"


class CommitStatus(Outgoing):
    """What a service is told of a job that its webhook started: a state of the commit."""

    unified_job = models.ForeignKey(
        "UnifiedJob", on_delete=models.CASCADE, related_name="commit_statuses", editable=False
    )
    service = models.CharField(max_length=16, choices=SERVICES, editable=False)
    credential = models.ForeignKey(
        "Credential", null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    status_api = models.TextField(editable=False)
    state = models.CharField(max_length=20, editable=False)  # the job's status, AWX's word

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["next_try"], name="commit_status_due",
                condition=models.Q(status="pending"),
            )
        ]  # fmt: skip
        # The same change again, after a commit whose answer was lost.
        constraints = [
            models.UniqueConstraint(fields=["unified_job", "state"], name="commit_status_once")
        ]

    def __str__(self) -> str:
        return f"{self.state} ({self.pk})"
