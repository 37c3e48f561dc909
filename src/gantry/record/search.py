"""Which lines of a job's output have these words, or are of this host, task and status.

A piece a call, from a place on: so a million-line job answers at once with the first lines found,
nobody holds a connection for seconds, and a running job is searched on as it prints. Failed and
changed events are found by their partial indexes, everything else by ranges of the primary key.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

from gantry.base.text import strip_ansi
from gantry.record.output import event_text
from gantry.resources.events import event_id
from gantry.resources.jobs import UnifiedJob

PIECE = 40_000  # events looked at by one call, where no index leads to them
ROWS = 20_000  # events found by one call
ROWS_OF_TEXT = 4_000  # ... whose text has to be read
BYTES = 8 << 20  # of such text

_STATUS = {
    "ok": "(event IN ('runner_on_ok', 'runner_item_on_ok') AND NOT changed)",
    "changed": "(changed AND event <> 'playbook_on_stats')",
    "failed": "(failed AND event IN ('runner_on_failed', 'runner_item_on_failed',"
    " 'runner_on_async_failed'))",
    "unreachable": "(failed AND event = 'runner_on_unreachable')",
    "ignored": "(event IN ('runner_on_failed', 'runner_on_unreachable') AND NOT failed)",
    "skipped": "event IN ('runner_on_skipped', 'runner_item_on_skipped')",
    "warning": "event IN ('warning', 'system_warning', 'deprecated', 'error')",
}
STATUSES = tuple(_STATUS)
_INDEXED = ({"failed", "unreachable"}, {"changed"})  # each set has a partial index of its own

# Words may stand across a change of colour: such texts are read and looked at without colours.
_WORDS = r"(stdout ILIKE %(words)s OR stdout LIKE E'%%\x1b[%%\x1b[%%\x1b[%%')"
_FIND = """
SELECT id, start_line, end_line, stdout FROM (
    SELECT *, sum(octet_length(stdout)) OVER (ORDER BY id) - octet_length(stdout) AS before
      FROM (SELECT id, start_line, end_line, {text} AS stdout FROM resources_jobevent
             WHERE id > %(after)s AND id <= %(to)s AND job_created = %(created)s
               AND (stdout <> '' OR end_line > start_line){conditions}
             ORDER BY id LIMIT %(rows)s) AS rows
) AS sized WHERE before < %(bytes)s ORDER BY id
"""


@dataclass(frozen=True)
class Wanted:
    """`words`, `host` and `task` are looked for as parts, in any case; `statuses` of STATUSES."""

    words: str = ""
    host: str = ""
    task: str = ""
    statuses: tuple[str, ...] = ()

    @property
    def indexed(self) -> bool:
        return any(self.statuses and set(self.statuses) <= names for names in _INDEXED)


@dataclass(frozen=True)
class Found:
    """`lines` are ranges [first, end), in order and apart; `last` is the counter of the last event
    looked at, `head` of the last recorded."""

    lines: list[tuple[int, int]]
    last: int
    head: int

    @property
    def done(self) -> bool:
        return self.last >= self.head


def find(job: UnifiedJob, wanted: Wanted, after: int = 0) -> Found:
    """The next piece after the event of that counter; call again until `done`."""
    head = max(job.emitted_events, after)
    to = head if wanted.indexed else min(after + PIECE, head)
    if to <= after:
        return Found([], after, head)
    statement, values = _statement(wanted)
    values |= {
        "after": event_id(job.pk, after), "to": event_id(job.pk, to), "created": job.created,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows = cursor.fetchall()
    size = sum(len(stdout) for *_, stdout in rows)
    whole = len(rows) < values["rows"] and size < BYTES // 4  # octets, not characters, were counted
    last = to if whole or not rows else rows[-1][0] - event_id(job.pk, 0)
    words = strip_ansi(wanted.words).lower()
    return Found(_joined(_lines(rows, words)), last, head)


def _statement(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    conditions: list[str] = []
    values: dict[str, Any] = {"rows": ROWS, "bytes": BYTES}
    if wanted.words:
        conditions.append(_WORDS)
        values |= {"words": _like(wanted.words), "rows": ROWS_OF_TEXT}
    for column, part in (("host_name", wanted.host), ("task", wanted.task)):
        if part:
            conditions.append(f"{column} ILIKE %({column})s")
            values[column] = _like(part)
    if wanted.statuses:
        conditions.append("(" + " OR ".join(_STATUS[s] for s in wanted.statuses) + ")")
    if wanted.indexed:
        # Said apart, so that the planner sees that its partial index has them all.
        conditions.append("changed" if "changed" in wanted.statuses else "failed")
    return (
        _FIND.format(
            text="stdout" if wanted.words else "''",
            conditions="".join(f" AND {c}" for c in conditions),
        ),
        values,
    )


def _like(part: str) -> str:
    escaped = part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _lines(rows: list[tuple[int, int, int, str]], words: str) -> Iterator[tuple[int, int]]:
    for _, start, end, stdout in rows:
        if not words:
            yield start, max(end, start + 1)
            continue
        text = strip_ansi(event_text(stdout, end - start)).lower()
        if words not in text:
            continue
        for n, line in enumerate(text.split("\n")):
            if words in line:
                yield start + n, start + n + 1


def _joined(ranges: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, end in ranges:
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((first, end))
    return joined
