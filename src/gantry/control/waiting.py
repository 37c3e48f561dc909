"""What pending jobs wait for, on their rows: in our words (`waiting_for`), and in those by which
AWX's clients know it (`job_explanation`).

One statement looks at all of them, however many; only rows whose words changed are written.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import connection, transaction

from gantry.resources.capacity import Loads, read_loads
from gantry.resources.jobs import NOT_WALKED, UnifiedJob
from gantry.resources.templates import JobTemplate

NO_CAPACITY = "This job is not ready to start because there is not enough available capacity."
# `first` is a job that it depends on, `rival` the run of its template and `build` the build of its
# EE that come before it, `beside` the template whose limit is reached.
_WAITING = """
WITH waiting AS (
    SELECT u.id, u.status, u.stage, u.preferred_groups, u.task_impact,
           coalesce(u.organization_id, 0) AS organization, u.unified_job_template_id AS template,
           u.waiting_for, u.job_explanation, b.environment_id AS environment,
           coalesce(j.allow_simultaneous, false) AS beside
      FROM resources_unifiedjob u
      LEFT JOIN resources_job j ON j.unifiedjob_ptr_id = u.id
      LEFT JOIN resources_environmentbuild b ON b.unifiedjob_ptr_id = u.id
     WHERE u.status = 'pending' AND NOT u.cancel_flag AND NOT u.kind = ANY(%(not_walked)s)
), needed AS (
    SELECT d.from_unifiedjob_id AS id, min(o.id) AS job
      FROM resources_unifiedjob o
      JOIN resources_unifiedjob_dependencies d ON d.to_unifiedjob_id = o.id
     WHERE o.status IN ('new', 'pending', 'waiting', 'running') GROUP BY 1
), runs AS (
    SELECT unified_job_template_id AS template,
           min(id) FILTER (WHERE status <> 'pending') AS running,
           count(*) FILTER (WHERE status <> 'pending' AND kind = 'job') AS jobs,
           min(id) FILTER (WHERE status = 'pending' AND NOT cancel_flag) AS pending
      FROM resources_unifiedjob WHERE status IN ('pending', 'waiting', 'running') GROUP BY 1
), builds AS (
    SELECT e.environment_id AS environment,
           min(o.id) FILTER (WHERE o.status <> 'pending') AS running,
           min(o.id) FILTER (WHERE o.status = 'pending' AND NOT o.cancel_flag) AS pending
      FROM resources_environmentbuild e JOIN resources_unifiedjob o ON o.id = e.unifiedjob_ptr_id
     WHERE o.status IN ('pending', 'waiting', 'running') GROUP BY 1
)
SELECT w.id, w.stage, w.preferred_groups, w.task_impact, w.organization, w.waiting_for,
       w.job_explanation, needed.job,
       CASE WHEN NOT w.beside THEN coalesce(runs.running, nullif(runs.pending, w.id)) END,
       coalesce(builds.running, nullif(builds.pending, w.id)),
       CASE WHEN runs.jobs >= t.max_concurrent_jobs THEN w.template END
  FROM waiting w
  LEFT JOIN needed ON needed.id = w.id
  LEFT JOIN runs ON runs.template = w.template
  LEFT JOIN builds ON builds.environment = w.environment
  LEFT JOIN resources_jobtemplate t ON t.unifiedjobtemplate_ptr_id = w.template
        AND t.max_concurrent_jobs > 0 AND w.beside
"""
_TELL = """
WITH told AS (
    UPDATE resources_unifiedjob u SET waiting_for = g.reason, job_explanation = g.said
      FROM unnest(%s::bigint[], %s::text[], %s::text[]) AS g(id, reason, said)
     WHERE u.id = g.id AND u.status = 'pending' RETURNING u.id, u.stage
)
SELECT count(pg_notify('gantry_jobs', id || ':pending:' || stage)) FROM told
"""


class _Row(NamedTuple):
    id: int
    stage: str
    groups: list[int]
    impact: int
    organization: int
    waiting_for: str
    job_explanation: str
    first: int | None
    rival: int | None
    build: int | None
    beside: int | None


class _Words:
    """Each sentence is made once, however many jobs it is true of."""

    def __init__(self, lease: int) -> None:
        self._lease = lease
        self._loads: Loads | None = None
        self._known: dict[Any, tuple[str, str]] = {}

    def of(self, row: _Row) -> tuple[str, str]:
        before = row.first or row.rival or row.build
        if before or row.beside:
            key: Any = (before, bool(row.first), bool(row.rival), row.beside)
        else:
            key = (tuple(row.groups), row.impact, row.organization)
        if key not in self._known:
            self._known[key] = self._made(row, before)
        return self._known[key]

    def _made(self, row: _Row, before: int | None) -> tuple[str, str]:
        if before:
            return _behind(before, row)
        if row.beside:
            name, most = JobTemplate.objects.values_list("name", "max_concurrent_jobs").get(
                pk=row.beside
            )
            reason = f"template {name}: as many of its jobs run as may, {most}"
            return reason, f"{NO_CAPACITY} It waits for {reason}."
        self._loads = self._loads or read_loads(self._lease)
        reason = self._loads.why_not(row.groups, row.impact, row.organization)
        return reason, f"{NO_CAPACITY} It waits for {reason}." if reason else ""


def _behind(before: int, row: _Row) -> tuple[str, str]:
    first = UnifiedJob.objects.filter(pk=before).only("kind", "name").first()
    if first is None:
        return "", ""
    said = f"waiting for {first.kind.replace('_', '')}-{first.pk} to finish"
    if row.first:
        return f"{first.kind.replace('_', ' ')} {first.pk} of {first.name}", said
    if row.rival:
        return "an earlier run of the same template", said
    return "an earlier build of the same execution environment", said


@transaction.atomic
def explain_waiting(lease: int) -> None:
    """Tell each pending job what it waits for, when that has changed."""
    words, changed = _Words(lease), []
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, {"not_walked": list(NOT_WALKED)})
        for values in cursor.fetchall():
            row = _Row(*values)
            told = words.of(row)
            if told != (row.waiting_for, row.job_explanation):
                changed.append((row.id, *told))
        if changed:
            cursor.execute(_TELL, [list(column) for column in zip(*changed, strict=True)])
