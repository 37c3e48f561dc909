"""The first page: what runs and waits, how runs ended lately, what fails, and what comes.

Every question is bounded: by a time, by a number of rows, or by a partial index.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from gantry.base.config import settings
from gantry.resources.access import may_add, visible
from gantry.resources.capacity import InstanceLoad, read_loads
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.instances import Instance
from gantry.resources.jobs import ACTIVE, UnifiedJob
from gantry.resources.organizations import User
from gantry.resources.schedules import Schedule
from gantry.resources.templates import JobTemplate, UnifiedJobTemplate
from gantry.resources.workflows import WorkflowApproval
from gantry.web.environment_page import Mark, mark
from gantry.web.pages import page, signed_in, who
from gantry.web.run_chart import chart
from gantry.web.zone import zone_info

FAILED = ("failed", "error")
STRIP = 10  # runs of a failing template that are shown as squares


@signed_in
def dashboard(request: HttpRequest) -> HttpResponse:
    user = who(request)
    jobs = visible(user, UnifiedJob.objects.all())
    active = jobs.filter(status__in=ACTIVE)
    day = jobs.filter(created__gte=timezone.now() - timedelta(days=1))
    counts = dict(day.values_list("status").annotate(Count("id")).order_by())
    now = dict(active.values_list("status").annotate(Count("id")).order_by())
    shown = jobs.select_related("created_by")
    templates = visible(user, JobTemplate.objects.select_related("project", "last_job"))
    approvals = visible(user, WorkflowApproval.objects.filter(status="pending", cancel_flag=False))
    return page(
        request,
        "dashboard.html",
        {
            "active": shown.filter(status__in=ACTIVE).order_by("-id")[:8],
            "recent": shown.exclude(status__in=ACTIVE).order_by("-id")[:8],
            "templates": templates.order_by(F("last_job_run").desc(nulls_last=True), "name")[:6],
            "succeeded": counts.get("successful", 0),
            "failed": sum(counts.get(status, 0) for status in FAILED),
            "running": now.get("running", 0),
            "waiting": sum(now.get(status, 0) for status in ("new", "pending", "waiting")),
            "may_add_template": may_add(user, JobTemplate),
            "chart": chart(jobs, zone_info(request)),
            "failing": failing(user),
            "drift": drifting(user),
            "seats": seats(user),
            "coming": coming(user),
            "approvals": approvals.order_by("pk")[:6],
        },
    )


def failing(user: User) -> list[dict[str, Any]]:
    """What failed the last time that it ran, newest first, with its last runs, oldest first."""
    rows = visible(user, UnifiedJobTemplate.objects.filter(last_job_failed=True))
    rows = rows.filter(kind__in=("job_template", "workflow_job_template", "project"))
    rows = rows.select_related("last_job").order_by(F("last_job_run").desc(nulls_last=True))
    return [{"row": row, "runs": _runs(row)} for row in rows[:6]]


def _runs(row: UnifiedJobTemplate) -> list[UnifiedJob]:
    runs: QuerySet[UnifiedJob] = UnifiedJob.objects.filter(unified_job_template=row)
    newest = runs.exclude(status__in=ACTIVE).only("pk", "status", "name").order_by("-pk")[:STRIP]
    return list(newest)[::-1]


def drifting(user: User) -> list[tuple[ExecutionEnvironment, Mark]]:
    """Execution environments whose tag means something else now, or could not be asked for."""
    moved = ~Q(registry_digest="") | ~Q(registry_error="")
    rows = visible(user, ExecutionEnvironment.objects.filter(moved)).order_by("name")[:200]
    marks = [(row, mark(row)) for row in rows]
    return [(row, found) for row, found in marks if found.look in ("warning", "danger")][:6]


def seats(user: User) -> list[InstanceLoad]:
    """The instances that a person may see, with what they have and what is taken."""
    loads = read_loads(settings().lease).instances
    rows = visible(user, Instance.objects.order_by("hostname")).values_list("pk", flat=True)[:8]
    return [loads[pk] for pk in rows if pk in loads]


def coming(user: User) -> QuerySet[Schedule]:
    rows = visible(user, Schedule.objects.filter(enabled=True, next_run__isnull=False))
    return rows.select_related("unified_job_template").order_by("next_run")[:6]
