"""The job of this pod, from its payload to its END frame. It knows no controller: what it has to
say is in the spool, and the loop (`agent.py`) tells it the time and which descriptors are ready.
"""

from __future__ import annotations

import json
import os
import signal
import time

from .output import Output
from .wire import ARTIFACT, BLOB, CANCEL, END, PAYLOAD, STARTED, log, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .child import Child
    from .spool import Spool
    from .wire import Head

PATIENCE = 120.0  # seconds to wait for the next order of a payload
ACKNOWLEDGE_WAIT = 600.0  # when there was no payload to say another
READ = 1 << 20
DRAIN = 8 << 20  # what can still be in pipes after the program's end; more is a runaway's


class Job:
    """waiting (for the payload), running, ended (all is spooled, nothing is left but the spool)."""

    def __init__(self, home: str, spool: Spool) -> None:
        self.state = "waiting"
        self.exit_code: int | None = None  # of the agent; set when there is nothing left to do
        self._home, self._spool = home, spool
        self._head: Head | None = None
        self._blobs: list[bytes] = []
        self._child: Child | None = None
        self._output: Output | None = None
        self._artifacts: Iterator[bytes] | None = None
        self._stop_reason = ""
        self._stop_steps: list[tuple[float, int]] = []
        self._acknowledge_wait = ACKNOWLEDGE_WAIT
        self._deadline: float | None = time.monotonic() + PATIENCE
        self._paused_at: float | None = None

    # -- its beginning --------------------------------------------------------------------------

    def obey(self, kind: int, value: Any) -> None:
        if kind == CANCEL:
            self.cancel(value)
        elif self.state == "waiting" and kind == PAYLOAD:
            self._head = value
            self._blobs = []
            self._deadline = time.monotonic() + PATIENCE
        elif self.state == "waiting" and kind == BLOB and self._head is not None:
            self._deadline = time.monotonic() + PATIENCE
            if value:
                self._blobs.append(value)
            else:
                self._start(self._head)

    def _start(self, head: Head) -> None:
        from . import search_paths, unpack
        from .child import Child

        try:
            self._spool.limit = head["spool"]
            self._acknowledge_wait = head["acknowledge_wait"]
            unpack.unpack(head, self._blobs)
            argv = unpack.lend_keys(head, self._home)
            head["env"] = search_paths.merge(head["env"], head["cwd"])
            self._child = Child(argv, head["cwd"], {**os.environ, **head["env"]})
        except Exception as error:  # whatever it is, the controller must be told
            self._end({"rc": None, "reason": "unpack", "error": str(error) or repr(error)})
            return
        finally:
            self._blobs = []
        self.state = "running"
        self._output = Output(self._spool, self._child.pid)
        self._deadline = time.monotonic() + head["timeout"] if head["timeout"] else None
        started = {"argv": argv, "cwd": head["cwd"], "env": head["env"]}
        self._spool.add(STARTED, json.dumps(started).encode())

    # -- its output -----------------------------------------------------------------------------

    @property
    def readable(self) -> list[int]:
        """What to read from now. Nothing while the spool is full: the program waits in its write,
        and not a byte is lost."""
        if self._child is None or self._paused_at is not None:
            return []
        return self._child.open

    def take(self, fd: int) -> int:
        """Read once; returns how much there was."""
        child, output = self._child, self._output
        assert child is not None
        assert output is not None
        data = read(fd, READ)
        if data == b"":
            child.open.remove(fd)
        elif data and fd == child.events:
            output.take_events(data)
        elif data:
            output.take_text(data)
        return len(data or b"")

    # -- time -----------------------------------------------------------------------------------

    def due(self) -> float:
        """When `keep_time` must be called at the latest."""
        output = self._output if self._paused_at is None else None
        text = output.due if output is not None else None
        step = self._stop_steps[0][0] if self._stop_steps else None
        times = [t for t in (text, step, self._limit()) if t is not None]
        return min(times, default=float("inf"))

    def keep_time(self, now: float) -> None:
        self._show(now)
        self._pause(now)
        while self._child is not None and self._stop_steps and self._stop_steps[0][0] <= now:
            self._child.signal(self._stop_steps.pop(0)[1])
        limit = self._limit()
        if limit is not None and now >= limit:
            self._too_late()
        if self.state == "running" and self._paused_at is None:
            self._finish()
        if self.state == "ended" and self._spool.empty:
            self.exit_code = 0

    def _show(self, now: float) -> None:
        """An unfinished line that rests, but not one whose rest only waits to be read."""
        child, output = self._child, self._output
        if child is None or output is None or self._paused_at is not None:
            return
        if (output.due or now) < now and child.text in child.open:
            self.take(child.text)
        if (output.due or now) < now:
            output.show()

    def _limit(self) -> float | None:
        """Of patience; a pause of a running program has its own."""
        if self._paused_at is not None and self._child is not None and not self._child.exited:
            return self._paused_at + self._acknowledge_wait
        return self._deadline

    def _pause(self, now: float) -> None:
        full = self._spool.full and self.state == "running"
        if full and self._paused_at is None:
            self._paused_at = now
        elif not full and self._paused_at is not None:
            # The play could not go on and is not to blame: its timeout counts its own time.
            if self._deadline is not None and self._child is not None and not self._child.exited:
                self._deadline += now - self._paused_at
            self._paused_at = None

    def _too_late(self) -> None:
        self._deadline = None
        if self.state == "waiting":
            log(f"No payload came within {PATIENCE:.0f} s.")
            self.exit_code = 4
        elif self._child is None or self._child.exited or self._paused_at is not None:
            log("Nobody acknowledged the output in time.")
            self._leave_nothing()
            self.exit_code = 3
        else:
            self.cancel("timeout")

    # -- its end --------------------------------------------------------------------------------

    def cancel(self, reason: str) -> None:
        """SIGINT, SIGTERM, SIGKILL. The first reason stands; what has ended cannot be canceled."""
        if self.state == "waiting":
            self._end({"rc": None, "reason": reason})
        elif self._child is not None and not self._child.exited and not self._stop_reason:
            assert self._head is not None
            now, grace = time.monotonic(), self._head["grace"]
            self._stop_reason = reason
            self._stop_steps = [
                (now, signal.SIGINT),
                (now + grace / 2, signal.SIGTERM),
                (now + grace, signal.SIGKILL),
            ]

    def reaped(self, pid: int, status: int) -> None:
        if self._child is None or pid != self._child.pid or self._child.exited:
            return
        self._child.status = status
        # Daemons of tasks would hold the pipes open, and the secrets.
        self._child.signal(signal.SIGKILL)
        self._stop_steps = []
        self._deadline = time.monotonic() + self._acknowledge_wait

    def _finish(self) -> None:
        """As far as the spool has room: the rest of the output, the artifacts, then END."""
        child, head = self._child, self._head
        if child is None or head is None or not child.exited:
            return
        if self._artifacts is None:
            if not self._drain(child):
                return
            from . import remains

            self._artifacts = remains.pieces(head["artifacts"])
        while not self._spool.full:
            piece = next(self._artifacts, None)
            if piece is None:
                end = {"rc": child.returncode, "reason": self._stop_reason or "exited"}
                if child.failure:
                    end.update(reason="exec", error=child.failure)
                self._end(end)
                return
            self._spool.add(ARTIFACT, piece)

    def _drain(self, child: Child) -> bool:
        """What is still in the pipes; their end need not come. False: the spool is full before."""
        assert self._output is not None
        taken, before = 0, -1
        while before < taken < DRAIN:
            before = taken
            for fd in tuple(child.open):
                taken += self.take(fd)
            if self._spool.full:
                return False
        self._output.finish()
        child.close()
        return True

    def _leave_nothing(self) -> dict[str, Any]:
        from . import remains
        from .child import kill_descendants

        kill_descendants()  # an ssh-agent, for one
        return remains.erase(self._head.get("erase", []) if self._head else [])

    def _end(self, end: dict[str, Any]) -> None:
        from . import remains

        end["erased"] = self._leave_nothing()
        end.update(peak_memory=remains.peak_memory(), oom_kills=remains.oom_kills())
        self._spool.add(END, json.dumps(end).encode())
        self.state = "ended"
        self._head, self._blobs = None, []
        self._deadline = time.monotonic() + self._acknowledge_wait
