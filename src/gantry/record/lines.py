"""The events that wrote some lines of a job's output, for readers that show more than their text.

A view that is filtered or folded wants many short ranges: they are one question.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from gantry.resources.events import JobEvent
from gantry.resources.jobs import UnifiedJob

LONGEST_LINE = 32_768  # characters of one line that are read
_LARGE = 262_144  # octets from which on a text's lines are cut in the database
_COLUMNS = "counter, start_line, end_line, event, failed, changed, stdout, created"
# The event that reaches over a range's first line, and all that begin within it.
_LINES = f"""
SELECT counter, start_line, end_line, event, failed, changed,
       CASE WHEN octet_length(stdout) < {_LARGE} THEN stdout ELSE (
           SELECT string_agg(CASE WHEN length(part) <= {LONGEST_LINE} THEN part ELSE
                      left(part, {LONGEST_LINE}) || ' … '
                      || to_char(length(part) - {LONGEST_LINE}, 'FM999,999,999,999')
                      || ' more characters in this line' END, E'\\n' ORDER BY place)
             FROM unnest(string_to_array(stdout, E'\\n')) WITH ORDINALITY AS parts(part, place))
       END, created, first, past
  FROM unnest(%(firsts)s::int[], %(pasts)s::int[]) AS wanted(first, past)
 CROSS JOIN LATERAL (
    (SELECT {_COLUMNS} FROM resources_jobevent
      WHERE job_id = %(job)s AND job_created = %(created)s
        AND start_line < first AND end_line > start_line
      ORDER BY start_line DESC LIMIT 1)
    UNION ALL
    (SELECT {_COLUMNS} FROM resources_jobevent
      WHERE job_id = %(job)s AND job_created = %(created)s
        AND start_line >= first AND start_line < past
        AND (stdout <> '' OR end_line > start_line))
 ) AS found
 ORDER BY first, counter
"""  # noqa: S608 (constants of ours)


class Written(NamedTuple):
    """An event with text in the range [first, past)."""

    counter: int
    start_line: int
    end_line: int
    event: str
    failed: bool
    changed: bool
    stdout: str
    created: datetime
    first: int
    past: int


def written(job: UnifiedJob, ranges: Sequence[tuple[int, int]]) -> list[Written]:
    """What stands in those lines [first, past), counted from 0, in order. A line of more than
    LONGEST_LINE characters may end in how many were left out."""
    values: dict[str, Any] = {
        "job": job.pk, "created": job.created, "firsts": [first for first, _ in ranges],
        "pasts": [past for _, past in ranges],
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_LINES, values)
        return [Written(*row) for row in cursor.fetchall()]


def event_at(job: UnifiedJob, line: int) -> JobEvent | None:
    """The event that wrote this line."""
    own = JobEvent.objects.filter(job_id=job.pk, job_created=job.created, start_line__lte=line)
    # Events without text begin at the line of the next one.
    return own.exclude(stdout="").order_by("-start_line", "-id").first()
