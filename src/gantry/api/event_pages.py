"""Pages of a job's events without OFFSET: any page of a million costs what the first one does.

A job's counters have no gaps and stand in the order of its lines, so a page of them is a range of
ids. That holds as long as a request narrows the events by nothing else than their counters or the
lines they start at (`awx jobs monitor` asks for what starts behind the last line it has).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from gantry.resources.events import COUNTER_BITS, event_id
from gantry.resources.models import JobEvent

_SHOWN = {"page", "page_size", "format", "no_truncate"}
_RANGED = ("counter__", "start_line__")
_ORDERS = {"": False} | {
    sign + name: bool(sign) for sign in ("", "-") for name in ("counter", "id", "start_line")
}
LARGEST = (1 << COUNTER_BITS) - 1


@dataclass(frozen=True)
class CounterRange:
    """Events `first` to `last` of a job, as a sequence that Django's paginator can slice."""

    job: int
    rows: QuerySet[Any]
    first: int
    last: int
    descending: bool

    def __len__(self) -> int:
        return max(0, self.last - self.first + 1)

    def __getitem__(self, wanted: slice) -> QuerySet[Any]:
        if self.descending:
            low, high = self.last - wanted.stop + 1, self.last - wanted.start
        else:
            low, high = self.first + wanted.start, self.first + wanted.stop - 1
        low, high = max(low, self.first), min(high, self.last)
        ids = (event_id(self.job, low), event_id(self.job, high))
        found = self.rows.filter(id__range=ids)
        return found.order_by("-id" if self.descending else "id")


def counter_range(job: Any, rows: QuerySet[Any], asked: QueryDict) -> CounterRange | None:
    """`rows` are the events that a request's parameters, `asked`, have left. None if they are not
    a range of counters, or not in their order."""
    first, last = 1, _last_counter(job)
    order = ""
    for name in asked:
        value = str(asked[name])
        if name in ("order_by", "order"):
            order = value
        elif name.startswith(_RANGED) and value.isdigit() and len(value) < 10:
            bounds = _bounds(job, name, int(value))
            if bounds is None:
                return None
            first, last = max(first, bounds[0]), min(last, bounds[1])
        elif name not in _SHOWN:
            return None
    if order not in _ORDERS or any(len(asked.getlist(n)) > 1 for n in asked):
        return None
    return CounterRange(job.pk, rows, first, last, _ORDERS[order])


def _bounds(job: Any, name: str, value: int) -> tuple[int, int] | None:
    """The counters that a look-up leaves, first and last; None if it is no comparison."""
    field, _, comparison = name.partition("__")
    if comparison not in ("gt", "gte", "lt", "lte"):
        return None
    border = value + (comparison in ("gt", "lte"))
    if field == "start_line":
        border = _counter_at(job, border)
    return (border, LARGEST) if comparison in ("gt", "gte") else (1, border - 1)


def _counter_at(job: Any, line: int) -> int:
    """Of the first event that starts at this line or behind it."""
    rows = JobEvent.objects.filter(job_id=job.pk, job_created=job.created, start_line__gte=line)
    found = rows.order_by("start_line", "id").values_list("counter", flat=True).first()
    return LARGEST + 1 if found is None else int(found)


def _last_counter(job: Any) -> int:
    """Of what is recorded by now, which is less than what was emitted once events are removed."""
    rows = JobEvent.objects.filter(job_id=job.pk, job_created=job.created)
    # The primary key's index begins with the job's number, the other one ends with lines.
    ids = (event_id(job.pk, 0), event_id(job.pk, LARGEST))
    return rows.filter(id__range=ids).order_by("-id").values_list("counter", flat=True).first() or 0
