"""A job's table of contents: where each play and task begins, and the recap.

Read by the partial index jobevent_step, so it costs what there is of headings, however many results
stand between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from gantry.base.text import strip_ansi
from gantry.record.output import event_text
from gantry.resources.events import event_id
from gantry.resources.jobs import UnifiedJob

MOST = 5_000
KINDS = {
    "playbook_on_play_start": "play",
    "playbook_on_task_start": "task",
    "playbook_on_stats": "recap",
}
_HEADINGS = """
SELECT counter, event, start_line, end_line, left(stdout, 2000), play, task, role, uuid, created
  FROM resources_jobevent
 WHERE job_id = %(job)s AND id > %(after)s AND job_created = %(created)s AND event IN
    ('playbook_on_play_start', 'playbook_on_task_start', 'playbook_on_stats')
 ORDER BY id LIMIT %(most)s
"""


@dataclass(frozen=True)
class Heading:
    """`kind` is play, task or recap; `line` (from 0) is the one its words stand in, -1 when it
    printed none; `first` the event's first line, the empty one before the words."""

    counter: int
    kind: str
    first: int
    line: int
    play: str
    task: str
    role: str
    uuid: str
    created: datetime

    @property
    def name(self) -> str:
        if self.kind == "task":
            return f"{self.role} : {self.task}" if self.role else self.task
        return self.play if self.kind == "play" else "PLAY RECAP"


def headings(job: UnifiedJob, after: int = 0, most: int = MOST) -> list[Heading]:
    """In order, those after the event of that counter, at most `most`."""
    values: dict[str, Any] = {
        "job": job.pk, "after": event_id(job.pk, after), "created": job.created, "most": most,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_HEADINGS, values)
        return [_heading(*row) for row in cursor.fetchall()]


def _heading(  # noqa: PLR0913, PLR0917 (a row)
    counter: int, event: str, first: int, end: int, stdout: str, play: str, task: str, role: str,
    uuid: str, created: datetime,
) -> Heading:  # fmt: skip
    parts = strip_ansi(event_text(stdout, end - first)).split("\n") if stdout else []
    words = next((n for n, part in enumerate(parts) if part.strip()), -1)
    line = first + words if words >= 0 else -1
    return Heading(counter, KINDS[event], first, line, play, task, role, uuid, created)
