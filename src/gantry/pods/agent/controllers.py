"""The streams to controllers: who is heard, who is put out, what the one with the lease gets."""

from __future__ import annotations

import selectors

from .session import Session
from .wire import ACK, HELLO, KEEPALIVE, WELCOME, Malformed, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .job import Job
    from .spool import Spool

QUIET = 15.0  # seconds without a frame before a keepalive
STRANGERS = 8  # connections that have not said who they are


class Controllers:
    """Any number may connect; the newest lease with the pod's token is the one that is served."""

    def __init__(self, selector: selectors.BaseSelector, spool: Spool, job: Job) -> None:
        self._selector, self._spool, self._job = selector, spool, job
        self._sessions: list[Session] = []
        self._active: Session | None = None
        self._epoch = -1
        self._token: str | None = None
        self._spoken = 0.0

    def join(self, session: Session) -> None:
        strangers = [s for s in self._sessions if not s.greeted]
        if len(strangers) >= STRANGERS:
            self._leave(strangers[0])
        self._sessions.append(session)
        self._selector.register(session.reader, selectors.EVENT_READ, session)

    def _leave(self, session: Session) -> None:
        if not session.open:
            return
        self._sessions.remove(session)
        for fd in {session.reader, session.writer}:
            if fd in self._selector.get_map():
                self._selector.unregister(fd)
        session.close()
        if self._active is session:
            self._active = None

    def hear(self, session: Session) -> None:
        """Obey what has come in. A session may be put out by another one's order meanwhile."""
        try:
            if session.open and not session.receive():
                self._leave(session)
            if session.open:
                for kind, value in session.orders():
                    self._obey(session, kind, value)
                    if not session.open:
                        return
        except (Malformed, OSError) as error:
            log(f"A controller's stream was closed: {error}")
            self._leave(session)

    def _obey(self, session: Session, kind: int, value: Any) -> None:
        if kind == HELLO:
            self._greet(session, value)
        elif session is not self._active:
            return
        elif kind == ACK:
            self._spool.acknowledge(value)
            session.acknowledge(value)
        else:
            self._job.obey(kind, value)

    def _greet(self, session: Session, hello: dict[str, Any]) -> None:
        """The newest lease wins; a stale controller is put out and can acknowledge nothing more."""
        if self._token is None:
            self._token = hello["token"]  # before the payload only the pod's maker can be here
        if session.greeted or hello["token"] != self._token or hello["epoch"] < self._epoch:
            self._leave(session)
            return
        self._epoch = hello["epoch"]
        if self._active is not None:
            self._leave(self._active)
        self._active = session
        self._spool.acknowledge(hello["resume_from"])
        session.sent = min(hello["resume_from"], self._spool.sequence)
        session.say(
            WELCOME,
            {
                "state": self._job.state,
                "sequence": self._spool.sequence,
                "oldest": self._spool.oldest,
            },
        )

    @property
    def due(self) -> float:
        """When `push` must be called at the latest."""
        if self._active is None or self._active.busy:
            return float("inf")
        return self._spoken + QUIET

    def push(self, now: float) -> None:
        """Send what the stream takes now, and be told when it takes more."""
        session = self._active
        if session is None:
            return
        if now >= self.due:
            session.say(KEEPALIVE, {})
        try:
            if session.send(self._spool):
                self._spoken = now
        except OSError:
            self._leave(session)
            return
        self._watch(session)

    def _watch(self, session: Session) -> None:
        """Reader and writer are one descriptor on a socket, two on standard input and output."""
        read, write = selectors.EVENT_READ, selectors.EVENT_WRITE
        wanted = {session.reader: read}
        if session.busy:
            wanted[session.writer] = wanted.get(session.writer, 0) | write
        for fd in {session.reader, session.writer}:
            key = self._selector.get_map().get(fd)
            mask = wanted.get(fd, 0)
            if key is None and mask:
                self._selector.register(fd, mask, session)
            elif key is not None and not mask:
                self._selector.unregister(fd)
            elif key is not None and key.events != mask:
                self._selector.modify(fd, mask, session)
