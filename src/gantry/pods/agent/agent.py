"""The process of a pod: takes the payload, runs ansible, spools every event until it is recorded.

Fed to whatever python3 (3.9 or newer) the image has (`source.py`, `loader.py`); nothing of Gantry
is imported. It stays until the controller has acknowledged the last frame, whatever happens to the
controller meanwhile: a new one comes in through the socket (`bridge.py`) and goes on there.
"""

from __future__ import annotations

import os
import selectors
import signal
import time

from .controllers import Controllers
from .job import Job
from .session import Session
from .spool import Spool
from .wire import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

LONGEST_SLEEP = 60.0


class Agent:
    """One loop, one thread: whatever is ready, then the dead, then the time, then the stream."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._selector = selectors.DefaultSelector()
        spool = Spool()
        self._job = Job(home, spool)
        self._controllers = Controllers(self._selector, spool, self._job)
        self._reading: set[int] = set()
        self._terminated = False
        self._wake = -1
        self._listener: socket.socket | None = None
        # Slow imports wait for a moment in which there is nothing to do.
        self._chores = [self._listen, _warm_up]

    def run(self) -> int:
        self._take_signals()
        self._controllers.join(Session(0, 1))
        while self._job.exit_code is None:
            for key, _ in self._ready():
                self._serve(key)
            self._reap()
            if self._terminated:
                self._job.cancel("terminated")
            self._job.keep_time(time.monotonic())
            self._controllers.push(time.monotonic())
            self._follow_output()
        return self._job.exit_code

    def _take_signals(self) -> None:
        self._wake, wake_in = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake_in, False)
        self._selector.register(self._wake, selectors.EVENT_READ)
        signal.set_wakeup_fd(wake_in, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._terminate)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def _terminate(self, *_: object) -> None:
        # Only noted: a handler runs between any two steps of the loop, and could tear them.
        self._terminated = True

    def _ready(self) -> list[tuple[selectors.SelectorKey, int]]:
        while self._chores:
            ready = self._selector.select(0)
            if ready:
                return ready
            self._chores.pop(0)()
        due = min(self._job.due(), self._controllers.due) - time.monotonic()
        return self._selector.select(max(0.0, min(due, LONGEST_SLEEP)))

    def _serve(self, key: selectors.SelectorKey) -> None:
        if isinstance(key.data, Session):
            self._controllers.hear(key.data)
        elif key.fd == self._wake:
            while read(key.fd, 512):
                pass
        elif key.fd in self._reading:
            if key.fd in self._job.readable:
                self._job.take(key.fd)
        else:
            self._accept()

    def _listen(self) -> None:
        import socket

        path = self._home + "/.gantry/agent.sock"
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Named when it can be connected to: a bridge may wait for the name.
        self._listener.bind(path + ".new")
        self._listener.listen(8)
        os.rename(path + ".new", path)
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return  # it has gone again, or descriptors are short: the bridge will come back
        self._controllers.join(Session(connection.fileno(), connection.fileno(), connection))

    def _reap(self) -> None:
        """As process 1 of the pod it inherits every orphan."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._job.reaped(pid, status)

    def _follow_output(self) -> None:
        """Watch what the job wants to read from, and nothing else."""
        wanted = set(self._job.readable)
        for fd in self._reading - wanted:
            self._selector.unregister(fd)
        for fd in wanted - self._reading:
            self._selector.register(fd, selectors.EVENT_READ)
        self._reading = wanted


def _warm_up() -> None:
    """What unpacking will need, while the controller still makes the payload."""
    import tarfile

    from . import child, unpack

    del tarfile, child, unpack


def main(home: str) -> int:
    import resource

    # A core file would carry the secrets out of the pod's memory.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return Agent(home).run()
