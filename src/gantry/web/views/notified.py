"""Whom a template, a project, a source or an organization tells, and on which occasions."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.resources.access import may, may_add, visible
from gantry.resources.inventory_sources import InventorySource
from gantry.resources.notification_kinds import KINDS
from gantry.resources.notifications import NotificationTemplate
from gantry.resources.organizations import Organization
from gantry.resources.projects import Project
from gantry.resources.templates import JobTemplate
from gantry.resources.workflows import WorkflowJobTemplate
from gantry.web.form_page import tried
from gantry.web.pages import found, page, signed_in, who

OCCASIONS = {"started": "Start", "success": "Success", "error": "Failure"}
APPROVALS = {"approvals": "Approvals"}
# noun in the API -> its rows, name of its page, name of its list
OF: dict[str, tuple[Any, str, str]] = {
    "job_templates": (JobTemplate, "template", "templates"),
    "workflow_job_templates": (WorkflowJobTemplate, "workflow", "workflows"),
    "projects": (Project, "project", "projects"),
    "inventory_sources": (InventorySource, "inventory-source", "inventories"),
    "organizations": (Organization, "organization", "organizations"),
}


@signed_in
def of(request: HttpRequest, pk: int, noun: str) -> HttpResponse:
    model, name, above = OF[noun]
    row = found(request, model.objects.all(), pk)
    occasions = OCCASIONS | (APPROVALS if model is WorkflowJobTemplate else {})
    if request.method == "POST":
        return _switch(request, row, noun, occasions)
    told = {o: set(getattr(row, f"notification_templates_{o}").values_list("pk", flat=True))
            for o in occasions}  # fmt: skip
    rows = visible(who(request), NotificationTemplate.objects.select_related("organization"))
    owner = row.pk if model is Organization else row.organization_id
    if owner:
        rows = rows.filter(organization=owner)
    # Who may not change a project is refused there; elsewhere it takes the receiver alone.
    here = model is not Project or may(who(request), "change", row)
    lines = [
        {
            "row": one, "kind": KINDS[one.notification_type].label,
            "on": [(o, words, one.pk in told[o]) for o, words in occasions.items()],
            "can": here and may(who(request), "change", one),
        }
        for one in rows.order_by("name")[:200]
    ]  # fmt: skip
    context = {
        "row": row, "lines": lines, "occasions": occasions.values(), "page": name, "above": above,
        "can_add": may_add(who(request), NotificationTemplate),
    }  # fmt: skip
    return page(request, "notifications/of.html", context)


def _switch(request: HttpRequest, row: Any, noun: str, occasions: dict[str, str]) -> HttpResponse:
    occasion, _, wanted = request.POST.get("tell", "").partition(":")
    if occasion not in occasions or not wanted.isdecimal() or len(wanted) > 17:
        raise PermissionDenied
    name = f"notification_templates_{occasion}"
    told = getattr(row, name).filter(pk=int(wanted)).exists()
    body = {"id": int(wanted), **({"disassociate": True} if told else {})}
    tried(request, "POST", f"{noun}/{row.pk}/{name}/", body)
    return redirect(request.path)
