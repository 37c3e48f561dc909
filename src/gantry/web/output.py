"""A job's output in the form the browser takes it: small arrays of plain text, never HTML.

The browser makes nodes by `textContent` only (static/js/ansi.js), so nothing a play prints can
become markup. Used by gantry.web.live (as it happens) and gantry.web.views.output (any lines).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from gantry.record.lines import LONGEST_LINE, written
from gantry.record.output import event_text
from gantry.record.tail import TailBatch
from gantry.resources.events import JobEvent
from gantry.resources.jobs import UnifiedJob

LARGEST_BLOCK = 2_000  # lines
MOST_RANGES = 500
_FIELDS = (
    "counter", "start_line", "end_line", "event", "failed", "changed", "stdout", "created",
)  # fmt: skip
_MARKS = {
    "playbook_on_play_start": "p",
    "playbook_on_task_start": "t",
    "playbook_on_handler_task_start": "t",
    "playbook_on_stats": "r",
    "runner_on_unreachable": "u",
    "runner_on_skipped": "s",
    "runner_item_on_skipped": "s",
    "warning": "w",
    "system_warning": "w",
    "deprecated": "w",
    "error": "e",
}

# counter, first line, text (each line ended by a newline), mark, milliseconds since 1970
Wire = tuple[int, int, str, str, int]
_Read = tuple[int, int, int, str, bool, bool, str, datetime]


@dataclass(frozen=True)
class Failure:
    """A host's failed task: what the failure box lists and the jump button walks through."""

    line: int  # from 0
    task: str
    host: str
    unreachable: bool

    @property
    def number(self) -> int:
        """The line's number as people see it, from 1."""
        return self.line + 1


def events_of(job: UnifiedJob) -> QuerySet[JobEvent]:
    # job_created lets Postgres look into one partition only
    return JobEvent.objects.filter(job_id=job.pk, job_created=job.created).order_by("id")


def of_batch(batch: TailBatch) -> list[Wire]:
    return [_wire(tuple(getattr(event, name) for name in _FIELDS)) for event in batch.events]


def blocks(job: UnifiedJob, ranges: Sequence[tuple[int, int]]) -> list[Wire]:
    """The events whose text stands in lines [first, end) of each range, each cut to it."""
    wanted, left = [], LARGEST_BLOCK
    for first, end in ranges[:MOST_RANGES]:
        past = min(end, first + left)
        if past > first:
            wanted.append((first, past))
            left -= past - first
    found: list[Wire] = []
    for row in written(job, wanted):
        found.extend(_cut([_wire(row[:8])], row.first, row.past))
    return found


def failures(job: UnifiedJob, limit: int = 50) -> list[Failure]:
    """In the order of the output; a failure that the play ignored is none."""
    rows = events_of(job).filter(
        failed=True, event__in=("runner_on_failed", "runner_on_unreachable")
    )
    read = rows.values_list("start_line", "task", "host_name", "event")[:limit]
    return [
        Failure(line, task, host, event == "runner_on_unreachable")
        for line, task, host, event in read
    ]


def _wire(row: _Read) -> Wire:
    counter, start, end, event, failed, changed, stdout, created = row
    mark = _MARKS.get(event, "")
    if not mark and event.startswith("runner_"):
        if failed and event != "runner_item_on_failed":
            mark = "f"
        elif changed:
            mark = "c"
    text = event_text(stdout, end - start)
    if len(text) > LONGEST_LINE:
        text = "\n".join(_shortened(line) for line in text.split("\n"))
    return counter, start, text, mark, int(created.timestamp() * 1000)


def _shortened(line: str) -> str:
    if len(line) <= LONGEST_LINE + 64:  # such a line may have been cut in the database
        return line
    return f"{line[:LONGEST_LINE]} … {len(line) - LONGEST_LINE:,} more characters in this line"


_COLOUR = re.compile(r"\x1b\[([0-9;:]*)m")


def _colours(skipped: str) -> str:
    """The colour codes still in force after a text that is not sent."""
    kept: list[str] = []
    for found in _COLOUR.finditer(skipped):
        kept = [] if found[1].strip("0") == "" else [*kept, found[0]]
    return "".join(kept)


def _cut(events: Iterable[Wire], start: int, end: int) -> Iterable[Wire]:
    for counter, at, text, mark, when in events:
        parts = text.split("\n")
        low, high = max(start - at, 0), end - at
        if low or high < len(parts):
            cut = _colours("\n".join(parts[:low])) + "\n".join(parts[low:high])
            yield counter, at + low, cut + "\n" * (high < len(parts)), mark, when
        else:
            yield counter, at, text, mark, when
