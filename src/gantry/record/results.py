"""What each task did on each host, in the order in which it happened: for pictures of a run.

A piece is a range of the primary key; whoever draws asks on from its end, while the job runs too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from gantry.resources.events import event_id
from gantry.resources.jobs import UnifiedJob

PIECE = 20_000  # events
# The states in the order of their numbers on the wire; a start says that a host works on a task.
STATES = ("start", "ok", "changed", "skipped", "ignored", "failed", "unreachable")
_RESULTS = """
SELECT parent_uuid, host_name,
       CASE WHEN event = 'runner_on_start' THEN 0
            WHEN event = 'runner_on_unreachable' THEN CASE WHEN failed THEN 6 ELSE 4 END
            WHEN event = 'runner_on_skipped' THEN 3
            WHEN event = 'runner_on_ok' THEN CASE WHEN changed THEN 2 ELSE 1 END
            ELSE CASE WHEN failed THEN 5 ELSE 4 END END,
       start_line, (extract(epoch FROM created) * 1000)::bigint, play, task, role
  FROM resources_jobevent
 WHERE id > %(after)s AND id <= %(to)s AND job_created = %(created)s AND event_level = 3
   AND event IN ('runner_on_start', 'runner_on_ok', 'runner_on_failed', 'runner_on_skipped',
                 'runner_on_unreachable', 'runner_on_async_failed', 'runner_on_error')
 ORDER BY id
"""


@dataclass
class Results:
    """Columns of equal length; `task` and `host` are places in `tasks` and `hosts`. `line` counts
    from 0, `at` is milliseconds since 1970. A task is (key, play, name); equal
    keys are one task, in whichever piece."""

    last: int
    head: int
    tasks: list[tuple[str, str, str]] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    task: list[int] = field(default_factory=list)
    host: list[int] = field(default_factory=list)
    state: list[int] = field(default_factory=list)
    line: list[int] = field(default_factory=list)
    at: list[int] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return vars(self)


def results(job: UnifiedJob, after: int = 0) -> Results:
    """The results among the next PIECE events; call again until `last` reaches `head`."""
    head = max(job.emitted_events, after)
    to = min(after + PIECE, head)
    found = Results(to, head)
    values: dict[str, Any] = {
        "after": event_id(job.pk, after), "to": event_id(job.pk, to), "created": job.created,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_RESULTS, values)
        _fill(found, cursor.fetchall())
    return found


def _fill(found: Results, rows: list[tuple[Any, ...]]) -> None:
    tasks: dict[str, int] = {}
    hosts: dict[str, int] = {}
    for uuid, host, state, line, at, play, task, role in rows:
        key = uuid or f"{play}/{task}"
        number = tasks.get(key)
        if number is None:
            number = tasks[key] = len(tasks)
            found.tasks.append((key, play, f"{role} : {task}" if role else task))
        found.task.append(number)
        found.host.append(hosts.setdefault(host, len(hosts)))
        found.state.append(state)
        found.line.append(line)
        found.at.append(at)
    found.hosts = list(hosts)
