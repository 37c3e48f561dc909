"""The last of what a pod wrote on stderr, for every engine's stream."""

from __future__ import annotations

MOST = 64 << 10


class Complaints:
    """Bytes as they come; no more than the last MOST are kept."""

    def __init__(self) -> None:
        self._tail = bytearray()

    def add(self, data: bytes) -> None:
        self._tail += data
        del self._tail[:-MOST]

    def text(self) -> str:
        return self._tail.decode("utf-8", "replace")
