"""Schedules: a template, a recurrence rule, and what to launch with. triggers/schedules.py fires.

When a schedule begins, ends and runs next is computed from its rule whenever it is saved, and its
template is told which of its schedules is next.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q, Subquery
from django.db.models.signals import post_delete
from django.utils import timezone

from gantry.resources.announcing import announce_change
from gantry.resources.base import Owned
from gantry.resources.launch_configs import LaunchConfig
from gantry.resources.recurrence import Recurrence, coerce_until
from gantry.resources.templates import UnifiedJobTemplate

MISSED_RUNS = [
    ("run_once", "Run once for all runs that were missed while no controller ran."),
    ("skip", "Wait for the next run."),
]


class Schedule(Owned, LaunchConfig):
    unified_job_template = models.ForeignKey(
        UnifiedJobTemplate, on_delete=models.CASCADE, related_name="schedules",
        verbose_name="unified job template",
    )  # fmt: skip
    name = models.CharField(max_length=512)
    enabled = models.BooleanField(default=True, help_text="Enables processing of this schedule.")
    rrule = models.TextField(help_text="A value representing the schedules iCal recurrence rule.")
    dtstart = models.DateTimeField(
        null=True, default=None, editable=False,
        help_text="The first occurrence of the schedule occurs on or after this time.",
    )  # fmt: skip
    dtend = models.DateTimeField(
        null=True, default=None, editable=False,
        help_text="The last occurrence of the schedule occurs before this time, aftewards the "
        "schedule expires.",
    )  # fmt: skip
    next_run = models.DateTimeField(
        null=True, default=None, editable=False,
        help_text="The next time that the scheduled action will run.",
    )  # fmt: skip
    missed_runs = models.CharField(max_length=16, choices=MISSED_RUNS, default="run_once")
    missed = models.TextField(blank=True, default="", editable=False)  # a sentence: the last time
    problem = models.TextField(blank=True, default="", editable=False)  # why its last run is none

    class Meta:
        ordering = [F("next_run").desc(nulls_last=True), "id"]
        unique_together = [("unified_job_template", "name")]
        indexes = [
            models.Index(
                fields=["next_run"], name="schedule_due",
                condition=Q(enabled=True, next_run__isnull=False),
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.name

    def recurrence(self) -> Recurrence:
        return Recurrence(self.rrule)

    def compute(self, now: datetime) -> None:
        """Raises ValueError for a rule that cannot be read."""
        rule = self.recurrence()
        self.dtstart = rule.first
        self.dtend = rule.end()
        self.next_run = rule.after(now) if self.enabled else None

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.rrule = coerce_until(self.rrule)
        self.compute(timezone.now())
        super().save(*args, **kwargs)
        tell_template(self.unified_job_template_id)
        announce_change("schedule", self.pk)


def tell_template(template: int) -> None:
    """Note on a template which of its schedules runs next, and when."""
    coming = Schedule.objects.filter(
        unified_job_template=template, enabled=True, next_run__isnull=False
    ).order_by("next_run", "id")
    UnifiedJobTemplate.objects.filter(pk=template).update(
        next_schedule=Subquery(coming.values("pk")[:1]),
        next_job_run=Subquery(coming.values("next_run")[:1]),
    )


def _deleted(sender: Any, instance: Schedule, **kwargs: Any) -> None:
    tell_template(instance.unified_job_template_id)


post_delete.connect(_deleted, sender=Schedule)
