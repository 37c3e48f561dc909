"""Follows jobs as they happen: one LISTEN connection a process, one read a batch for all watchers.

The web process has one Tail (`gantry job --follow` another); each watcher iterates `follow`.
A watcher is only a position: it takes the next batch from a short shared memory of recent ones, or
reads from the table when it is further behind. So a slow watcher costs nothing, and nobody can
miss or repeat an event: positions are counters, and the table has them all.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import psycopg
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool, PoolClosed

from gantry.resources.events import event_id
from gantry.resources.jobs import FINISHED

logger = logging.getLogger(__name__)

# Events recorded; `<job>:<status>:<stage>`; `<kind of row>:<id>` of what else changed.
CHANNELS = ("gantry_events", "gantry_jobs", "gantry_changes")
BATCH_EVENTS = 1000
BATCH_BYTES = 1 << 20
KEPT_BATCHES = 64
KEPT_BYTES = 4 << 20
SILENCE = 20.0  # seconds after which the LISTEN connection is asked whether it lives
LONGEST_PAUSE = 3.0

_EVENTS = """
SELECT counter, start_line, end_line, event, host, task, play, failed, changed, stdout, created
  FROM (SELECT *, sum(octet_length(stdout)) OVER (ORDER BY id) - octet_length(stdout) AS before
          FROM (SELECT id, counter, start_line, end_line, event, host_name AS host, task, play,
                       failed, changed, stdout, created FROM resources_jobevent
                 WHERE id > %(after)s AND id <= %(to)s AND job_created = %(job_created)s
                 ORDER BY id LIMIT %(limit)s) AS rows) AS sized
 WHERE before < %(bytes)s ORDER BY counter
"""
_STATE = "SELECT created, status, stage, emitted_events FROM resources_unifiedjob WHERE id = %s"


@dataclass(frozen=True, slots=True)
class TailEvent:
    counter: int
    start_line: int
    end_line: int
    event: str
    host: str
    task: str
    play: str
    failed: bool
    changed: bool
    stdout: str
    created: datetime


@dataclass(frozen=True)
class TailBatch:
    """Events in order, and where the job stands. `after` is the counter before the first event.

    All watchers of a job get the same object: what is made of it can be kept in `made`.
    """

    after: int
    events: tuple[TailEvent, ...]
    status: str
    stage: str
    made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def last(self) -> int:
        return self.events[-1].counter if self.events else self.after

    @property
    def size(self) -> int:
        return sum(len(e.stdout) for e in self.events)

    @property
    def finished(self) -> bool:
        """Whether the job has ended; its last events may still be to come."""
        return self.status in FINISHED


class Ear(Protocol):
    """Is told of every announcement, on the loop's thread; must return at once and not raise."""

    def heard(self, channel: str, payload: str) -> None: ...

    def deaf(self, since: datetime) -> None:
        """What was announced between then and now has been lost."""


class JobGone(Exception):
    """There is no such job, or no longer."""


class _Channel:
    """What the watchers of one job share."""

    def __init__(self, job: int) -> None:
        self.job = job
        self.watchers = 0
        self.created: datetime | None = None
        self.head = -1  # counter up to which the recent batches reach; -1: nothing read yet
        self.state = ("", "")
        self.complete = False  # finished, and head is the last event
        self.recent: deque[TailBatch] = deque()
        self.bell = asyncio.Event()
        self.stale = True  # something has been announced since the last read began
        self.lock = asyncio.Lock()

    def ring(self) -> None:
        self.stale = True
        self.wake()

    def wake(self) -> None:
        bell, self.bell = self.bell, asyncio.Event()
        bell.set()

    def after(self, position: int) -> TailBatch | None:
        """The recent batch that begins right after the position."""
        for batch in self.recent:
            if batch.after == position:
                return batch
        return None

    def keep(self, batch: TailBatch) -> None:
        self.recent.append(batch)
        while len(self.recent) > KEPT_BATCHES or sum(b.size for b in self.recent) > KEPT_BYTES:
            if len(self.recent) == 1:
                break
            self.recent.popleft()


