"""Which hosts were ever automated, and how often: by name, whatever inventories they are in.

A row is written by the record of a job's end (record/summarize.py) and outlives host and job. AWX:
HostMetric in awx/main/models/inventory.py.
"""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class HostMetric(models.Model):
    hostname = models.CharField(max_length=512, unique=True)
    first_automation = models.DateTimeField(
        auto_now_add=True, db_index=True, help_text="When the host was first automated against"
    )
    last_automation = models.DateTimeField(
        db_index=True, help_text="When the host was last automated against"
    )
    last_deleted = models.DateTimeField(
        null=True, db_index=True, help_text="When the host was last deleted"
    )
    automated_counter = models.BigIntegerField(
        default=0, help_text="How many times was the host automated"
    )
    deleted_counter = models.IntegerField(
        default=0, help_text="How many times was the host deleted"
    )
    deleted = models.BooleanField(
        default=False,
        help_text="Boolean flag saying whether the host is deleted and therefore not counted into "
        "the subscription consumption",
    )
    used_in_inventories = models.IntegerField(
        null=True, help_text="How many inventories contain this host"
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.hostname

    def soft_delete(self) -> None:
        """It counts no longer, until the next job that reaches it."""
        if not self.deleted:
            self.deleted, self.last_deleted = True, timezone.now()
            self.deleted_counter += 1
            self.save(update_fields=["deleted", "last_deleted", "deleted_counter"])


class HostMetricSummaryMonthly(models.Model):
    """How many hosts were automated up to the end of a month (`date` is its first day)."""

    date = models.DateField(unique=True)
    license_consumed = models.BigIntegerField(
        default=0, help_text="How many unique hosts are consumed from the license"
    )
    license_capacity = models.BigIntegerField(
        default=0, help_text="'License capacity as max. number of unique hosts"
    )
    hosts_added = models.IntegerField(
        default=0,
        help_text="How many hosts were added in the associated month, consuming more license "
        "capacity",
    )
    hosts_deleted = models.IntegerField(
        default=0,
        help_text="How many hosts were deleted in the associated month, freeing the license "
        "capacity",
    )
    indirectly_managed_hosts = models.IntegerField(
        default=0, help_text="Manually entered number indirectly managed hosts for a certain month"
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.date:%Y-%m}"
