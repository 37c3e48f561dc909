"""What must be true of every job's record, whatever happened while it ran."""

from __future__ import annotations

import json
from typing import Any


def faults_of_record(job: Any) -> list[str]:
    """Empty when each event is there exactly once, in order, and its lines join without a gap."""
    from gantry.resources.models import JobEvent

    events = list(JobEvent.objects.filter(job_id=job.pk).order_by("id"))
    faults = []
    counters = [e.counter for e in events]
    if counters != list(range(1, len(events) + 1)):
        faults.append(f"counters are {counters[:5]}...{counters[-5:]} of {len(events)} events")
    if len(events) != job.emitted_events:
        faults.append(f"{len(events)} events, but {job.emitted_events} counted on the row")
    line = 0
    for event in events:
        if event.start_line != line:
            faults.append(f"event {event.counter} starts at line {event.start_line}, not {line}")
            break
        line = event.end_line
    if line != job.lines:
        faults.append(f"events end at line {line}, the row says {job.lines}")
    return faults


def is_cleaned(job: Any) -> bool:
    return bool(job.cleanup) and job.cleanup["removed"] is True


def whole_row(job: Any) -> str:
    """Everything the database keeps of a job and its events, as one text to search in."""
    from django.core import serializers

    from gantry.resources.models import JobEvent, UnifiedJob

    rows = [UnifiedJob.objects.get(pk=job.pk), type(job).objects.get(pk=job.pk)]
    rows += list(JobEvent.objects.filter(job_id=job.pk))
    return json.dumps(json.loads(serializers.serialize("json", rows)))
