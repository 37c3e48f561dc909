"""Step 6, stream: frames from the pod to the record, acknowledgements back, until the last one.

No stream is trusted to live. When one is cut while the pod runs, another is opened at the last
recorded frame; when the pod is gone, what the engine knows about its end is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from gantry.base.errors import EngineError, EngineUnreachable
from gantry.path.pod import hello
from gantry.pods.agent import source
from gantry.pods.contract import Engine, PodState, PodStream
from gantry.pods.frames import BrokenStream, Frame, FrameDecoder, Kind, Order, order
from gantry.resources.jobs import UnifiedJob

logger = logging.getLogger(__name__)
SILENCE = 45.0  # the agent sends a keepalive after 15 s: longer silence is a dead stream
LONGEST_PAUSE = 5.0
AGENT_STARTS = 20.0  # a pod that is reached and whose agent does not listen by then never will
EVENTS_COME = 3.0  # an engine writes its events down beside what it does, podman's cleanup late
QUEUE_BYTES = 8 << 20

Record = Callable[[list[Frame]], Awaitable[int]]


@dataclass
class PodEnded:
    """The pod ended without its END frame: all that can be known about why."""

    state: PodState
    complaints: str
    events: list[str] = field(default_factory=list)


@dataclass
class Ended:
    """The agent's END frame; see `_end` in pods/agent/job.py for its keys."""

    values: dict[str, Any]


class PodNotBegun(Exception):
    """The pod lives but never got its payload: nothing has run, it can be started anew."""


class JobStream:
    """One job's stream, across however many connections it takes."""

    def __init__(self, engine: Engine, job: UnifiedJob, pod: str, record: Record) -> None:
        self._engine, self._job, self._pod, self._record = engine, job, pod, record
        self._connection: PodStream | None = None
        self._complaints = ""
        self._cancel_reason = ""
        self._end: dict[str, Any] | None = None
        self._fresh = False
        self._welcomed = False
        self._agent_due = time.monotonic() + AGENT_STARTS

    async def follow(self, first: PodStream | None) -> Ended | PodEnded:
        """Read until END is recorded and acknowledged, or the pod is gone. `first` is the stream
        of a pod just started; None to adopt one that runs already (may raise PodNotBegun)."""
        connection, self._fresh = first, first is not None
        pause, since = 0.1, time.time()
        while True:
            try:
                if connection is None:
                    connection = await self._reach()
                self._connection = connection
                if self._cancel_reason:
                    await self.cancel(self._cancel_reason)
                await self._drain(connection)
            except (EngineError, BrokenStream, TimeoutError) as error:
                # Also what is no EngineUnreachable: an engine refuses streams into a pod that is
                # just ending. What became of the pod its state says, nothing else.
                logger.warning("job %s: stream lost: %s", self._job.pk, error or type(error))
            finally:
                self._connection = None
                if connection is not None:
                    self._complaints = connection.complaints or self._complaints
                    await connection.close()
            if self._end is not None:
                return Ended(self._end)
            self._check_agent()
            connection, self._fresh = None, False
            state = await self._state()
            if state is not None and state.state != "running":
                return PodEnded(state, self._complaints, await self._events(since))
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def cancel(self, reason: str) -> None:
        """Tell the agent to stop ansible; kept for the next connection if there is none now."""
        self._cancel_reason = reason
        if self._connection is not None:
            with contextlib.suppress(EngineUnreachable):
                body = json.dumps({"reason": reason}).encode()
                await self._connection.write(order(Order.CANCEL, body))

    async def _reach(self) -> PodStream:
        connection = await self._engine.reach(self._pod, source.bridge_command())
        await connection.write(hello(self._job))
        return connection

    async def _state(self) -> PodState | None:
        """None while the engine does not answer: the pod may live, so keep trying."""
        try:
            return await self._engine.inspect(self._pod)
        except EngineError:
            return None

    def _check_agent(self) -> None:
        """A pod whose source was cut in the middle waits for the rest for ever."""
        if self._welcomed or self._job.stage != "starting" or self._job.acknowledged:
            return
        if time.monotonic() > self._agent_due:
            raise PodNotBegun

    async def _events(self, since: float) -> list[str]:
        """What the engine says of the pod, once its end is among it or will not come any more."""
        started, due = self._job.started, time.monotonic() + EVENTS_COME
        begin = started.timestamp() if started else since
        try:
            while True:
                said = await self._engine.events(self._pod, begin)
                if any(s.startswith("died") for s in said) or time.monotonic() > due:
                    return said
                await asyncio.sleep(0.2)
        except Exception:  # evidence only: its lack must not hide the failure itself
            logger.exception("job %s: the engine's events could not be read", self._job.pk)
            return []

    async def _drain(self, connection: PodStream) -> None:
        """Two tasks: one reads and decodes, one records whatever has come together meanwhile."""
        queue = _FrameQueue(QUEUE_BYTES)
        reader = asyncio.create_task(self._read(connection, queue))
        try:
            while frames := await queue.take():
                await self._keep(connection, frames)
                if self._end is not None:
                    break
            if self._end is None:
                await reader  # raises what ended the stream
        finally:
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await reader

    async def _read(self, connection: PodStream, queue: _FrameQueue) -> None:
        decoder = FrameDecoder()
        try:
            while True:
                data = await asyncio.wait_for(connection.read(), SILENCE)
                if not data:
                    return
                frames = list(decoder.feed(data))
                for frame in frames:
                    if frame.kind == Kind.WELCOME:
                        self._welcome(json.loads(frame.body))
                await queue.put([f for f in frames if f.sequence > self._job.acknowledged])
        finally:
            queue.close()

    def _welcome(self, said: dict[str, Any]) -> None:
        self._welcomed = True
        # On the stream of a pod just started hello came before the payload; on any later one
        # `waiting` means that the payload never arrived whole.
        if said["state"] == "waiting" and not self._fresh:
            raise PodNotBegun

    async def _keep(self, connection: PodStream, frames: list[Frame]) -> None:
        self._job.acknowledged = await self._record(frames)
        if frames[-1].kind == Kind.END:
            self._end = json.loads(frames[-1].body)
        with contextlib.suppress(EngineUnreachable):
            # Recorded is what counts; a lost acknowledgement is repeated by the next hello.
            body = struct.pack(">Q", self._job.acknowledged)
            await connection.write(order(Order.ACK, body))


class _FrameQueue:
    """Frames between reader and recorder, bounded in bytes: a slow database slows the reading."""

    def __init__(self, limit: int) -> None:
        self._limit, self._size = limit, 0
        self._frames: list[Frame] = []
        self._changed = asyncio.Condition()
        self._closed = False

    async def put(self, frames: list[Frame]) -> None:
        if not frames:
            return
        async with self._changed:
            await self._changed.wait_for(lambda: self._size < self._limit)
            self._frames += frames
            self._size += sum(len(f.body) + 64 for f in frames)
            self._changed.notify_all()

    async def take(self) -> list[Frame]:
        """All that is there, at least one; empty when the stream has ended."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._frames or self._closed)
            frames, self._frames, self._size = self._frames, [], 0
            self._changed.notify_all()
            return frames

    def close(self) -> None:
        self._closed = True
        # Called from a finally: the waiter is woken by a task of its own.
        asyncio.get_running_loop().create_task(self._wake())

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()
