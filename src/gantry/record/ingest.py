"""Writes what a pod sends: frames in, committed rows out, each exactly once.

Step "record" of the path. gantry.control gives each job it holds one Recorder and feeds it the
frames of the pod's stream; nobody else writes events, artifacts or `acknowledged`.
"""

from __future__ import annotations

import asyncio
import logging
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, PoolClosed

from gantry.base.errors import Fenced
from gantry.base.redact import Redactor
from gantry.pods.frames import Frame, Kind
from gantry.record import rows, summarize
from gantry.record.pace import PACE
from gantry.record.parents import Parents
from gantry.resources.events import event_id

logger = logging.getLogger(__name__)

EVENTS_CHANNEL = "gantry_events"
LONGEST_PAUSE = 3.0
# For the pool that recorders share: after an outage it must not sleep longer than they do.
POOL: dict[str, Any] = {"timeout": 5.0, "reconnect_timeout": 3.0}
# The last one: a standby answers, in the middle of a switch-over.
AWAY = (
    psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction,
)  # fmt: skip
PIECE = 16  # events: their bytes stay in the processor's cache
RECORDED = (Kind.EVENT, Kind.ARTIFACT, Kind.STARTED, Kind.END)
_ARTIFACT = struct.Struct(">HI")

_COPY = f"COPY resources_jobevent ({rows.COLUMNS}) FROM STDIN (FORMAT BINARY)"
_ADVANCE: LiteralString = """
UPDATE resources_unifiedjob
   SET acknowledged = %(last)s, lines = greatest(lines, %(lines)s),
       emitted_events = emitted_events + %(events)s {more}
 WHERE id = %(job)s AND acknowledged = %(acknowledged)s AND lease_epoch = %(epoch)s
RETURNING pg_notify('gantry_events', id || ':' || emitted_events || ':' || lines)
"""


@dataclass(frozen=True)
class RecordedJob:
    """The job as this controller holds it. `created` finds its partition, `epoch` its lease."""

    id: int
    created: datetime
    epoch: int
    kind: str = "job"


@dataclass
class _Batch:
    """What one transaction will write. All of it is redacted, but for the events' frames."""

    last: int
    lines: int = 0
    events: list[Frame] = field(default_factory=list)
    artifacts: list[tuple[str, int, bytes]] = field(default_factory=list)
    columns: dict[LiteralString, Any] = field(default_factory=dict)


class SequenceGap(Exception):
    """A frame is missing: a bug of the agent or of the stream's reader. Never papered over."""


