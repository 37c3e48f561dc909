"""AWX's `/websocket/`: jobs' states and events as they happen. AWX: awx/main/consumers.py.

A message `{"groups": {...}, "xrftoken": ...}` says everything the client wants from now on; what
comes is JSON, one message a frame. Each followed job is a position in its events, so a slow client
lags behind and delays nobody; states wait in a bounded queue, and who lets it fill is cut off to
come back and read. Nobody is sent what they may not read, at any time: see RECHECK.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Any, cast

from gantry.api.websocket_groups import DENIED, Admitted, Wanted, admit, genuine, want
from gantry.api.websocket_hub import Hub
from gantry.api.websocket_messages import WatchedJob
from gantry.record.tail import JobGone, TailBatch

__all__ = ["Hub", "serve"]

PATHS = ("/websocket/", "/api/websocket/")
MOST_UNSENT = 1000  # states
RECHECK = 60.0  # seconds after which a socket's login and its jobs are looked at again
LARGEST_REQUEST = 1 << 16
POLICY, LATER = 1008, 1013  # close codes: no longer allowed; come back later
logger = logging.getLogger(__name__)
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class _Over(Exception):
    """Ends a socket; with a code where the server is who ends it."""

    def __init__(self, code: int | None = None) -> None:
        super().__init__(code)
        self.code = code


async def serve(hub: Hub, scope: dict[str, Any], receive: Receive, send: Send) -> None:
    await receive()  # websocket.connect
    if scope["path"] not in PATHS or hub.tail is None:
        await send({"type": "websocket.close"})  # before accept: 403
        return
    await send({"type": "websocket.accept"})
    admitted = await admit(scope)
    if admitted is None:
        with suppress(OSError):
            await send({"type": "websocket.send", "text": json.dumps({"close": True})})
            await send({"type": "websocket.close"})
        return
    code = await Socket(hub, scope, receive, send, admitted).run()
    if code is not None:
        with suppress(OSError, RuntimeError):  # it has gone by itself
            await send({"type": "websocket.close", "code": code})


class Socket:
    """One client, from its admission to its end."""

    def __init__(
        self, hub: Hub, scope: dict[str, Any], receive: Receive, send: Send, admitted: Admitted
    ) -> None:
        self.groups: frozenset[str] = frozenset()
        self.user = admitted.user
        self._hub = hub
        self._scope = scope
        self._receive = receive
        self._send = send
        self._admitted = admitted
        self._one_by_one = asyncio.Lock()  # fair: a state gets its turn among a job's events
        self._states: asyncio.Queue[str] = asyncio.Queue(MOST_UNSENT)
        self._asked: dict[str, Any] = {}
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._tasks = asyncio.TaskGroup()
        self._slow = asyncio.Event()
        self._joining = asyncio.Lock()

    async def run(self) -> int | None:
        """Until the client or the server has enough; the code to close with, if any."""
        codes: list[int] = []
        try:
            async with self._tasks as tasks:
                await self._say({"accept": True, "user": self.user.pk})
                self._hub.join(self)
                for part in (self._obey, self._pass_on, self._look_again, self._cut_off):
                    tasks.create_task(part())
        except* _Over as over:
            codes = [e.code for e in over.exceptions if isinstance(e, _Over) and e.code]
        except* OSError:  # uvicorn's word for a client that has gone
            pass
        finally:
            self._hub.leave(self)
        return codes[0] if codes else None

    def tell(self, messages: Sequence[str]) -> None:
        """From the hub, which waits for nobody."""
        for message in messages:
            if self._states.full():
                self._slow.set()
                return
            self._states.put_nowait(message)

    async def _cut_off(self) -> None:
        await self._slow.wait()
        raise _Over(LATER)

    async def _pass_on(self) -> None:
        while True:
            await self._write(await self._states.get())

    async def _write(self, text: str) -> None:
        async with self._one_by_one:
            await self._send({"type": "websocket.send", "text": text})

    async def _say(self, message: dict[str, Any]) -> None:
        await self._write(json.dumps(message))

    async def _obey(self) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                raise _Over
            request = _object(message)
            if request is None or not genuine(self._admitted, request.get("xrftoken")):
                await self._say({"error": DENIED})
            elif "groups" in request:
                await self._join(request["groups"])

    async def _join(self, groups: Any) -> None:
        async with self._joining:
            wanted = await want(self.user, groups)
            for error in wanted.errors:
                await self._say({"error": error})
            if wanted.void:
                return
            self._asked = groups
            left, joined = self._switch(wanted)
            current = {"groups_current": self.groups, "groups_left": left, "groups_joined": joined}
            await self._say({key: sorted(names) for key, names in current.items()})

    def _switch(self, wanted: Wanted) -> tuple[frozenset[str], frozenset[str]]:
        """What was left, what was joined."""
        before, self.groups = self.groups, frozenset(wanted.names)
        left, joined = before - self.groups, self.groups - before
        for name in left & self._followed.keys():
            self._followed.pop(name).cancel()
        for name in joined & wanted.jobs.keys():
            job, last = wanted.jobs[name]
            self._followed[name] = self._tasks.create_task(self._follow(job, last))
        return left, joined

    async def _follow(self, job: WatchedJob, after: int) -> None:
        tail = self._hub.tail
        if tail is None:
            return
        batches = cast("AsyncGenerator[TailBatch, None]", tail.follow(job.id, after))
        with suppress(JobGone):
            async with aclosing(batches):
                async for batch in batches:
                    async for texts in self._hub.messages(job, batch):
                        for text in texts:
                            await self._write(text)

    async def _look_again(self) -> None:
        """A login ends, a role is taken away: an open socket must not outlive either."""
        while True:
            await asyncio.sleep(RECHECK)
            admitted = await admit(self._scope)
            if admitted is None or admitted.user.pk != self.user.pk:
                raise _Over(POLICY)
            self.user = admitted.user
            async with self._joining:
                wanted = await want(self.user, self._asked)
                left, _ = self._switch(wanted)
                for error in wanted.errors if left else ():
                    await self._say({"error": error})


def _object(message: dict[str, Any]) -> dict[str, Any] | None:
    text = message.get("text") or ""
    if len(text) > LARGEST_REQUEST:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
