"""One EVENT frame in, one row of resources_jobevent out, as PostgreSQL's binary COPY wants it.

Step "record" of the path, its hot half: pure computation, no database. Only record.ingest calls it.
What AWX calls failed, changed, level, play ... is decided here (awx/main/models/events.py).
"""

from __future__ import annotations

import json
import math
import struct
import uuid as uuids
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from gantry.base.errors import GantryError
from gantry.base.redact import Redactor
from gantry.pods.frames import Frame
from gantry.resources.events import COUNTER_BITS, event_id

COLUMNS = (
    "id, job_id, job_created, counter, created, failed, changed, event_level, start_line, end_line,"
    " verbosity, event, host_name, host_id, playbook, play, task, role, uuid, parent_uuid, stdout,"
    " event_data"
)
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
# 22 fields; each is a length and a value. The ones of fixed length come first.
_FIXED = struct.Struct(">h iq iq iq ii iq i? i? ih ii ii ih".replace(" ", ""))
_LENGTH = struct.Struct(">i").pack
_HOST_ID = struct.Struct(">iq")
_NULL = _LENGTH(-1)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's
_MICROSECOND = timedelta(microseconds=1)

_LEVELS = {
    0: "playbook_on_start debug verbose deprecated warning system_warning error",
    1: "playbook_on_play_start playbook_on_stats playbook_on_vars_prompt",
    2: "playbook_on_notify playbook_on_include playbook_on_no_hosts_matched"
    " playbook_on_no_hosts_remaining playbook_on_task_start playbook_on_setup"
    " playbook_on_import_for_host playbook_on_not_import_for_host",
    3: "runner_on_failed runner_on_start runner_on_ok runner_on_error runner_on_skipped"
    " runner_on_unreachable runner_on_no_hosts runner_on_async_poll runner_on_async_ok"
    " runner_on_async_failed runner_item_on_ok runner_item_on_failed runner_item_on_skipped"
    " runner_retry runner_on_file_diff",
}
LEVEL = {event: level for level, events in _LEVELS.items() for event in events.split()}
FAILED_EVENTS = frozenset((
    "runner_on_failed", "runner_on_error", "runner_on_unreachable", "runner_on_async_failed",
    "runner_item_on_failed", "error",
))  # fmt: skip
STATS = "playbook_on_stats"
_CUT = b',"event_data":'
_BRACE = ord("}")
_CACHE_LIMIT = 4096
LARGEST_INT = 2**31 - 1


class Row(NamedTuple):
    """A row's bytes, and what the rest of the record needs to know of it."""

    data: bytes
    id: int
    event: str
    level: int
    uuid: str
    parent_uuid: str
    failed: bool
    changed: bool
    event_data: dict[str, Any]


