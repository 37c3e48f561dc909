"""Jobs: the list, and the page of one job, be it a playbook's run or a project's sync."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.base.errors import GantryError
from gantry.path import launch as step
from gantry.path.repeat import why_not_exactly
from gantry.path.workflow import answer_approval
from gantry.record.output import count
from gantry.record.results import STATES
from gantry.record.search import STATUSES as STATUSES_TO_FILTER
from gantry.resources.access import may, visible
from gantry.resources.ad_hoc import AdHocCommand
from gantry.resources.base import STATUSES
from gantry.resources.builds import EnvironmentBuild
from gantry.resources.inventory_sources import InventoryUpdate
from gantry.resources.jobs import ACTIVE, NOT_WALKED, Job, ProjectUpdate, UnifiedJob
from gantry.resources.workflows import WorkflowApproval, WorkflowJob, WorkflowJobNode
from gantry.web import output
from gantry.web.feed import mark
from gantry.web.job_differences import relaunch_differs
from gantry.web.job_page import KEY_SHEET, command, facts, proofs, steps, variables
from gantry.web.pages import action, found, page, paged, signed_in, tell, who
from gantry.web.picture import DRAWN, picture_of, questions_of, run_nodes
from gantry.web.relaunching import again
from gantry.web.zone import zone_info

VIEWS = ("output", "matrix", "timeline")
GROUPS = {"active": ACTIVE, "failed": ("failed", "error")}
KINDS = [
    ("job", "Playbook run"),
    ("project_update", "Project sync"),
    ("inventory_update", "Inventory update"),
    ("environment_build", "Environment build"),
    ("ad_hoc_command", "Ad hoc command"),
    ("workflow_job", "Workflow"),
    ("workflow_approval", "Approval"),
]


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), UnifiedJob.objects.select_related("created_by", "organization"))
    wanted = request.GET.get("status", "")
    if wanted in GROUPS:
        rows = rows.filter(status__in=GROUPS[wanted])
    elif wanted:
        rows = rows.filter(status=wanted)
    if kind := request.GET.get("kind", ""):
        rows = rows.filter(kind=kind)
    environment = request.GET.get("environment", "")
    if environment.isdecimal() and len(environment) < 10:
        rows = rows.filter(execution_environment=int(environment))
    if digest := request.GET.get("digest", ""):
        rows = rows.filter(ee_digest=digest)
    if day := _day(request):
        rows = rows.filter(finished__gte=day, finished__lt=day + timedelta(days=1))
    if words := request.GET.get("q", "").strip():
        match = Q(name__icontains=words)
        if words.isdecimal() and len(words) < 18:
            match |= Q(pk=int(words))
        rows = rows.filter(match)
    return page(
        request,
        "jobs/list.html",
        {"rows": paged(request, rows.order_by("-id")), "statuses": STATUSES, "kinds": KINDS},
    )


def _day(request: HttpRequest) -> datetime | None:
    """The midnight, where the person is, of ?day=2026-11-24."""
    try:
        day = datetime.strptime(request.GET.get("day", ""), "%Y-%m-%d")
    except ValueError:
        return None
    return day.replace(tzinfo=zone_info(request)) if 1970 < day.year < 9999 else None


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    return page(request, "jobs/detail.html", _shown(request, pk))


@signed_in
def panels(request: HttpRequest, pk: int) -> HttpResponse:
    """The parts around the output, fetched again by the page when the job's state changes."""
    return page(request, "jobs/panels.html", _shown(request, pk))


def _shown(request: HttpRequest, pk: int) -> dict[str, Any]:
    job = _specific(found(request, UnifiedJob.objects.all(), pk))
    walked = job.kind not in NOT_WALKED
    way = steps(job) if walked else []
    view = request.GET.get("view", "")
    failures = output.failures(job) if job.failed or job.active else []
    context: dict[str, Any] = {
        "job": job,
        "kind": dict(KINDS).get(job.kind, job.kind),
        "workflow_id": _workflow_of(job),
        "walked": walked,  # has stages and output of its own
        "steps": way,
        "path_seconds": sum(step.seconds or 0 for step in way),
        "view": view if view in VIEWS else "output",
        "filter_statuses": STATUSES_TO_FILTER,
        "states": STATES[1:],
        "key_sheet": KEY_SHEET,
        "mark": mark(job),
        "failures": failures,
        "failure_lines": json.dumps([f.number for f in failures]),
        "lines": job.lines if job.active else count(job.pk),
        "evidence": facts(job.evidence),
        "cleanup": proofs(job.cleanup),
        "cleanup_checked": _moment((job.cleanup or {}).get("checked")),
        "variables": variables(job),
        "command": command(job),
        "may_cancel": job.active and may(who(request), "cancel", job),
        "held_up_by": _held_up_by(request, job),
    }
    if isinstance(job, Job):
        context |= _of_playbook(request, job)
    if isinstance(job, ProjectUpdate):
        context["may_sync"] = not job.active and may(who(request), "update", job.project)
    if isinstance(job, AdHocCommand):
        context |= _of_ad_hoc(request, job)
    if isinstance(job, WorkflowJob):
        context |= _of_workflow(request, job)
    if isinstance(job, WorkflowApproval):
        waits = job.status == "pending" and not job.cancel_flag
        context["may_answer"] = waits and may(who(request), "approve", job)
    if isinstance(job, EnvironmentBuild) and job.environment is not None:
        context["may_build"] = not job.active and may(who(request), "change", job.environment)
    return context


