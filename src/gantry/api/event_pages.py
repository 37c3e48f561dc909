"""Pages of a job's events without OFFSET: any page of a million costs what the first one does.

A job's counters have no gaps and stand in the order of its lines, so a page of them is a range of
ids. That holds as long as a request narrows the events by nothing else than their counters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from gantry.resources.events import COUNTER_BITS, event_id
from gantry.resources.models import JobEvent

_SHOWN = {"page", "page_size", "format", "no_truncate"}
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
        elif name.startswith("counter__") and value.isdigit() and len(value) < 10:
            bounds = _bounds(name, int(value))
            if bounds is None:
                return None
            first, last = max(first, bounds[0]), min(last, bounds[1])
        elif name not in _SHOWN:
            return None
    if order not in _ORDERS or any(len(asked.getlist(n)) > 1 for n in asked):
        return None
    return CounterRange(job.pk, rows, first, last, _ORDERS[order])


def _bounds(name: str, value: int) -> tuple[int, int] | None:
    return {
        "counter__gt": (value + 1, LARGEST),
        "counter__gte": (value, LARGEST),
        "counter__lt": (1, value - 1),
        "counter__lte": (1, value),
    }.get(name)


def _last_counter(job: Any) -> int:
    """Of what is recorded by now, which is less than what was emitted once events are removed."""
    rows = JobEvent.objects.filter(job_id=job.pk, job_created=job.created)
    # The primary key's index begins with the job's number, the other one ends with lines.
    ids = (event_id(job.pk, 0), event_id(job.pk, LARGEST))
    return rows.filter(id__range=ids).order_by("-id").values_list("counter", flat=True).first() or 0
