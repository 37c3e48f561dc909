"""The wire format between the agent in a pod and the controller: frames out, commands in.

Out (agent to controller), each frame: `>2sBQIIII` = magic `GF`, kind, sequence number, counter,
first stdout line, number of stdout lines, body length; then the body. Sequence numbers count every
recorded frame from 1 without a gap, counters count the events alone; kinds that are not recorded
(WELCOME, KEEPALIVE) have sequence 0.
In (controller to agent), each command: `>BI` = kind, body length; then the body.
`pods/agent/wire.py` has the same numbers: it cannot import this file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

MAGIC = b"GF"
HEADER = struct.Struct(">2sBQIIII")
COMMAND = struct.Struct(">BI")
LARGEST_BODY = 64 << 20


class Kind(IntEnum):
    EVENT = 1  # JSON, one event of ansible-runner's format
    ARTIFACT = 2  # `>HI` name length, piece number; name; bytes
    STARTED = 3  # JSON: argv, cwd, env names
    END = 4  # JSON: rc, reason, peak memory, ...; always the last recorded frame
    KEEPALIVE = 5
    WELCOME = 6  # JSON: state, sequence (of the newest frame), oldest (not acknowledged)


class Order(IntEnum):
    HELLO = 1  # JSON: epoch, resume_from
    PAYLOAD = 2  # JSON head, see payload.py; followed by BLOB orders
    BLOB = 3  # bytes of the project tree, in order; an empty one ends it
    ACK = 4  # `>Q` sequence number recorded
    CANCEL = 5  # JSON: reason


class BrokenStream(Exception):
    """Bytes that are no frame: the stream can no longer be trusted, open another."""


@dataclass(frozen=True, slots=True)
class Frame:
    kind: int
    sequence: int
    counter: int
    start_line: int
    line_count: int
    body: bytes

    @property
    def end_line(self) -> int:
        return self.start_line + self.line_count


def encode(frame: Frame) -> bytes:
    return HEADER.pack(
        MAGIC, frame.kind, frame.sequence, frame.counter, frame.start_line, frame.line_count,
        len(frame.body),
    ) + frame.body  # fmt: skip


def order(kind: Order, body: bytes = b"") -> bytes:
    return COMMAND.pack(kind, len(body)) + body


class FrameDecoder:
    """Takes bytes as they come, gives whole frames. Raises BrokenStream at the first wrong byte."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        buffer = self._buffer
        buffer += data
        at = 0
        try:
            while len(buffer) - at >= HEADER.size:
                magic, kind, sequence, counter, start, lines, length = HEADER.unpack_from(
                    buffer, at
                )
                if magic != MAGIC or length > LARGEST_BODY:
                    raise BrokenStream(bytes(buffer[at : at + 80]))
                end = at + HEADER.size + length
                if len(buffer) < end:
                    break
                body = bytes(buffer[at + HEADER.size : end])
                at = end
                yield Frame(kind, sequence, counter, start, lines, body)
        finally:
            del buffer[:at]
