"""The agent's side of the wire: the numbers of `gantry/pods/frames.py`, and orders as values.

Sent into every pod, as the modules beside it are: Python 3.9, standard library only, and of that
only what starts fast, since a job's first line waits for these imports. `typing` is not loaded.
"""

from __future__ import annotations

import errno
import json
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional, TypedDict

    class Bundle(TypedDict):
        """The organization's certificates: `extra` goes after the image's own into `path`."""

        path: str
        extra: str

    class Facts(TypedDict):
        """The first `pieces` of the BLOB orders are a tar of their own, which goes `to` there."""

        to: str
        pieces: int

    class Head(TypedDict):
        """The body of a PAYLOAD order; `gantry/path/payload.py` makes it."""

        argv: list[str]
        cwd: str
        env: dict[str, str]
        files: dict[str, tuple[int, str]]  # path -> mode, base64
        directories: list[str]
        tree: str  # where the tar of the BLOB orders goes
        facts: Optional[Facts]
        ca_bundle: Optional[Bundle]
        ssh_keys: list[str]
        signed_keys: list[list[str]]  # key and certificate
        artifacts: dict[str, str]  # name -> path; of a folder, what is new in it
        erase: list[str]
        timeout: int  # seconds; 0: none
        grace: float  # seconds from SIGINT to SIGKILL
        spool: int  # bytes
        acknowledge_wait: float  # seconds that the agent waits for the last acknowledgement


HEADER = struct.Struct(">2sBQIIII")
COMMAND = struct.Struct(">BI")
EVENT, ARTIFACT, STARTED, END, KEEPALIVE, WELCOME = 1, 2, 3, 4, 5, 6
HELLO, PAYLOAD, BLOB, ACK, CANCEL = 1, 2, 3, 4, 5
LARGEST_BODY = 64 << 20  # of a frame; the controller takes a longer one for a broken stream
LARGEST_HELLO = 64 << 10  # of an order before the sender has shown the token
LARGEST_ORDER = 1 << 30


class Malformed(Exception):
    """An order that no controller sends: its session is closed."""


def frame(kind: int, sequence: int, counter: int, line: int, lines: int, body: bytes) -> bytes:
    return HEADER.pack(b"GF", kind, sequence, counter, line, lines, len(body)) + body


def parse(kind: int, body: bytes) -> Any:
    """HELLO and PAYLOAD a dict, ACK a sequence number, CANCEL the reason, BLOB its bytes."""
    try:
        if kind == ACK:
            return struct.unpack(">Q", body)[0]
        if kind == BLOB:
            return body
        value = json.loads(body)
        if kind == HELLO:
            return {
                "token": str(value["token"]),
                "epoch": int(value["epoch"]),
                "resume_from": max(0, int(value["resume_from"])),
            }
        if kind == CANCEL:
            return str(value["reason"])
        if kind == PAYLOAD and isinstance(value, dict):
            return value
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise Malformed(f"order {kind}: {error!r}") from error
    raise Malformed(f"order {kind} is unknown")


def read(fd: int, size: int = 1 << 16) -> bytes | None:
    """Bytes, b"" at the end, None when there is nothing now."""
    try:
        return os.read(fd, size)
    except BlockingIOError:
        return None
    except OSError as error:
        if error.errno in (errno.EIO, errno.ECONNRESET, errno.EBADF, errno.ETIMEDOUT):
            return b""  # EIO: a pseudo-terminal whose other side is closed
        raise


def log(text: str) -> None:
    """To stderr, which the controller keeps as evidence."""
    try:
        os.write(2, (text + "\n").encode("utf-8", "replace"))
    except OSError:
        return  # nobody listens: a word of evidence is not worth the job
