"""The states of a job and the only function that changes them.

`status` is AWX's word, `stage` the step of the path. Edges are checked: a step that tries to leave
a finished state, or to act on a job that another controller holds, is refused. Every change is
announced on the channel `gantry_jobs` as `<id>:<status>:<stage>`.
"""

from __future__ import annotations

import contextlib
from typing import Any, cast

from django.db import connection, transaction
from django.db.models.sql import Query, UpdateQuery
from django.utils import timezone

from gantry.base.errors import Fenced
from gantry.path import commit_status
from gantry.path.notify import followers, occasion_of, write_down
from gantry.resources.jobs import FINISHED, STAGES, UnifiedJob
from gantry.resources.templates import UnifiedJobTemplate

EDGES: dict[str, tuple[str, ...]] = {
    "new": ("pending", "canceled", "error"),
    # An approval succeeds while it waits: by the word of a person, nothing runs.
    "pending": ("waiting", "successful", "canceled", "error", "failed"),
    # A controller that is told to stop gives back what it has not started.
    "waiting": ("running", "pending", "canceled", "error", "failed"),
    "running": ("successful", "failed", "error", "canceled"),
    "successful": (),
    "failed": (),
    "error": (),
    "canceled": (),
}
# Which stages each status may be at; the handler of a stage is the function of that name in
# control/walk.py.
STAGES_OF: dict[str, tuple[str, ...]] = {
    "new": ("queued",),
    "pending": ("queued",),
    "waiting": ("resolving", "pulling", "preparing"),
    "running": ("starting", "running", "cleaning"),
    **dict.fromkeys(FINISHED, ("done",)),
}

assert set(EDGES) == set(STAGES_OF)
assert {s for stages in STAGES_OF.values() for s in stages} == set(STAGES)
assert all(target in EDGES for targets in EDGES.values() for target in targets)


class WrongEdge(AssertionError):
    """A bug of Gantry: this job may not go there from where it is."""


def announce(pk: int, status: str, stage: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('gantry_jobs', %s)", [f"{pk}:{status}:{stage}"])


def move(job: UnifiedJob, *, status: str = "", stage: str = "", **fields: Any) -> None:
    """Change status and stage and whatever else in one statement, if this lease still holds.

    Raises Fenced when another controller has taken the job over since it was read.
    """
    target = status or job.status
    if target != job.status and target not in EDGES[job.status]:
        raise WrongEdge(f"job {job.pk} from {job.status} to {target}")
    stage = stage or (STAGES_OF[target][0] if target != job.status else job.stage)
    if stage not in STAGES_OF[target]:
        raise WrongEdge(f"job {job.pk} is {target} and cannot be at {stage}")
    now = timezone.now()
    if stage != job.stage:
        fields["stage_times"] = {**job.stage_times, stage: now.isoformat()}
    fields |= {"status": target, "stage": stage, "modified": now}
    # The same move again, after a commit whose answer was lost, finds the row where it left it.
    here = (job.status,) if target in FINISHED else (job.status, target)
    held = UnifiedJob.objects.filter(pk=job.pk, lease_epoch=job.lease_epoch, status__in=here)
    occasion = occasion_of(job, target)
    told = followers(job, occasion) if occasion else []
    posted = commit_status.status_of(job, target) if target != job.status else None
    # Who follows the job is told of what became of it, or neither happened.
    with transaction.atomic() if told or posted else contextlib.nullcontext():
        if not _update_and_announce(held.query, fields, f"{job.pk}:{target}:{stage}"):
            raise Fenced(f"Job {job.pk} is no longer ours.")
        if told:
            write_down(told, job, occasion)
        if posted is not None:
            commit_status.write_down(posted)
    # Not before the commit: a transaction that is lost must leave the old values, to be tried
    # again from.
    transaction.on_commit(lambda: _take_over(job, fields))


def _update_and_announce(rows: Query, fields: dict[str, Any], words: str) -> bool:
    """Whether there was a row. One statement where Django would make four, each a wait of its own:
    a launch moves its job five times."""
    update = cast("UpdateQuery", rows.chain(UpdateQuery))
    update.add_update_values(fields)
    sql, values = update.get_compiler(connection=connection).as_sql()
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH moved AS ({sql} RETURNING 1) "  # noqa: S608 (Django's own statement)
            "SELECT pg_notify('gantry_jobs', %s) FROM moved",
            [*values, words],
        )
        return cursor.fetchone() is not None


def _take_over(job: UnifiedJob, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        setattr(job, name, value)


def end(job: UnifiedJob, *, status: str, **fields: Any) -> None:
    """The last move: writes once when and how it ended, here and on its template."""
    now = timezone.now()
    started = job.started or now
    with transaction.atomic():
        move(
            job,
            status=status,
            finished=now,
            failed=status != "successful",
            elapsed=round((now - started).total_seconds(), 3),
            lease_owner=None,
            lease_expires=None,
            start_secrets="",
            waiting_for="",
            canceled_on=now if status == "canceled" else None,
            **fields,
        )
        UnifiedJobTemplate.objects.filter(unifiedjobs=job).update(
            status=status,
            last_job=job.pk,
            last_job_failed=status != "successful",
            last_job_run=now,
            current_job=None,
        )
        with connection.cursor() as cursor:
            # Jobs that waited for this one, or for its place, can go on.
            cursor.execute("SELECT pg_notify('gantry_control', %s)", [f"ended:{job.pk}"])
