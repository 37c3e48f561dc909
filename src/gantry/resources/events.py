"""Event rows: schema only. Written by record.ingest with COPY, read by record.output and the API.

The table is partitioned by the month its job was created in. An event's id is not stored by a
sequence but computed: `job << 26 | counter`, so that one index serves identity, order and the
check that nothing is recorded twice (67 million events a job; ids stay exact in JavaScript).
"""

from __future__ import annotations

from django.db import models

COUNTER_BITS = 26


def event_id(job: int, counter: int) -> int:
    return job << COUNTER_BITS | counter


class JobEvent(models.Model):
    """One event of ansible-runner's format, with AWX's columns."""

    id = models.BigIntegerField(primary_key=True)
    job = models.ForeignKey(
        "UnifiedJob", on_delete=models.DO_NOTHING, related_name="job_events", db_constraint=False,
        db_index=False,
    )  # fmt: skip
    job_created = models.DateTimeField()
    counter = models.IntegerField()
    event = models.CharField(max_length=100)
    event_data = models.TextField(default="{}")  # JSON text: never queried into, only shown
    created = models.DateTimeField()
    uuid = models.CharField(max_length=64)
    parent_uuid = models.CharField(max_length=64, default="")
    failed = models.BooleanField(default=False)
    changed = models.BooleanField(default=False)
    event_level = models.SmallIntegerField(default=0)
    host_name = models.CharField(max_length=1024, default="")
    host_id = models.BigIntegerField(null=True)
    playbook = models.CharField(max_length=1024, default="")
    play = models.CharField(max_length=1024, default="")
    task = models.CharField(max_length=1024, default="")
    role = models.CharField(max_length=1024, default="")
    stdout = models.TextField(default="")
    start_line = models.IntegerField(default=0)
    end_line = models.IntegerField(default=0)
    verbosity = models.SmallIntegerField(default=0)

    class Meta:
        managed = False  # partitioned: made in SQL by migration 0002
        db_table = "resources_jobevent"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.job_id}/{self.counter} {self.event}"
