"""Server-sent events of one job, from any point of its output to its end.

Step "tail" of the path, the browser's side of it. `data` messages carry events (id = the last
event's counter, which the browser sends back as Last-Event-ID), `state` what the row says, `end`
comes once, when the job is over and all has been sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

import orjson
from asgiref.sync import sync_to_async
from django.db import connections
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from gantry.record.tail import JobGone, TailBatch
from gantry.resources.access import visible
from gantry.resources.jobs import FINISHED, NOT_WALKED, UnifiedJob
from gantry.resources.organizations import User
from gantry.web.feed import State, feed
from gantry.web.output import of_batch

KEEPALIVE = 15.0
GLANCE = 1.0  # between looks at the row while the job is on its way to run: pull bytes, waiting
RETRY = 1000  # milliseconds until a browser that lost us comes back


async def job_events(request: HttpRequest, pk: int) -> HttpResponseBase:
    job = await sync_to_async(_admit)(request, pk)
    if isinstance(job, HttpResponse):
        return job
    if feed().tail is None:
        return HttpResponse("This server has no live feed.", status=503, content_type="text/plain")
    return StreamingHttpResponse(
        _stream(job, _place(request)),
        content_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _place(request: HttpRequest) -> int:
    """Where the browser is. What it saw last beats the address it once opened."""
    for given in (request.headers.get("Last-Event-ID"), request.GET.get("after")):
        if given and given.isdecimal():
            return min(int(given), 1 << 26)
    return 0


def _admit(request: HttpRequest, pk: int) -> UnifiedJob | HttpResponse:
    """The job, if this person may see it.

    One thread, one connection, given back at once: a stream lasts for hours, and a hundred that
    begin together must not each hold one of the pool's connections while they wait for a second.
    """
    try:
        if not isinstance(request.user, User):
            return HttpResponse("Log in first.", status=401, content_type="text/plain")
        job = visible(request.user, UnifiedJob.objects.filter(pk=pk)).first()
        if job is None:
            return HttpResponse("There is no such job.", status=404, content_type="text/plain")
        return job
    finally:
        connections.close_all()


async def _stream(row: UnifiedJob, after: int) -> AsyncIterator[bytes]:
    yield b"retry: %d\n\n" % RETRY
    job = row.pk
    teller = _Teller(row)
    with suppress(JobGone):
        async for batch in _paced(job, after, teller):
            if batch is None:
                yield (await teller.news()) or b": still here\n\n"
                continue
            if batch.events:
                yield _message(batch)
            if teller.differs(batch):
                yield await teller.news(now=True)
    last = await feed().state(job, now=True)
    yield b"event: end\ndata: %b\n\n" % last.json()


async def _paced(job: int, after: int, teller: _Teller) -> AsyncIterator[TailBatch | None]:
    """The Tail's batches, and None whenever it is time to look at the row or to sign of life."""
    tail = feed().tail
    assert tail is not None
    async with aclosing(tail.follow(job, after)) as batches:  # type: ignore[type-var]
        coming: asyncio.Future[TailBatch] | None = None
        try:
            while True:
                coming = coming or asyncio.ensure_future(anext(batches))
                await asyncio.wait({coming}, timeout=teller.patience)
                if not coming.done():
                    yield None
                    continue
                ready, coming = coming, None
                try:
                    yield ready.result()
                except StopAsyncIteration:
                    return
        finally:
            if coming is not None:
                coming.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration, JobGone):
                    await coming


class _Teller:
    """Tells a watcher what the row says, each thing once."""

    def __init__(self, job: UnifiedJob) -> None:
        self._job = job.pk
        self._of_others = job.kind in NOT_WALKED  # what its page shows are other jobs' states
        self._told: State | None = None

    @property
    def patience(self) -> float:
        told = self._told
        if told is None or told.status in FINISHED:
            return KEEPALIVE
        return GLANCE if self._of_others or told.stage != "running" else KEEPALIVE

    def differs(self, batch: TailBatch) -> bool:
        told = self._told
        return told is None or (told.status, told.stage) != (batch.status, batch.stage)

    async def news(self, *, now: bool = False) -> bytes:
        state = await feed().state(self._job, now=now)
        if state == self._told:
            return b""
        self._told = state
        return b"event: state\ndata: %b\n\n" % state.json()


def _message(batch: TailBatch) -> bytes:
    """Made once, sent to all: the Tail gives every watcher the same batch."""
    made = batch.made.get("web")
    if made is None:
        body = orjson.dumps({"events": of_batch(batch)})
        made = batch.made["web"] = b"id: %d\ndata: %b\n\n" % (batch.last, body)
    assert isinstance(made, bytes)
    return made