class Recorder:
    """Records one job's frames. One at a time holds a job; the lease's epoch fences the others."""

    def __init__(
        self,
        pool: AsyncConnectionPool[Any],
        job: RecordedJob,
        redactor: Redactor,
        hosts: Mapping[str, int],
    ) -> None:
        self.pool = pool
        self.job = job
        self.hosts = hosts
        self.acknowledged: int | None = None  # not yet read from the row
        self._counter = 0  # of the last event recorded
        self._rows = rows.RowMaker(job.id, job.created, redactor, hosts)
        self._parents = Parents(job.id)

    async def record(self, frames: Sequence[Frame]) -> int:
        """Commit the frames not yet recorded; returns the last sequence number that is.

        Waits, however long it takes, while PostgreSQL is away. Raises Fenced when another
        controller has the job.
        """
        pause = 0.05
        came = time.monotonic()
        batch: _Batch | None = None
        while True:
            try:
                if self.acknowledged is None:
                    await self._recall()
                assert self.acknowledged is not None
                if batch is None:
                    batch = self._batch(frames)
                if batch.last == self.acknowledged:
                    return self.acknowledged
                if await self._write(batch):
                    self.acknowledged = batch.last
                    self._counter += len(batch.events)
                    PACE.note(len(batch.events), time.monotonic() - came)
                    return self.acknowledged
                # The answer to a commit was lost, or the lease was.
                self.acknowledged = batch = None
            except PoolClosed:
                raise
            except AWAY as error:
                if pause == 0.05:
                    logger.warning("Job %s: PostgreSQL is away, waiting: %s", self.job.id, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                # Connections that died with the server would each cost one more round.
                await self.pool.check()

    async def _recall(self) -> None:
        async with self.pool.connection() as connection:
            cursor = await connection.execute(
                "SELECT acknowledged, lease_epoch, emitted_events FROM resources_unifiedjob"
                " WHERE id = %s",
                [self.job.id],
            )
            found = await cursor.fetchone()
        if found is None or found[1] != self.job.epoch:
            raise Fenced(f"Job {self.job.id} is held by another controller.")
        self.acknowledged, _, self._counter = found
        if self.acknowledged == 0:
            self._parents.complete = True

    def _batch(self, frames: Sequence[Frame]) -> _Batch:
        assert self.acknowledged is not None
        batch = _Batch(self.acknowledged)
        for frame in frames:
            if frame.kind not in RECORDED or frame.sequence <= batch.last:
                continue
            if frame.sequence != batch.last + 1:
                raise SequenceGap(
                    f"job {self.job.id}: frame {frame.sequence} came after {batch.last}"
                )
            batch.last = frame.sequence
            if frame.kind == Kind.EVENT:
                batch.events.append(frame)
                batch.lines = max(batch.lines, frame.end_line)
                if frame.counter != self._counter + len(batch.events):
                    raise SequenceGap(f"job {self.job.id}: event {frame.counter} is out of order")
            elif frame.kind == Kind.ARTIFACT:
                batch.artifacts.append(_artifact(frame.body))
            elif frame.kind == Kind.STARTED:
                batch.columns.update(self._started(frame.body))
            else:
                batch.columns["exit"] = Jsonb(self._redacted(frame.body))
        return batch

    def _redacted(self, body: bytes) -> dict[str, Any]:
        found = self._rows.masked(body)
        if found is None:
            text = rows.clean(body.decode("utf-8", "replace"))
            found = {"unreadable": self._rows.redactor.text(text)}
        return found

    def _started(self, body: bytes) -> dict[LiteralString, Any]:
        told = self._redacted(body)
        environment = told.get("env")
        return {
            "job_args": rows.dumps(told.get("argv", [])).decode(),
            "job_cwd": str(told.get("cwd", ""))[:1024],
            "job_env": Jsonb(environment if isinstance(environment, dict) else {}),
        }

    async def _write(self, batch: _Batch) -> bool:
        """False when the job's row was not as expected; then nothing was written."""
        async with self.pool.connection() as connection, connection.transaction():
            if not await self._advance(connection, batch):
                return False
            if batch.artifacts:
                await self._write_artifacts(connection, batch)
            for stats in await self._write_events(connection, batch.events):
                await self._parents.mark(connection, self.job.created)
                if self.job.kind == "job":
                    await self._write_stats(connection, stats)
            if self.job.kind == "ad_hoc_command" and batch.events:
                await self._note_hosts(connection, batch.events)
        return True

    async def _advance(self, connection: psycopg.AsyncConnection[Any], batch: _Batch) -> bool:
        more: LiteralString = "".join(f", {name} = %({name})s" for name in batch.columns)
        cursor = await connection.execute(
            _ADVANCE.format(more=more),
            {
                "last": batch.last, "lines": batch.lines, "events": len(batch.events),
                "job": self.job.id, "acknowledged": self.acknowledged, "epoch": self.job.epoch,
                **batch.columns,
            },
        )  # fmt: skip
        return cursor.rowcount == 1

    async def _write_events(
        self, connection: psycopg.AsyncConnection[Any], frames: Sequence[Frame]
    ) -> list[dict[str, Any]]:
        """Copies the events; returns the event_data of each playbook_on_stats among them."""
        if not frames:
            return []
        stats = []
        async with connection.cursor().copy(_COPY) as copy:
            await copy.write(rows.HEADER)
            # Piece by piece: PostgreSQL works on one while the next is made, and other jobs' tasks
            # get their turn.
            for at in range(0, len(frames), PIECE):
                made = self._rows.rows(frames[at : at + PIECE])
                for row in made:
                    self._parents.see(row)
                    if row.event == rows.STATS:
                        stats.append(row.event_data)
                await copy.write(b"".join([row.data for row in made]))
                await asyncio.sleep(0)
            await copy.write(rows.TRAILER)
        return stats

    async def _note_hosts(
        self, connection: psycopg.AsyncConnection[Any], frames: Sequence[Frame]
    ) -> None:
        """Which hosts have events of an ad hoc command, so that a host finds its commands."""
        numbers = [event_id(self.job.id, frame.counter) for frame in frames]
        await connection.execute(
            "INSERT INTO resources_adhoccommand_hosts (adhoccommand_id, host_id)"
            # A host deleted while the command ran leaves its name only, on its events.
            " SELECT DISTINCT e.job_id, h.id FROM resources_jobevent e"
            " JOIN resources_host h ON h.id = e.host_id"
            " WHERE e.job_created = %s AND e.id BETWEEN %s AND %s ON CONFLICT DO NOTHING",
            [self.job.created, min(numbers), max(numbers)],
        )

    async def _write_artifacts(
        self, connection: psycopg.AsyncConnection[Any], batch: _Batch
    ) -> None:
        statement = (
            "COPY resources_artifact (job_id, name, number, data) FROM STDIN (FORMAT BINARY)"
        )
        async with connection.cursor().copy(statement) as copy:
            copy.set_types(["int8", "varchar", "int4", "bytea"])
            for name, number, data in batch.artifacts:
                await copy.write_row((self.job.id, name, number, data))

    async def _write_stats(
        self, connection: psycopg.AsyncConnection[Any], stats: dict[str, Any]
    ) -> None:
        await summarize.write(connection, self.job.id, stats, self.hosts)
        artifacts = stats.get("artifact_data")
        if artifacts:
            # AWX: whatever set_stats left without a host (awx/main/tasks/callback.py).
            await connection.execute(
                "UPDATE resources_job SET artifacts = %s WHERE unifiedjob_ptr_id = %s",
                [Jsonb(artifacts), self.job.id],
            )


def _artifact(body: bytes) -> tuple[str, int, bytes]:
    length, number = _ARTIFACT.unpack_from(body)
    name = body[_ARTIFACT.size : _ARTIFACT.size + length].decode("utf-8", "replace")
    return name[:200], number, body[_ARTIFACT.size + length :]
