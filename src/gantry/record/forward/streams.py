"""What is there to be told, from where it stands: each of AWX's loggers is read behind its own
stored position, which moves when the server has taken what was before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from django.db import connection
from django.db.models import Max, Min, Q
from django.utils import timezone

from gantry.record.forward.messages import EVENT, Writer
from gantry.resources.activity import ActivityStream
from gantry.resources.events import JobEvent, event_id
from gantry.resources.inventories import Host, HostFacts
from gantry.resources.jobs import ACTIVE, UnifiedJob
from gantry.resources.log_aggregator import (
    ACTIVITY,
    FACTS,
    JOB_EVENTS,
    SERVICE,
    Aggregator,
    LogLine,
    LogProgress,
    LogStream,
)

JOBS = 200  # looked at in a turn
# A change's number is given before its transaction ends: a missing one may still come this long.
GAP = timedelta(seconds=30)
SETTLED = timedelta(seconds=2)
# A job may be made this long before its transaction ends.
YOUNG = timedelta(hours=1)
GUESS = 1500  # bytes of a message, before any was read


@dataclass
class Batch:
    """`done` moves the position behind the messages; call it when they have been taken."""

    messages: list[bytes] = field(default_factory=list)
    done: Callable[[], None] = lambda: None


class Stream(Protocol):
    row: LogStream

    def begin(self) -> None:
        """From now on: what was before forwarding was turned on is not told."""

    def take(self, most: int) -> Batch: ...

    def drop(self) -> int:
        """Leave out the oldest of more than may wait; says how many."""

    def waiting(self) -> int: ...


def stream_of(name: str, aggregator: Aggregator, writer: Writer) -> Stream:
    """One that has never been read begins now."""
    row, new = LogStream.objects.get_or_create(name=name)
    stream = _STREAMS[name](row, aggregator, writer)
    if new or not row.position:
        stream.begin()
    return stream


class _Stream:
    def __init__(self, row: LogStream, aggregator: Aggregator, writer: Writer) -> None:
        self.row, self.aggregator, self.writer = row, aggregator, writer

    def _move(self, **position: Any) -> None:
        self.row.position = position
        self.row.save(update_fields=["position"])

    def drop(self) -> int:
        return 0


_BEHIND = """
SELECT u.id, u.kind, u.created, u.emitted_events, coalesce(p.counter, 0)
  FROM resources_unifiedjob u LEFT JOIN resources_logprogress p ON p.job_id = u.id
 WHERE u.id >= %s AND u.emitted_events > coalesce(p.counter, 0) ORDER BY u.id LIMIT %s
"""
_WAITING = """
SELECT coalesce(sum(u.emitted_events - coalesce(p.counter, 0)), 0)
  FROM resources_unifiedjob u LEFT JOIN resources_logprogress p ON p.job_id = u.id
 WHERE u.id >= %s AND u.emitted_events > coalesce(p.counter, 0)
