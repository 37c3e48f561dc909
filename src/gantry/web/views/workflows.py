"""Workflows: the list, one workflow with its picture, its form and its launch."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.base.errors import GantryError, InvalidInput
from gantry.path.workflow import launch_workflow, workflow_preview
from gantry.resources.access import may_add, visible
from gantry.resources.workflows import WorkflowJobTemplate
from gantry.web.forms import refuse
from gantry.web.launch_form import LaunchForm
from gantry.web.pages import adding, found, page, paged, signed_in, tell, who
from gantry.web.picture import DRAWN, picture_of
from gantry.web.workflow_form import WorkflowForm

RELATED = ("organization", "inventory", "last_job", "created_by")


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), WorkflowJobTemplate.objects.select_related(*RELATED))
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(name__icontains=words)
    rows = rows.annotate(size=Count("workflow_job_template_nodes", distinct=True))
    context = {
        "rows": paged(request, rows.order_by("name", "pk")),
        "can_add": may_add(who(request), WorkflowJobTemplate),
    }
    return page(request, "workflows/list.html", context)


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, WorkflowJobTemplate.objects.select_related(*RELATED), pk)
    nodes = nodes_of(row)
    preview = workflow_preview(row)
    runs = visible(who(request), row.workflow_jobs.select_related("created_by"))
    return page(
        request,
        "workflows/detail.html",
        {
            "row": row, "size": len(nodes), "jobs": runs.order_by("-id")[:10],
            "picture": picture_of(nodes) if nodes else None, **DRAWN,
            "missing": len(preview["node_templates_missing"]),
            "rejected": [n for n in nodes if n.pk in preview["node_prompts_rejected"]],
        },
    )  # fmt: skip


def nodes_of(row: WorkflowJobTemplate) -> list[Any]:
    rows = row.workflow_job_template_nodes.select_related("unified_job_template")
    return list(rows.order_by("pk"))


@signed_in
def edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    if pk is None:
        adding(request, WorkflowJobTemplate)
    row = found(request, WorkflowJobTemplate.objects.all(), pk, "change") if pk else None
    form = WorkflowForm(request.POST or None, row=row, user=who(request))
    if request.method == "POST" and form.is_valid():
        method, address = ("PATCH", f"{pk}/") if pk else ("POST", "")
        saved = form.send(request, method, f"workflow_job_templates/{address}")
        if saved is not None:
            messages.success(request, f"Saved {saved.data['name']}.")
            return redirect("workflow" if pk else "workflow-graph", saved.pk)
    context = {"form": form, "row": row}
    return page(request, "workflows/form.html", context, status=422 if form.errors else 200)


@signed_in
def launch(request: HttpRequest, pk: int) -> HttpResponse:
    """POST launches. A workflow that asks for something shows its form first."""
    row = found(request, WorkflowJobTemplate.objects.select_related(*RELATED), pk, "start")
    data = request.POST if "launch" in request.POST else None
    form = LaunchForm(data, template=row, user=who(request))
    if request.method == "POST" and (not form.fields or (form.is_bound and form.is_valid())):
        return _start(request, row, form)
    return _ask(request, row, form)


def _ask(request: HttpRequest, row: WorkflowJobTemplate, form: LaunchForm) -> HttpResponse:
    context = {"row": row, "form": form}
    return page(request, "workflows/launch.html", context, status=422 if form.errors else 200)


def _start(request: HttpRequest, row: WorkflowJobTemplate, form: LaunchForm) -> HttpResponse:
    try:
        prompts = form.prompts() if form.fields else {}
        launched = launch_workflow(row, user=who(request), prompts=prompts)
    except InvalidInput as error:
        if form.fields:
            refuse(form, error)
            return _ask(request, row, form)
        tell(request, error)
        return redirect("workflow", row.pk)
    except GantryError as error:
        tell(request, error)
        return redirect("workflow", row.pk)
    return redirect("job", launched.job.pk)