def _held_up_by(request: HttpRequest, job: UnifiedJob) -> list[UnifiedJob]:
    """The syncs and updates without which it cannot run: those under way, or those that failed."""
    if job.status == "pending":
        rows = job.dependencies.filter(status__in=ACTIVE)
    elif job.failure_class == "dependency_failed":
        rows = job.dependencies.exclude(status="successful")
    else:
        return []
    return list(visible(who(request), rows).order_by("pk"))


def _workflow_of(job: UnifiedJob) -> int | None:
    """The workflow job that started this one."""
    nodes = WorkflowJobNode.objects.filter(job_id=job.pk)
    return nodes.values_list("workflow_job_id", flat=True).first()


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def _of_playbook(request: HttpRequest, job: Job) -> dict[str, Any]:
    hosts = list(job.job_host_summaries.order_by("-failed", "host_name")[:500])
    return {
        "hosts": hosts,
        "failed_hosts": sum(h.failed for h in hosts),
        "credentials": job.credentials.select_related("credential_type"),
        "may_relaunch": not job.active
        and job.job_template is not None
        and may(who(request), "start", job.job_template),
        "why_not_exactly": "" if job.active else why_not_exactly(job),
        "relaunch_differs": [] if job.active else relaunch_differs(job),
        "passwords": step.passwords_needed(list(job.credentials.select_related("credential_type"))),
    }


def _of_ad_hoc(request: HttpRequest, job: AdHocCommand) -> dict[str, Any]:
    credentials = [job.credential] if job.credential is not None else []
    usable = all(may(who(request), "use", row) for row in credentials)
    return {
        "credentials": credentials,
        "may_relaunch": not job.active and usable and may(who(request), "start", job),
        "why_not_exactly": "Ad hoc commands have no template to repeat exactly.",
        "passwords": step.passwords_needed(credentials),
    }


def _of_workflow(request: HttpRequest, job: WorkflowJob) -> dict[str, Any]:
    nodes = run_nodes(job)
    return {
        "nodes": nodes,
        "picture": picture_of(nodes) if nodes else None,
        **DRAWN,
        "questions": questions_of(nodes, who(request)) if job.active else [],
        "may_relaunch": not job.active and may(who(request), "start", job),
        "why_not_exactly": "A workflow is run again as it is now.",
    }


# The child row of each kind, with what the page names.
_KINDS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "job": (Job, ("inventory", "project", "inventory_snapshot", "project_update", "job_template",
                  "project_snapshot")),
    "project_update": (ProjectUpdate, ("project",)),
    "inventory_update": (InventoryUpdate, ("inventory", "inventory_source", "project_snapshot",
                                           "source_project_update")),
    "ad_hoc_command": (AdHocCommand, ("inventory", "inventory_snapshot",
                                      "credential__credential_type")),
    "environment_build": (EnvironmentBuild, ("environment",)),
    "workflow_job": (WorkflowJob, ("inventory", "workflow_job_template")),
    "workflow_approval": (WorkflowApproval, ("approved_or_denied_by",)),
}  # fmt: skip
_RELATED = ("created_by", "execution_environment", "organization", "unified_job_template")


def _specific(job: UnifiedJob) -> UnifiedJob:
    if job.kind not in _KINDS:
        return job
    model, more = _KINDS[job.kind]
    row: UnifiedJob = model.objects.select_related(*_RELATED, *more).get(pk=job.pk)
    return row


@action
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    job = found(request, UnifiedJob.objects.all(), pk, "cancel")
    try:
        step.cancel_job(job, user=who(request))
    except GantryError as error:
        tell(request, error)
    return redirect("job", pk)


@action
def relaunch(request: HttpRequest, pk: int) -> HttpResponse:
    job = _specific(found(request, UnifiedJob.objects.all(), pk))
    passwords = {
        name.removeprefix("password:"): value
        for name, value in request.POST.items()
        if name.startswith("password:") and isinstance(value, str)
    }
    hosts = request.POST.get("hosts", "all")
    try:
        new = again(job, user=who(request), hosts=hosts, passwords=passwords)
    except GantryError as error:
        tell(request, error)
        return redirect("job", pk)
    return redirect("job", new.pk)


@action
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """Approve or deny: what a workflow waits for."""
    job = _specific(found(request, UnifiedJob.objects.all(), pk))
    if not isinstance(job, WorkflowApproval):
        raise Http404
    try:
        answer_approval(job, user=who(request), approved=request.POST.get("answer") == "approve")
    except GantryError as error:
        tell(request, error)
    back = request.POST.get("back", "")  # the run that it was answered on
    return redirect("job", int(back) if back.isdecimal() and len(back) < 18 else pk)