class Tail:
    """`async with Tail(url, pool) as tail: async for batch in tail.follow(job, 0): ...`"""

    def __init__(self, url: str, pool: AsyncConnectionPool[Any]) -> None:
        self.url = url
        self.pool = pool
        self.ears: set[Ear] = set()
        self._channels: dict[int, _Channel] = {}
        self._listening = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None
        self._alive = datetime.now(UTC)  # when the LISTEN connection last proved that it lives

    async def __aenter__(self) -> Tail:
        # The one background task of this room: nobody else could own the LISTEN connection.
        self._listener = asyncio.create_task(self._listen(), name="tail")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop listening; watchers wait for ever then, so cancel them as well."""
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener

    async def follow(self, job: int, after: int = 0) -> AsyncIterator[TailBatch]:
        """All events with a counter above `after`, then what comes; ends when the job has.

        A batch without events tells a new status or stage. Raises JobGone.
        """
        channel = self._channels.setdefault(job, _Channel(job))
        channel.watchers += 1
        told: tuple[str, str] | None = None
        try:
            while True:
                bell = channel.bell  # before looking: what comes later rings this one
                if channel.stale:
                    await self._refresh(channel)
                batch = channel.after(after) or await self._catch_up(channel, after)
                if batch is None and channel.state != told:
                    batch = TailBatch(after, (), *channel.state)
                if batch is not None:
                    after, told = batch.last, (batch.status, batch.stage)
                    yield batch
                elif channel.complete:
                    return
                elif not channel.stale:
                    await bell.wait()
        finally:
            channel.watchers -= 1
            if not channel.watchers:
                self._channels.pop(job, None)

    async def _refresh(self, channel: _Channel) -> None:
        """Read what is new, once for all watchers."""
        async with channel.lock:
            if not channel.stale:
                return
            await self._listening.wait()
            channel.stale = False
            try:
                await self._read_head(channel)
            except BaseException:  # this watcher left; another has to read
                channel.stale = True
                raise
            finally:
                # Those who looked while this read was under way found nothing, and wait.
                channel.wake()

    async def _read_head(self, channel: _Channel) -> None:
        # The state first: a finished job's events are all there by then.
        created, status, stage, emitted = await self._state(channel.job)
        channel.created, channel.state = created, (status, stage)
        if channel.head < 0:
            channel.head = emitted  # what came before, each watcher reads for itself
        full = False
        if emitted > channel.head:
            batch = await self._read(channel, channel.head, emitted)
            channel.head = batch.last
            channel.keep(batch)
            full = channel.head < emitted
        channel.complete = status in FINISHED and not full
        if full:
            channel.stale = True

    async def _catch_up(self, channel: _Channel, after: int) -> TailBatch | None:
        """What a watcher that is behind the recent batches reads for itself."""
        if after >= channel.head:
            return None
        limit = min((b.after for b in channel.recent if b.after > after), default=channel.head)
        return await self._read(channel, after, limit)

    async def _read(self, channel: _Channel, after: int, to: int) -> TailBatch:
        values = {
            "after": event_id(channel.job, after), "to": event_id(channel.job, to),
            "job_created": channel.created, "limit": BATCH_EVENTS, "bytes": BATCH_BYTES,
        }  # fmt: skip

        async def read(connection: psycopg.AsyncConnection[Any]) -> list[TailEvent]:
            async with connection.cursor(row_factory=class_row(TailEvent)) as cursor:
                await cursor.execute(_EVENTS, values)
                return await cursor.fetchall()

        events = await self._patiently(read)
        if not events:
            # Events are deleted with their job, or by retention.
            raise JobGone(f"The events of job {channel.job} are gone.")
        return TailBatch(after, tuple(events), *channel.state)

    async def _state(self, job: int) -> tuple[Any, ...]:
        async def read(connection: psycopg.AsyncConnection[Any]) -> tuple[Any, ...] | None:
            return await (await connection.execute(_STATE, [job])).fetchone()

        found: tuple[Any, ...] | None = await self._patiently(read)
        if found is None:
            raise JobGone(f"There is no job {job}.")
        return found

    async def _patiently(self, read: Any) -> Any:
        """A read that waits while PostgreSQL is away."""
        pause = 0.05
        while True:
            try:
                async with self.pool.connection() as connection:
                    return await read(connection)
            except PoolClosed:
                raise
            except (psycopg.OperationalError, psycopg.InterfaceError):
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                await self.pool.check()

    async def _listen(self) -> None:
        """Hears announcements and rings; after a lost connection rings for everybody."""
        pause = 0.05
        lost: datetime | None = None
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self.url, autocommit=True, application_name="gantry tail"
                ) as connection:
                    for name in CHANNELS:
                        await connection.execute(f"LISTEN {name}")
                    if pause > 0.05:
                        logger.warning("Listening to PostgreSQL again")
                    pause = 0.05
                    self._listening.set()
                    for channel in self._channels.values():
                        channel.ring()
                    if lost is not None:
                        for ear in self.ears:
                            ear.deaf(lost)
                    lost = None
                    await self._hear(connection)
            except psycopg.Error as error:
                lost = lost or self._alive
                if pause == 0.05:
                    logger.warning("Lost the LISTEN connection, trying again: %s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    async def _hear(self, connection: psycopg.AsyncConnection[Any]) -> None:
        while True:
            self._alive = datetime.now(UTC)
            async for notice in connection.notifies(timeout=SILENCE):
                for ear in self.ears:
                    ear.heard(notice.channel, notice.payload)
                job, _, _ = notice.payload.partition(":")
                channel = self._channels.get(int(job)) if job.isdecimal() else None
                if channel is not None:
                    channel.ring()
            await connection.execute("SELECT 1")  # a connection cut silently shows itself here
            for channel in self._channels.values():
                channel.ring()
