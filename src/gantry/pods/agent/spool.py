"""The frames that no controller has acknowledged yet: what a job said, kept in the pod's memory."""

from __future__ import annotations

from .wire import EVENT, frame

COMPACT = 1024  # acknowledged entries before their places in the list are given back


class Spool:
    """A list with arithmetic instead of a search: every operation costs the same at any length."""

    def __init__(self, limit: int = 64 << 20) -> None:
        self.limit = limit
        self.size = 0
        self._frames: list[bytes] = []
        self._first = 1  # sequence number of _frames[0]
        self._head = 0  # what stands before this index is acknowledged, and emptied
        self._counter = 0
        self._line = 0

    @property
    def sequence(self) -> int:
        """Of the newest frame."""
        return self._first + len(self._frames) - 1

    @property
    def oldest(self) -> int:
        """Of the first frame not acknowledged; `sequence + 1` when there is none."""
        return self._first + self._head

    @property
    def empty(self) -> bool:
        return self._head == len(self._frames)

    @property
    def full(self) -> bool:
        """Time to stop reading: a frame more is still taken, so that no piece is ever lost."""
        return self.size >= self.limit

    def add(self, kind: int, body: bytes, lines: int = 0) -> None:
        counter = 0
        if kind == EVENT:
            self._counter += 1
            counter = self._counter
        encoded = frame(kind, self.sequence + 1, counter, self._line, lines, body)
        self._line += lines
        self._frames.append(encoded)
        self.size += len(encoded)

    def acknowledge(self, sequence: int) -> None:
        """Let go of everything up to `sequence`; saying it again, or too much, does no harm."""
        end = min(sequence + 1 - self._first, len(self._frames))
        while self._head < end:
            self.size -= len(self._frames[self._head])
            self._frames[self._head] = b""
            self._head += 1
        if self._head > COMPACT and self._head * 2 > len(self._frames):
            del self._frames[: self._head]
            self._first += self._head
            self._head = 0

    def after(self, sequence: int) -> tuple[int, bytes] | None:
        """The first frame kept that follows `sequence`."""
        at = max(sequence + 1 - self._first, self._head)
        if at >= len(self._frames):
            return None
        return self._first + at, self._frames[at]
