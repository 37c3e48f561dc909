"""The web process's Tail, and a glance at a job's row, shared by everybody who watches it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
from psycopg_pool import AsyncConnectionPool

from gantry.base import postgres
from gantry.base.bridge import in_thread
from gantry.base.config import settings
from gantry.record.ingest import POOL
from gantry.record.tail import Tail
from gantry.resources.jobs import UnifiedJob
from gantry.resources.workflows import WorkflowJobNode

FRESH = 0.5  # seconds for which one look at a row serves all watchers
_KEPT = 500


@dataclass(frozen=True)
class State:
    """What the page around the output shows of a job's row."""

    status: str
    stage: str
    waiting_for: str
    pull: dict[str, Any] | None
    mark: str

    def json(self) -> bytes:
        return orjson.dumps(self)


class Feed:
    """`start` and `stop` with the process; `tail` between them."""

    def __init__(self) -> None:
        self.tail: Tail | None = None
        self._pool: AsyncConnectionPool[Any] | None = None
        self._looks: dict[int, tuple[float, asyncio.Future[State]]] = {}

    async def start(self) -> Tail:
        url = postgres.url(settings())
        self._pool = AsyncConnectionPool(url, min_size=1, max_size=4, open=False, **POOL)
        await self._pool.open()
        self.tail = await Tail(url, self._pool).__aenter__()
        return self.tail

    async def stop(self) -> None:
        if self.tail is not None and self._pool is not None:
            await self.tail.close()
            await self._pool.close()
        self.tail = None

    async def state(self, job: int, *, now: bool = False) -> State:
        """The row as it is, or as it was within the last half second."""
        known = self._looks.get(job)
        if now or known is None or time.monotonic() - known[0] > FRESH or _failed(known[1]):
            if len(self._looks) > _KEPT:
                self._looks.clear()
            known = (time.monotonic(), asyncio.ensure_future(read_state(job)))
            self._looks[job] = known
        return await asyncio.shield(known[1])


def _failed(look: asyncio.Future[State]) -> bool:
    return look.done() and (look.cancelled() or look.exception() is not None)


@lru_cache(maxsize=1)
def feed() -> Feed:
    """This process's feed."""
    return Feed()


@in_thread
def read_state(job: int) -> State:
    row = UnifiedJob.objects.filter(pk=job).first()
    if row is None:
        return State("deleted", "done", "", None, "deleted")
    return State(row.status, row.stage, row.waiting_for, row.pull_progress, mark(row))


def mark(job: UnifiedJob) -> str:
    """Equal marks: the panels around the output would look the same."""
    parts = (job.status, job.stage, job.waiting_for, job.cancel_flag, job.ee_digest,
             job.ee_warning)  # fmt: skip
    return orjson.dumps([*parts, bool(job.cleanup), *_nodes(job)]).decode()


def _nodes(job: UnifiedJob) -> list[tuple[int | None, str | None, bool]]:
    """How a workflow's nodes stand: its own row does not change when they do."""
    if job.kind != "workflow_job":
        return []
    nodes = WorkflowJobNode.objects.filter(workflow_job_id=job.pk).order_by("pk")
    return list(nodes.values_list("job_id", "job__status", "do_not_run"))
