"""Where an inventory's hosts come from: its sources, their updates, their form."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.resources.access import may
from gantry.resources.inventory_sources import InventorySource
from gantry.resources.jobs import ACTIVE
from gantry.web.form_page import FormPage, crumb, done, sent, tried
from gantry.web.inventory_forms import SourceForm
from gantry.web.pages import action, found, page, signed_in, who
from gantry.web.views.inventories import around, inventory

RELATED = ("inventory", "source_project", "execution_environment", "last_job", "next_schedule")


def _source(request: HttpRequest, pk: int, verb: str = "read") -> InventorySource:
    return found(request, InventorySource.objects.select_related(*RELATED), pk, verb)


@signed_in
def listing(request: HttpRequest, pk: int) -> HttpResponse:
    row = inventory(request, pk)
    if row.kind == "smart":
        raise Http404
    rows = row.inventory_sources.select_related("last_job", "source_project").order_by("name")
    return page(request, "inventories/sources.html", around(request, row) | {"rows": rows})


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = _source(request, pk)
    updates = row.inventory_updates.select_related("created_by").order_by("-id")
    return page(
        request,
        "inventories/source.html",
        {
            "row": row, "updates": updates[:10], "kind": row.get_source_display(),
            "running": updates.filter(status__in=ACTIVE).first(),
            "credential": row.cloud_credential(),
            "hosts": row.hosts.count(), "groups": row.groups.count(),
            "can_change": may(who(request), "change", row) and row.source != "constructed",
            "can_delete": may(who(request), "delete", row) and row.source != "constructed",
            "can_start": may(who(request), "start", row) and row.can_update,
        },
    )  # fmt: skip


@signed_in
def add(request: HttpRequest, pk: int) -> HttpResponse:
    row = inventory(request, pk, "change")
    if row.kind:
        raise Http404
    form = SourceForm(request.POST or None, row=None, user=who(request))
    answer = sent(request, form, "POST", f"inventories/{pk}/inventory_sources/")
    if answer is not None:
        words = f"Saved {answer.data['name']}. Update it to bring its hosts."
        return done(request, words, "inventory-source", answer.pk)
    crumbs = [crumb("Inventories", "inventories"), crumb(row.name, "inventory-sources", pk)]
    return FormPage("New source", crumbs).show(request, form)


@signed_in
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = _source(request, pk, "change")
    if row.source == "constructed":
        return redirect("inventory-edit", row.inventory_id)
    form = SourceForm(request.POST or None, row=row, user=who(request))
    answer = sent(request, form, "PATCH", f"inventory_sources/{pk}/")
    if answer is not None:
        return done(request, f"Saved {answer.data['name']}.", "inventory-source", pk)
    crumbs = [crumb("Inventories", "inventories"),
              crumb(row.inventory.name, "inventory-sources", row.inventory_id),
              crumb(row.name, "inventory-source", pk)]  # fmt: skip
    return FormPage(f"Edit {row.name}", crumbs).show(request, form)


@action
def update(request: HttpRequest, pk: int) -> HttpResponse:
    found(request, InventorySource.objects.all(), pk, "start")
    data = tried(request, "POST", f"inventory_sources/{pk}/update/")
    return redirect("job", data["inventory_update"]) if data else redirect("inventory-source", pk)


@action
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    row = _source(request, pk, "delete")
    words = f"Deleted the source {row.name}."
    if tried(request, "DELETE", f"inventory_sources/{pk}/", words=words) is None:
        return redirect("inventory-source", pk)
    return redirect("inventory-sources", row.inventory_id)
