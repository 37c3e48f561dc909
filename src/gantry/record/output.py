"""A job's stdout, addressed by line: pages, downloads, and the formats AWX serves.

Reads the event rows through Django's connection; the API, the pages and the CLI ask here. An event
claims the lines from its start_line to its end_line; its text may end in the middle of a line
(a prompt), and then the next event goes on with that line.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from gantry.base.bridge import in_thread
from gantry.base.text import HtmlWriter, strip_ansi
from gantry.resources.events import event_id

FORMATS = ("txt", "ansi", "html")
PIECE_EVENTS = 2000
PIECE_BYTES = 2 << 20

# From the event that reaches over the first line wanted to the one that starts behind the last, by
# their ids: ids follow lines. A range of start_line itself is misjudged by the planner, since the
# first hundred lines exist in every job; it then reads the job's whole month.
_PAGE = """
SELECT start_line, end_line, stdout FROM resources_jobevent
 WHERE job_created = %(created)s
   AND id >= COALESCE((
       SELECT id FROM resources_jobevent
        WHERE job_id = %(job)s AND job_created = %(created)s
          AND start_line < %(start)s AND end_line > start_line
        ORDER BY start_line DESC LIMIT 1), %(first)s)
   AND id < COALESCE((
       SELECT id FROM resources_jobevent
        WHERE job_id = %(job)s AND job_created = %(created)s AND start_line >= %(end)s
        ORDER BY start_line LIMIT 1), %(last)s)
   AND start_line < %(end)s AND (stdout <> '' OR end_line > start_line)
 ORDER BY id
"""
_BEGINNINGS = """
SELECT job_id, start_line, end_line, stdout FROM resources_jobevent
 WHERE job_id = ANY(%(jobs)s) AND job_created BETWEEN %(since)s AND %(until)s
   AND start_line < %(most)s AND (stdout <> '' OR end_line > start_line)
 ORDER BY id
"""
# Rows up to a size: one event may hold megabytes. octet_length does not unpack a stored value.
_PIECE = """
SELECT id, start_line, end_line, stdout FROM (
    SELECT *, sum(octet_length(stdout)) OVER (ORDER BY id) - octet_length(stdout) AS before
      FROM (SELECT id, start_line, end_line, stdout FROM resources_jobevent
             WHERE id > %(after)s AND id < %(end)s AND job_created = %(created)s
             ORDER BY id LIMIT %(events)s) AS rows
) AS sized WHERE before < %(bytes)s ORDER BY id
"""


@dataclass(frozen=True)
class Page:
    """Lines `start` up to but not including `end`, of `absolute_end` in all."""

    start: int
    end: int
    absolute_end: int
    content: str

    def json(self) -> dict[str, Any]:
        """AWX's answer to `stdout/?format=json`."""
        found = {"start": self.start, "end": self.end, "absolute_end": self.absolute_end}
        return {"range": found, "content": self.content}


def event_text(stdout: str, lines: int) -> str:
    """An event's text as ansible wrote it, with as many newlines as the event claims lines.

    The callback plug-in notes a newline as CR LF, as a terminal shows it, and leaves those at the
    end out of `stdout`. More newlines than lines come from broken frames alone; they become
    spaces, or every later line would have a wrong number.
    """
    text = stdout.replace("\r\n", "\n")
    missing = lines - text.count("\n")
    if missing >= 0:
        return text + "\n" * missing
    parts = text.split("\n")
    return "".join(f"{part}\n" for part in parts[:lines]) + " ".join(parts[lines:])


def _rows(statement: str, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def _job(job: int) -> tuple[Any, int]:
    """(created, lines recorded) of a job that is there."""
    statement = "SELECT created, lines FROM resources_unifiedjob WHERE id = %(job)s"
    created, lines = _rows(statement, job=job)[0]
    return created, lines


def lines(job: int, start: int, end: int) -> str:
    """The text of lines start (from 0) up to but not including end, ANSI kept."""
    created, _ = _job(job)
    return _lines(job, created, start, end)


def _lines(job: int, created: Any, start: int, end: int) -> str:
    if end <= start:
        return ""
    found = []
    bounds = {"first": event_id(job, 0), "last": event_id(job + 1, 0)}
    values = {"job": job, "created": created, "start": start, "end": end}
    for first, last, stdout in _rows(_PAGE, **values, **bounds):
        text = event_text(stdout, last - first)
        if first < start or last >= end:
            wanted = slice(max(start - first, 0), end - first)
            text = "".join(_split(text)[wanted])
        found.append(text)
    return "".join(found)


def beginnings(jobs: Mapping[int, datetime], most: int) -> dict[int, str]:
    """The first `most` lines of several jobs, ANSI kept, in one query. `jobs`: when each was
    made."""
    found: dict[int, list[str]] = {job: [] for job in jobs}
    if jobs:
        times = {"since": min(jobs.values()), "until": max(jobs.values())}
        for job, first, last, stdout in _rows(_BEGINNINGS, jobs=list(jobs), most=most, **times):
            found[job].append(event_text(stdout, last - first))
    return {job: "".join(_split("".join(texts))[:most]) for job, texts in found.items()}


def _split(text: str) -> list[str]:
    """Lines with their ends. Not splitlines: only a newline ends a line here."""
    *whole, rest = text.split("\n")
    return [line + "\n" for line in whole] + [rest]


def count(job: int) -> int:
    """How many lines there are, an unfinished last one included."""
    created, whole = _job(job)
    return _count(job, created, whole)


def _count(job: int, created: Any, whole: int) -> int:
    # What stands after the last newline is a line too.
    return whole + bool(_lines(job, created, whole, whole + 1))


def page(job: int, start: int = 0, end: int | None = None, form: str = "ansi") -> Page:
    """Lines as AWX's `stdout/` gives them; `start` below 0 counts from the end."""
    created, whole = _job(job)
    absolute_end = _count(job, created, whole)
    if start < 0:
        start = max(absolute_end + start, 0)
    start = min(start, absolute_end)
    end = absolute_end if end is None else min(max(end, start), absolute_end)
    return Page(start, end, absolute_end, formatter(form)(_lines(job, created, start, end)))


def formatter(form: str) -> Callable[[str], str]:
    """What turns ansible's text, piece by piece, into one of FORMATS."""
    if form == "html":
        return HtmlWriter().feed
    return strip_ansi if form == "txt" else str


def stream_text(job: int, form: str = "ansi") -> Iterator[str]:
    """All of the text in pieces of a few megabytes; holds no transaction between them."""
    created, _ = _job(job)
    convert = formatter(form)
    after = event_id(job, 0)
    while True:
        found = _rows(
            _PIECE, after=after, end=event_id(job + 1, 0), created=created,
            events=PIECE_EVENTS, bytes=PIECE_BYTES,
        )  # fmt: skip
        if not found:
            return
        after = found[-1][0]
        text = "".join(event_text(stdout, last - first) for _, first, last, stdout in found)
        if text:
            yield convert(text)


async def stream_text_async(job: int, form: str = "ansi") -> AsyncIterator[str]:
    """stream_text for an ASGI answer: Django would read a plain iterator to its end first."""
    pieces = stream_text(job, form)
    following = in_thread(lambda: next(pieces, None))
    while (piece := await following()) is not None:
        yield piece
