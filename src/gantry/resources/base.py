"""What all rows that people own have in common, and the choices that AWX's API spells out."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models, transaction

JOB_TYPES = [("run", "Run"), ("check", "Check")]
VERBOSITIES = [
    (0, "0 (Normal)"),
    (1, "1 (Verbose)"),
    (2, "2 (More Verbose)"),
    (3, "3 (Debug)"),
    (4, "4 (Connection Debug)"),
    (5, "5 (WinRM Debug)"),
]
STATUSES = [
    ("new", "New"),
    ("pending", "Pending"),
    ("waiting", "Waiting"),
    ("running", "Running"),
    ("successful", "Successful"),
    ("failed", "Failed"),
    ("error", "Error"),
    ("canceled", "Canceled"),
]
TEMPLATE_STATUSES = [
    *STATUSES,
    ("never updated", "Never Updated"),
    ("ok", "OK"),
    ("missing", "Missing"),
]
LAUNCH_TYPES = [
    ("manual", "Manual"),
    ("relaunch", "Relaunch"),
    ("callback", "Callback"),
    ("scheduled", "Scheduled"),
    ("dependency", "Dependency"),
    ("workflow", "Workflow"),
    ("webhook", "Webhook"),
    ("sync", "Sync"),
    ("scm", "SCM Update"),
]
PULL_POLICIES = [
    ("always", "Always pull container before running."),
    ("missing", "Only pull the image if not present before running."),
    ("never", "Never pull container before running."),
]
DRIFT_POLICIES = [
    ("follow", "Run what the tag means now."),
    ("warn", "Run what the tag means now, and warn when that has changed."),
    ("hold", "Keep the last good digest until a person accepts the new one."),
]
DIGEST_ORIGINS = [
    ("ran", "A job ran it"),
    ("registry", "The registry said so"),
    ("pinned", "A person pinned it"),
    ("built", "A build made it"),
    ("imported", "An archive brought it"),
]
PREFLIGHT_POLICIES = [
    ("off", "Do not compare."),
    ("warn", "Warn when the execution environment lacks what a playbook needs."),
    ("error", "Refuse to launch then."),
]


def in_order_of_attaching(row: Any, relation: str) -> models.QuerySet[Any]:
    """What is in a many-to-many relation of a row, in the order in which it was put there.
    `attached` is the place."""
    field = row._meta.get_field(relation)
    through, own = field.remote_field.through, field.m2m_field_name()
    other = {field.m2m_reverse_field_name(): models.OuterRef("pk")}
    places = through._default_manager.filter(**{own: row.pk}, **other).order_by("pk")
    rows = field.related_model._default_manager.annotate(
        attached=models.Subquery(places.values("pk")[:1])
    )
    ordered: models.QuerySet[Any] = rows.filter(attached__isnull=False).order_by("attached")
    return ordered


class Recorded(models.Model):
    """A row whose changes the activity stream records: both are saved, or neither (activity.py)."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic(savepoint=False):
            super().save(*args, **kwargs)


class Owned(Recorded):
    """created, modified, created_by, modified_by, description: AWX's PrimordialModel."""

    description = models.TextField(blank=True, default="")
    created = models.DateTimeField(auto_now_add=True)
    modified = models.DateTimeField(auto_now=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+",
        editable=False,
    )  # fmt: skip
    modified_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+",
        editable=False,
    )  # fmt: skip

    class Meta:
        abstract = True