"""


class JobEvents(_Stream):
    """Position: the job before which everything is told, and of each later one how far it is."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.size = float(GUESS)
        self.tidied = timezone.now()

    def begin(self) -> None:
        LogProgress.objects.all().delete()
        jobs = UnifiedJob.objects.filter(Q(status__in=ACTIVE) | Q(created__gt=_ago(YOUNG)))
        LogProgress.objects.bulk_create(
            LogProgress(job_id=pk, counter=events)
            for pk, events in jobs.order_by().values_list("pk", "emitted_events")
        )
        first = jobs.aggregate(first=Min("pk"))["first"]
        last = UnifiedJob.objects.aggregate(last=Max("pk"))["last"] or 0
        self._move(job=last + 1 if first is None else first)

    def take(self, most: int) -> Batch:
        batch = Batch()
        moved: dict[int, int] = {}
        for pk, kind, created, emitted, told in self._behind():
            room = most - len(batch.messages)
            if room <= 0:
                break
            last = min(emitted, told + room)
            rows = JobEvent.objects.filter(
                job_created=created, id__gt=event_id(pk, told), id__lte=event_id(pk, last)
            )
            found = [self.writer.of_event(row, kind) for row in rows.order_by("id").values(*EVENT)]
            batch.messages += found
            moved[pk] = last
        if batch.messages:
            mean = sum(map(len, batch.messages)) / len(batch.messages)
            self.size += (mean - self.size) / 10
        batch.done = lambda: self._told(moved)
        return batch

    def drop(self) -> int:
        excess = self.waiting() - int(self.aggregator.most_bytes / self.size)
        left = excess
        while left > 0 and (rows := self._behind()):
            moved = {}
            for pk, _, _, emitted, told in rows:
                step = min(left, emitted - told)
                moved[pk] = told + step
                left -= step
                if left <= 0:
                    break
            self._told(moved)
        return max(excess, 0)

    def waiting(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute(_WAITING, [self.row.position["job"]])
            (found,) = cursor.fetchone() or (0,)
        return int(found)

    def _behind(self) -> list[tuple[int, str, datetime, int, int]]:
        with connection.cursor() as cursor:
            cursor.execute(_BEHIND, [self.row.position["job"], JOBS])
            return list(cursor.fetchall())

    def _told(self, moved: dict[int, int]) -> None:
        LogProgress.objects.bulk_create(
            [LogProgress(job_id=pk, counter=counter) for pk, counter in moved.items()],
            update_conflicts=True, unique_fields=["job_id"], update_fields=["counter"],
        )  # fmt: skip
        if timezone.now() - self.tidied > timedelta(seconds=30):
            self._tidy()

    def _tidy(self) -> None:
        """Past the jobs that have ended and are told; a young one may still appear before them."""
        self.tidied = timezone.now()
        behind = self._behind()
        open_jobs = UnifiedJob.objects.filter(
            Q(status__in=ACTIVE) | Q(created__gt=_ago(YOUNG)), pk__gte=self.row.position["job"]
        )
        first = open_jobs.aggregate(first=Min("pk"))["first"]
        candidates = [pk for pk in (first, behind[0][0] if behind else None) if pk is not None]
        if candidates:
            self._move(job=min(candidates))
            LogProgress.objects.filter(job_id__lt=min(candidates)).delete()


class Activity(_Stream):
    """Position: the last entry."""

    def begin(self) -> None:
        self._move(id=ActivityStream.objects.aggregate(last=Max("pk"))["last"] or 0)

    def take(self, most: int) -> Batch:
        last = self.row.position["id"]
        rows = ActivityStream.objects.select_related("actor").filter(pk__gt=last).order_by("pk")
        messages = []
        for row in rows[:most]:
            if row.pk != last + 1 and row.timestamp > _ago(GAP):
                break
            messages.append(self.writer.of_activity(row))
            last = row.pk
        return Batch(messages, lambda: self._move(id=last))

    def waiting(self) -> int:
        return ActivityStream.objects.filter(pk__gt=self.row.position["id"]).count()


class Facts(_Stream):
    """Position: when the last facts were found, and of which host."""

    def begin(self) -> None:
        self._move(at=timezone.now().isoformat(), host=0)

    def _rows(self) -> Any:
        at = datetime.fromisoformat(self.row.position["at"])
        later = Q(ansible_facts_modified__gt=at)
        later |= Q(ansible_facts_modified=at, pk__gt=self.row.position["host"])
        return Host.objects.filter(later, ansible_facts_modified__lt=_ago(SETTLED))

    def take(self, most: int) -> Batch:
        rows = list(
            self._rows()
            .select_related("inventory")
            .order_by("ansible_facts_modified", "pk")[: max(1, most // 20)]
        )
        if not rows:
            return Batch()
        facts = HostFacts.objects.in_bulk([host.pk for host in rows])
        messages: list[bytes] = []
        for host in rows:
            found = facts[host.pk].facts if host.pk in facts else {}
            apart = self.aggregator.individual_facts
            messages += self.writer.of_facts(host, found, apart=apart)
        last = rows[-1]
        at = last.ansible_facts_modified.astimezone(UTC).isoformat()
        return Batch(messages, lambda: self._move(at=at, host=last.pk))

    def waiting(self) -> int:
        return int(self._rows().count())


class Service(_Stream):
    """The lines of Gantry's own processes, which are kept until they are told."""

    def begin(self) -> None:
        self._move(kept=True)

    def take(self, most: int) -> Batch:
        rows = list(LogLine.objects.order_by("pk")[:most])
        ids = [row.pk for row in rows]
        return Batch(
            [self.writer.of_line(row) for row in rows],
            lambda: _forget(ids),
        )

    def drop(self) -> int:
        rows = LogLine.objects.order_by("-pk").values_list("pk", flat=True)
        limit = self.aggregator.most_lines
        newest_gone = next(iter(rows[limit : limit + 1]), None)
        if newest_gone is None:
            return 0
        return LogLine.objects.filter(pk__lte=newest_gone).delete()[0]

    def waiting(self) -> int:
        return LogLine.objects.count()


def _forget(lines: list[int]) -> None:
    LogLine.objects.filter(pk__in=lines).delete()


def _ago(span: timedelta) -> datetime:
    return timezone.now() - span


_STREAMS: dict[str, Callable[..., Stream]] = {
    JOB_EVENTS: JobEvents, ACTIVITY: Activity, FACTS: Facts, SERVICE: Service,
}  # fmt: skip
