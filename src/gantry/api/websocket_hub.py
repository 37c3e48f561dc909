"""One reader of announcements a web process, which tells all sockets what they may know.

It reads each batch of changed rows once, asks once for each person which of them they may read,
and hands the messages out without waiting for anybody: who has too many untaken is cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from gantry.api.websocket_messages import (
    Told,
    WatchedJob,
    changed_messages,
    event_messages,
    gone_messages,
    status_messages,
    worth_telling,
)
from gantry.base.bridge import in_thread, waiting_for_database
from gantry.path.states import STAGES_OF
from gantry.record.tail import Tail, TailBatch, TailEvent
from gantry.resources import access
from gantry.resources.announcing import GONE
from gantry.resources.models import UnifiedJob, User

MOST_UNREAD = 20_000  # announcements; more than that while PostgreSQL was away are read from it
CLOCKS = timedelta(seconds=60)  # how far apart the machines' clocks may be
PIECE = 50  # events whose data is read at once
KEPT_BYTES = 8 << 20
_FIRST_STAGES = {f"{status}:{stages[0]}" for status, stages in STAGES_OF.items()}
logger = logging.getLogger(__name__)


class Member(Protocol):
    """A socket as the hub sees it."""

    groups: frozenset[str]
    user: User

    def tell(self, messages: Sequence[str]) -> None: ...


class Hub:
    """`start` and `stop` with the process, between them `join` and `leave`."""

    def __init__(self) -> None:
        self.tail: Tail | None = None
        self._members: set[Member] = set()
        self._jobs: deque[tuple[int, str]] = deque()
        self._changes: deque[tuple[str, int]] = deque()
        self._gone: deque[tuple[int, int]] = deque()
        self._missed_since: datetime | None = None
        self._bell = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._kept: OrderedDict[tuple[int, int, int], asyncio.Future[list[str]]] = OrderedDict()

    def start(self, tail: Tail) -> None:
        self.tail = tail
        tail.ears.add(self)
        self._task = asyncio.create_task(self._run(), name="websocket hub")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self.tail = None

    def join(self, member: Member) -> None:
        self._members.add(member)

    def leave(self, member: Member) -> None:
        self._members.discard(member)

    # The Tail's Ear.

    def heard(self, channel: str, payload: str) -> None:
        if not self._members:
            return
        name, _, rest = payload.partition(":")
        if channel == "gantry_jobs" and rest in _FIRST_STAGES and name.isdecimal():
            self._jobs.append((int(name), rest.partition(":")[0]))
        elif channel == "gantry_changes" and rest.isdecimal():
            self._changes.append((name, int(rest)))
        elif channel == "gantry_changes" and name == GONE:
            inventory, _, organization = rest.partition(":")
            self._gone.append((int(inventory), int(organization)))
        else:
            return
        for unread in (self._jobs, self._changes, self._gone):
            while len(unread) > MOST_UNREAD:
                unread.popleft()
        self._bell.set()

    def deaf(self, since: datetime) -> None:
        self._missed_since = min(since, self._missed_since or since)
        self._bell.set()

    async def _run(self) -> None:
        while True:
            await self._bell.wait()
            self._bell.clear()
            heard = Heard(
                list(self._jobs), list(self._changes), list(self._gone), self._missed_since
            )
            self._jobs.clear()
            self._changes.clear()
            self._gone.clear()
            self._missed_since = None
            users = {member.user.pk: member.user for member in self._members}
            try:
                told, seen = await _read(heard, list(users.values()))
            except Exception:
                # One row that cannot be told must not silence all others for ever.
                logger.exception("Changes could not be told to websockets")
                continue
            for member in list(self._members):
                may_see = seen.get(member.user.pk, set())
                wanted = [
                    t.text for t in told if t.group in member.groups and (t.model, t.pk) in may_see
                ]
                if wanted:
                    member.tell(wanted)

    async def messages(self, job: WatchedJob, batch: TailBatch) -> Any:
        """Yields the batch's messages, a list for each piece of it; made once for all sockets."""
        events = [event for event in batch.events if worth_telling(event)]
        for at in range(0, len(events), PIECE):
            yield await self._piece(job, events[at : at + PIECE])

    async def _piece(self, job: WatchedJob, events: list[TailEvent]) -> list[str]:
        key = (job.id, events[0].counter, events[-1].counter)
        making = self._kept.get(key)
        if making is None or (making.done() and making.exception() is not None):
            making = self._kept[key] = asyncio.ensure_future(event_messages(job, events))
        found = await asyncio.shield(making)
        self._forget()
        return found

    def _forget(self) -> None:
        size = sum(_size(made) for made in self._kept.values())
        while size > KEPT_BYTES and len(self._kept) > 1:
            size -= _size(self._kept.popitem(last=False)[1])


def _size(made: asyncio.Future[list[str]]) -> int:
    if not made.done() or made.cancelled() or made.exception() is not None:
        return 0
    return sum(map(len, made.result()))


@dataclass(frozen=True)
class Heard:
    """What is to be told: (job, status), (kind, id), (inventory, organization), and since when
    nothing was heard."""

    jobs: list[tuple[int, str]]
    changes: list[tuple[str, int]]
    gone: list[tuple[int, int]]
    missed: datetime | None


@in_thread
def _read(heard: Heard, users: list[User]) -> tuple[list[Told], dict[int, set[tuple[Any, int]]]]:
    """The messages, and for each user which (model, id) of theirs they may read."""
    return waiting_for_database(lambda: _look(heard, users))


def _look(heard: Heard, users: list[User]) -> tuple[list[Told], dict[int, set[tuple[Any, int]]]]:
    jobs, missed = heard.jobs, heard.missed
    if missed is not None:
        moved = UnifiedJob.objects.filter(modified__gte=missed - CLOCKS).order_by("modified")
        jobs = [*moved.values_list("pk", "status")[:MOST_UNREAD], *jobs]
    told = [
        *status_messages(jobs), *changed_messages(heard.changes), *gone_messages(heard.gone)
    ]  # fmt: skip
    models = {t.model: {u.pk for u in told if u.model is t.model} for t in told}
    seen: dict[int, set[tuple[Any, int]]] = {}
    for user in users:
        seen[user.pk] = {
            (model, pk)
            for model, ids in models.items()
            for pk in access.visible(user, model.objects.filter(pk__in=ids)).values_list(
                "pk", flat=True
            )
        }
    return told, seen
