"""One stream to a controller: standard input and output, or a connection through the socket."""

from __future__ import annotations

import collections
import json
import os

from .wire import COMMAND, LARGEST_HELLO, LARGEST_ORDER, Malformed, frame, parse, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from typing import Any

    from .spool import Spool

WINDOW = 4 << 20  # bytes sent that are not acknowledged yet; the rest waits in the spool
PIECE = 1 << 18  # of one write


class Session:
    """Until its HELLO is accepted it is sent nothing, and may send little."""

    def __init__(self, reader: int, writer: int, connection: socket.socket | None = None) -> None:
        self.reader, self.writer = reader, writer
        self.open = True
        self.sent: int | None = None  # last sequence put into `_outgoing`; None before HELLO
        self._connection = connection
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._unacknowledged: collections.deque[tuple[int, int]] = collections.deque()
        self._in_flight = 0
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)

    @property
    def greeted(self) -> bool:
        return self.sent is not None

    @property
    def busy(self) -> bool:
        """There are bytes that the stream has not taken yet."""
        return bool(self._outgoing)

    def receive(self) -> bool:
        """Take what has come in; False at the end of the stream."""
        data = read(self.reader, PIECE)
        if data:
            self._incoming += data
        return data != b""

    def orders(self) -> Iterator[tuple[int, Any]]:
        """Whole orders among what has come in, see `wire.parse`. Raises Malformed."""
        while len(self._incoming) >= COMMAND.size:
            kind, length = COMMAND.unpack_from(self._incoming)
            if length > (LARGEST_ORDER if self.greeted else LARGEST_HELLO):
                raise Malformed(f"order {kind} of {length} bytes")
            end = COMMAND.size + length
            if len(self._incoming) < end:
                return
            body = bytes(self._incoming[COMMAND.size : end])
            del self._incoming[:end]
            yield kind, parse(kind, body)

    def say(self, kind: int, value: dict[str, Any]) -> None:
        """A frame that is not recorded."""
        self._outgoing += frame(kind, 0, 0, 0, 0, json.dumps(value).encode())

    def acknowledge(self, sequence: int) -> None:
        while self._unacknowledged and self._unacknowledged[0][0] <= sequence:
            self._in_flight -= self._unacknowledged.popleft()[1]

    def send(self, spool: Spool) -> int:
        """Write until the stream is full or the window is; returns how many bytes were written.
        Raises OSError when the stream is broken."""
        total = 0
        self._fill(spool)
        while self._outgoing:
            try:
                written = os.write(self.writer, self._outgoing[:PIECE])
            except BlockingIOError:
                break
            del self._outgoing[:written]
            total += written
            self._fill(spool)
        return total

    def _fill(self, spool: Spool) -> None:
        while self.sent is not None and self._in_flight < WINDOW and len(self._outgoing) < WINDOW:
            entry = spool.after(self.sent)
            if entry is None:
                return
            self.sent, encoded = entry
            self._outgoing += encoded
            self._unacknowledged.append((self.sent, len(encoded)))
            self._in_flight += len(encoded)

    def close(self) -> None:
        self.open = False
        if self._connection is not None:
            self._connection.close()
