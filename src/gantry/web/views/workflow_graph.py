"""The editor of a workflow's nodes: its picture and the panel of the node that is chosen.

workflow.js sends changes to the API and asks for both again; a node's prompts have their page.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.base.errors import InvalidInput
from gantry.path.saved_prompts import whole
from gantry.resources.access import may, visible, within
from gantry.resources.templates import JobTemplate, UnifiedJobTemplate
from gantry.resources.workflows import WorkflowJobTemplate, WorkflowJobTemplateNode
from gantry.web.ask import ask, refused
from gantry.web.forms import refuse
from gantry.web.launch_form import asked
from gantry.web.pages import found, page, signed_in, who
from gantry.web.picture import DRAWN, KINDS, WORDS, edges_between, name_of, picture_of
from gantry.web.places import page_of, word_of
from gantry.web.saved_prompts_form import NAMES, SavedPromptsForm
from gantry.web.views.workflows import nodes_of

RUN_BY_NODES = ("job_template", "workflow_job_template", "project", "inventory_source",
                "system_job_template")  # fmt: skip
OFFERED = 300


@signed_in
def editor(request: HttpRequest, pk: int) -> HttpResponse:
    return page(request, "workflows/graph.html", _shown(request, pk))


@signed_in
def part(request: HttpRequest, pk: int) -> HttpResponse:
    """The picture and the panel alone, fetched again after each change."""
    return page(request, "workflows/graph_part.html", _shown(request, pk))


def _shown(request: HttpRequest, pk: int) -> dict[str, Any]:
    row = found(request, WorkflowJobTemplate.objects.all(), pk)
    nodes = nodes_of(row)
    wanted = request.GET.get("node", "")
    chosen = next((n for n in nodes if str(n.pk) == wanted), None)
    can_change = may(who(request), "change", row)
    context: dict[str, Any] = {
        "row": row, "size": len(nodes), "can_change": can_change, "editor": can_change, **DRAWN,
        "picture": picture_of(nodes, chosen.pk if chosen else 0) if nodes else None,
        "names": [(n.pk, name_of(n)) for n in nodes], "kinds": list(WORDS.items()),
    }  # fmt: skip
    if can_change:
        context["groups"] = _offered(request, row, request.GET.get("q", ""))
    if chosen is not None:
        context |= _panel(request, chosen, nodes)
    return context


def _panel(request: HttpRequest, node: Any, nodes: list[Any]) -> dict[str, Any]:
    names = {n.pk: name_of(n) for n in nodes}
    edges = edges_between(nodes)
    fields = {kind: field for field, kind in KINDS.items()}
    template = whole(node.unified_job_template) if node.unified_job_template else None
    asks = isinstance(template, JobTemplate | WorkflowJobTemplate) and bool(
        asked(template) or template.survey_enabled
    )
    question = template if getattr(template, "kind", "") == "workflow_approval_template" else None
    ways = [(a, b, kind, fields[kind]) for a, b, kind in edges]
    return {
        "node": node, "node_name": names[node.pk],
        "node_kind": word_of(node.unified_job_template) if template else "",
        "node_page": page_of(node.unified_job_template) if template else "",
        "approval": question,
        "after": [(b, names[b], kind, field) for a, b, kind, field in ways if a == node.pk],
        "before": [(a, names[a], WORDS[kind], field) for a, b, kind, field in ways if b == node.pk],
        "free": [(pk, name) for pk, name in names.items()
                 if pk != node.pk and not any({a, b} == {pk, node.pk} for a, b, _ in edges)],
        "asks": asks,
    }  # fmt: skip


def _offered(
    request: HttpRequest, row: WorkflowJobTemplate, words: str
) -> list[tuple[str, list[UnifiedJobTemplate]]]:
    """What nodes may run, by kind."""
    rows = UnifiedJobTemplate.objects.filter(kind__in=RUN_BY_NODES).exclude(pk=row.pk)
    if words:
        rows = rows.filter(name__icontains=words)
    groups: dict[str, list[UnifiedJobTemplate]] = {}
    for one in within(who(request), "start", rows).order_by("name")[:OFFERED]:
        groups.setdefault(word_of(one), []).append(one)
    return sorted(groups.items())


@signed_in
def prompts(request: HttpRequest, pk: int) -> HttpResponse:
    """What one node's job is launched with."""
    rows: QuerySet[Any] = WorkflowJobTemplateNode.objects.select_related(
        "workflow_job_template", "unified_job_template"
    )
    node = found(request, rows, pk, "change")
    template = whole(node.unified_job_template) if node.unified_job_template else None
    if not isinstance(template, JobTemplate | WorkflowJobTemplate):
        raise Http404
    form = SavedPromptsForm(
        request.POST or None, template=template, user=who(request), config=node, whole=False
    )
    if request.method == "POST" and form.is_valid() and _save(request, node, form):
        messages.success(request, "Saved what this node launches with.")
        return redirect(f"/workflows/{node.workflow_job_template_id}/graph/?node={node.pk}")
    context = {"form": form, "node": node, "row": node.workflow_job_template, "template": template}
    return page(request, "workflows/prompts.html", context, status=422 if form.errors else 200)


def _save(request: HttpRequest, node: Any, form: SavedPromptsForm) -> bool:
    address = f"workflow_job_template_nodes/{node.pk}/"
    try:
        body = form.saved()
    except InvalidInput as error:
        refuse(form, error)
        return False
    with transaction.atomic():
        answer = ask(request, "PATCH", address, body)
        if not answer.ok:
            refused(form, answer.data, NAMES)
        else:
            for words in form.relate(request, address):
                form.add_error(None, words)
        if form.errors:
            transaction.set_rollback(True)
    return not form.errors


@signed_in
def choices(request: HttpRequest, pk: int) -> HttpResponse:
    """The options of the editor's lists that fit the words."""
    row = found(request, visible(who(request), WorkflowJobTemplate.objects.all()), pk, "change")
    context = {"groups": _offered(request, row, request.GET.get("q", "").strip())}
    return page(request, "workflows/options.html", context)