def clean(value: Any) -> Any:
    """The same value without what PostgreSQL, UTF-8 or JSON cannot hold: NUL, surrogates, NaN."""
    if isinstance(value, str):
        if "\0" in value:
            value = value.replace("\0", "\ufffd")
        return value.encode("utf-8", "replace").decode() if not _encodes(value) else value
    if isinstance(value, dict):
        return {clean(k): clean(v) for k, v in value.items()}
    if isinstance(value, list):
        return [clean(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def dumps(value: Any) -> bytes:
    try:
        return orjson.dumps(value)
    except TypeError:  # integers beyond 64 bits
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def loads_anyhow(body: bytes) -> dict[str, Any] | None:
    """The JSON object in a body, invalid UTF-8 and lone surrogates mended; None: there is none."""
    try:
        # Not orjson: it would round integers beyond 64 bits, and refuses lone surrogates.
        value = json.loads(body.decode("utf-8", "replace"), strict=False)
        return clean(value) if isinstance(value, dict) else None
    except (ValueError, RecursionError):
        return None


def _short(value: Any, limit: int = 1024) -> str:
    text = value if isinstance(value, str) else "" if value is None else str(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _text(uuid: Any) -> str:
    return uuid if isinstance(uuid, str) and len(uuid) <= 64 else _short(uuid, 64)


def _field(text: str) -> bytes:
    raw = text.encode()
    return _LENGTH(len(raw)) + raw


def _small(value: Any) -> int:
    return min(max(value, 0), 32767) if isinstance(value, int) else 0


def _truthy_sum(counts: Any) -> bool:
    """Whether anything was counted; what is no table of numbers counts nothing."""
    if not isinstance(counts, dict):
        return False
    return any(v for v in counts.values() if isinstance(v, int))


class RowMaker:
    """Makes the rows of one job. Keeps the encoded names it has seen: they repeat."""

    def __init__(
        self, job: int, created: datetime, redactor: Redactor, hosts: Mapping[str, int]
    ) -> None:
        self.job = job
        self.created = (created - _EPOCH) // _MICROSECOND
        self.redactor = redactor
        self.hosts = hosts
        self._known: dict[tuple[Any, ...], bytes] = {}

    def rows(self, frames: Sequence[Frame]) -> list[Row]:
        """The frames' rows. Asks once for all of them whether a secret is in them."""
        touched = self.redactor.touches(b"\0".join([f.body for f in frames]))
        return [self.row(f, touched and self.redactor.touches(f.body)) for f in frames]

    def row(self, frame: Frame, touched: bool) -> Row:
        """`touched`: whether a secret is in the frame."""
        if not 0 < frame.counter < 1 << COUNTER_BITS:
            raise GantryError(
                f"Job {self.job} sent event number {frame.counter}; one job can record "
                f"{(1 << COUNTER_BITS) - 1} events.",
                cure="Split the play, or lower its verbosity.",
            )
        # Gantry's callback puts event_data last, so its text can be stored as it came.
        # Inside a JSON string every quote is escaped: the mark cannot occur in one.
        body = frame.body
        cut = body.find(_CUT)
        if not touched and cut > 0 and body[-1] == _BRACE and b"\\u0000" not in body:
            try:
                text = body[cut + len(_CUT) : -1]
                head = orjson.loads(body[:cut] + b"}")
                data = orjson.loads(text)
            except orjson.JSONDecodeError:
                pass
            else:
                if isinstance(data, dict):
                    return self._encode(frame, head, data, text)
        return self._encode(frame, *self._parse_with_care(body))

    def masked(self, body: bytes) -> dict[str, Any] | None:
        """The JSON object in a body, mended and redacted; None if there is none."""
        try:
            found: dict[str, Any] = self.redactor.value(loads_anyhow(body))
        except RecursionError:
            return None
        return found

    def _parse_with_care(self, body: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
        """(head, event_data, event_data as it will be stored), redacted, from any bytes at all."""
        head = self.masked(body)
        if head is None:
            text = self.redactor.text(clean(body.decode("utf-8", "replace")))
            head = {"event": "verbose", "stdout": text}
        data = head.pop("event_data", None)
        if not isinstance(data, dict):
            data = {} if data is None else {"event_data": data}
        return head, data, dumps(data)

    def _encode(self, frame: Frame, head: dict[str, Any], data: dict[str, Any], text: bytes) -> Row:
        get = head.get
        event = get("event") or "verbose"
        level = LEVEL.get(event, -1) if isinstance(event, str) else -1
        if level < 0:
            event, level = _short(event, 100), 0
        failed, changed = _outcome(event, data)
        own = _text(get("uuid")) or self._invented_uuid(frame.counter)
        parent = _text(get("parent_uuid"))
        stdout = get("stdout") or ""
        number = event_id(self.job, frame.counter)
        fixed = _FIXED.pack(
            22, 8, number, 8, self.job, 8, self.created, 4, frame.counter,
            8, _timestamp(get("created")), 1, failed, 1, changed, 2, level,
            4, min(frame.start_line, LARGEST_INT), 4, min(frame.end_line, LARGEST_INT),
            2, _small(get("verbosity", 0)),
        )  # fmt: skip
        shown = stdout.encode() if isinstance(stdout, str) else str(stdout).encode()
        own_raw, parent_raw = own.encode(), parent.encode()
        parts = (
            fixed, self._context(event, data),
            _LENGTH(len(own_raw)), own_raw, _LENGTH(len(parent_raw)), parent_raw,
            _LENGTH(len(shown)), shown, _LENGTH(len(text)), text,
        )  # fmt: skip
        return Row(b"".join(parts), number, event, level, own, parent, failed, changed, data)

    def _invented_uuid(self, counter: int) -> str:
        return str(uuids.uuid5(uuids.NAMESPACE_OID, f"{self.job}/{counter}"))

    def _context(self, event: str, data: dict[str, Any]) -> bytes:
        """The fields event, host_name, host_id, playbook, play, task, role."""
        get = data.get
        who = (event, get("host"))
        what = (get("playbook"), get("play"), get("task"), get("role"))
        try:
            known = self._known.get(who), self._known.get(what)
        except TypeError:  # something unhashable where a name should be
            return self._encode_who(*who) + _encode_names(what)
        if len(self._known) > _CACHE_LIMIT:
            self._known.clear()
        first, second = known
        if first is None:
            first = self._known[who] = self._encode_who(*who)
        if second is None:
            second = self._known[what] = _encode_names(what)
        return first + second

    def _encode_who(self, event: str, host: Any) -> bytes:
        name = _short(host).strip()
        number = self.hosts.get(name)
        host_id = _NULL if number is None else _HOST_ID.pack(8, number)
        return _field(event) + _field(name) + host_id


def _encode_names(names: tuple[Any, ...]) -> bytes:
    return b"".join([_field(_short(name).strip()) for name in names])


def _outcome(event: str, data: dict[str, Any]) -> tuple[bool, bool]:
    """(failed, changed), as BasePlaybookEvent._update_from_event_data decides them."""
    if event == STATS:
        failed = _truthy_sum(data.get("failures")) or _truthy_sum(data.get("dark"))
        return failed, _truthy_sum(data.get("changed"))
    failed = event in FAILED_EVENTS and not data.get("ignore_errors", False)
    result = data.get("res")
    return failed, isinstance(result, dict) and bool(result.get("changed", False))


def _timestamp(text: Any) -> int:
    """Microseconds since PostgreSQL's epoch; now for what is no time."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        moment = datetime.now(UTC)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND
