"""What the program of a job says, as events: the callback's frames, and the terminal's text."""

from __future__ import annotations

import json
import os
import struct
import time

from .wire import EVENT, LARGEST_BODY, log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .spool import Spool

FRAME = struct.Struct(">II")  # of callback.py: length of the body, newlines in its text
QUIET = 0.5  # seconds after which an unfinished line is shown: it may be a prompt
LONGEST_WAIT = 5.0  # the same for a line that never rests: a progress bar drawn with CR
LONGEST_LINE = 1 << 20
HEAD = 4096  # of an event too large: its type and uuid stand there


class Output:
    def __init__(self, spool: Spool, pid: int) -> None:
        self._spool, self._pid = spool, pid
        self._frames = bytearray()
        self._skip = 0  # bytes to come of an event that was too large
        self._text = bytearray()
        self._since = self._latest = 0.0

    # -- events ---------------------------------------------------------------------------------

    def take_events(self, data: bytes) -> None:
        """The body of a frame goes on as it is, unless the controller would refuse its size."""
        self._frames += data
        at = 0
        while True:
            skipped = min(self._skip, len(self._frames) - at)
            at, self._skip = at + skipped, self._skip - skipped
            if self._skip or len(self._frames) - at < FRAME.size:
                break
            length, lines = FRAME.unpack_from(self._frames, at)
            start = at + FRAME.size
            too_large = length > LARGEST_BODY
            end = start + (HEAD if too_large else length)
            if len(self._frames) < end:
                break
            # An unfinished line stays: its rest is on the way, and it must not be cut in two.
            if too_large:
                self._replace(bytes(self._frames[start:end]), length)
                at, self._skip = end, length - HEAD
            else:
                self._spool.add(EVENT, bytes(self._frames[start:end]), lines)
                at = end
        del self._frames[:at]

    def _replace(self, head: bytes, length: int) -> None:
        """An event above the wire's limit keeps its place, type and uuid, and says what is gone."""
        note = f"[An event of {length} bytes was left out: at most {LARGEST_BODY} can be sent.]"
        try:
            kept = json.loads(head[: head.index(b',"stdout":')] + b"}")
        except ValueError:
            kept = self._event()
        body = json.dumps({**kept, "stdout": note, "event_data": {}})
        self._spool.add(EVENT, body.encode(), 1)

    # -- text -----------------------------------------------------------------------------------

    @property
    def due(self) -> float | None:
        """When an unfinished line is to be shown."""
        if not whole_characters(self._text):
            return None
        return min(self._latest + QUIET, self._since + LONGEST_WAIT)

    def take_text(self, data: bytes) -> None:
        """What is printed past the callback: errors before it is loaded, tracebacks, prompts."""
        self._latest = time.monotonic()
        if not whole_characters(self._text):
            self._since = self._latest
        self._text += data
        cut = self._text.rfind(b"\n") + 1
        if not cut and len(self._text) > LONGEST_LINE:
            cut = whole_characters(self._text)
        if cut:
            self._add_text(cut)
            self._since = self._latest

    def show(self) -> None:
        """Also the unfinished line, but no half of a character."""
        self._add_text(whole_characters(self._text))

    def finish(self) -> None:
        """Nothing more will come."""
        self._add_text(len(self._text))
        if self._frames or self._skip:
            log("The callback's last event was cut short.")

    def _add_text(self, cut: int) -> None:
        if not cut:
            return
        text = self._text[:cut].decode("utf-8", "replace")
        del self._text[:cut]
        text = text[:-1] if text.endswith("\n") else text
        body = json.dumps({**self._event(), "stdout": text, "event_data": {}})
        self._spool.add(EVENT, body.encode(), text.count("\n") + 1)

    def _event(self) -> dict[str, Any]:
        from datetime import datetime, timezone

        made = os.urandom(16).hex()
        return {
            "uuid": f"{made[:8]}-{made[8:12]}-4{made[13:16]}-a{made[17:20]}-{made[20:]}",
            "event": "verbose",
            "created": datetime.now(timezone.utc).replace(tzinfo=None).isoformat(),
            "pid": self._pid,
        }


def whole_characters(raw: bytearray) -> int:
    """How much of `raw` can be decoded now: a UTF-8 character that a read cut in two is left."""
    for back in range(1, min(3, len(raw)) + 1):
        byte = raw[-back]
        if byte < 0x80:
            break
        if byte >= 0xC0:
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(raw) - back if size > back else len(raw)
    return len(raw)
