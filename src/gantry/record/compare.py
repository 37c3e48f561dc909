"""What differs between two runs: how long each task took, and what it changed or failed on a host.

By indexes only: headings for the tasks' times, and the events that changed or failed; results that
were ok or skipped in both runs are never read.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import Q

from gantry.record.headings import Heading, headings
from gantry.resources.events import JobEvent, event_id
from gantry.resources.jobs import UnifiedJob

MOST_RESULTS = 20_000  # of one run
MOST_TASKS = 5_000
_NOTABLE = (
    "runner_on_ok", "runner_on_failed", "runner_on_unreachable", "runner_on_async_failed",
)  # fmt: skip
Key = tuple[str, str]  # play, task


@dataclass
class TaskTimes:
    """Seconds of a task in both runs, None where it did not run; a task that ran more than once
    in a play is added up. `left_line` and `right_line` count from 0."""

    play: str
    name: str
    left: float | None = None
    right: float | None = None
    left_line: int = 0
    right_line: int = 0

    @property
    def more(self) -> float:
        """Seconds by which the right run took longer."""
        return (self.right or 0.0) - (self.left or 0.0)


@dataclass(frozen=True)
class ResultChange:
    """A host's task that did in one run what it did not do in the other. States: changed, failed,
    unreachable, or "" for neither of them (ok, skipped, not run)."""

    play: str
    task: str
    host: str
    left: str
    right: str
    line: int  # from 0, in the run that has the more notable state


@dataclass
class Comparison:
    tasks: list[TaskTimes] = field(default_factory=list)
    results: list[ResultChange] = field(default_factory=list)
    cut: bool = False  # a run has more than MOST_RESULTS changed and failed results


def compare(left: UnifiedJob, right: UnifiedJob) -> Comparison:
    found = Comparison(tasks=_times(left, right))
    (was, cut_left), (now, cut_right) = _notable(left), _notable(right)
    found.cut = cut_left or cut_right
    for key in [*was, *(k for k in now if k not in was)]:
        (before, line), (after, other) = was.get(key, ("", 0)), now.get(key, ("", 0))
        if before != after:
            found.results.append(ResultChange(*key, before, after, other if after else line))
    return found


def _times(left: UnifiedJob, right: UnifiedJob) -> list[TaskTimes]:
    found: dict[Key, TaskTimes] = {}
    for job, side in ((left, "left"), (right, "right")):
        for heading, seconds in _tasks(job):
            key = heading.play, heading.name
            row = found.setdefault(key, TaskTimes(*key))
            if getattr(row, side) is None:
                setattr(row, f"{side}_line", max(heading.line, heading.first))
            setattr(row, side, (getattr(row, side) or 0.0) + seconds)
    return list(found.values())


def _tasks(job: UnifiedJob) -> list[tuple[Heading, float]]:
    """Each task and the seconds until the next heading."""
    read = headings(job, most=MOST_TASKS)
    found = []
    for number, heading in enumerate(read):
        if heading.kind != "task":
            continue
        end = read[number + 1].created if number + 1 < len(read) else job.finished
        seconds = (end - heading.created).total_seconds() if end else 0.0
        found.append((heading, max(seconds, 0.0)))
    return found


def _notable(job: UnifiedJob) -> tuple[dict[tuple[str, str, str], tuple[str, int]], bool]:
    """(play, task, host) -> (state, line)."""
    own = JobEvent.objects.filter(
        id__gt=event_id(job.pk, 0), id__lt=event_id(job.pk + 1, 0), job_created=job.created
    )
    found: dict[tuple[str, str, str], tuple[str, int]] = {}
    count = 0
    # One question an index: what changed, then what failed, which is the last word.
    for condition in (Q(changed=True), Q(failed=True)):
        rows = own.filter(condition, event__in=_NOTABLE).order_by("id")
        columns = ("play", "role", "task", "host_name", "event", "failed", "start_line")
        for play, role, task, host, event, failed, line in rows.values_list(*columns)[
            :MOST_RESULTS
        ]:
            count += 1
            state = "changed"
            if failed:
                state = "unreachable" if event == "runner_on_unreachable" else "failed"
            found[play, f"{role} : {task}" if role else task, host] = state, line
    return found, count >= MOST_RESULTS
