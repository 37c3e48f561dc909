"""Hosts of inventories: one with its facts, variables and runs; made, changed, deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.resources.access import may
from gantry.resources.inventories import Group, Host, HostFacts
from gantry.resources.jobs import JobHostSummary
from gantry.web.form_page import FormPage, crumb, done, sent, tried
from gantry.web.inventory_forms import HostForm
from gantry.web.pages import action, found, page, signed_in, who
from gantry.web.views.inventories import inventory

RELATED = ("inventory__organization", "last_job")
MOST_FACTS = 2000


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, Host.objects.select_related(*RELATED), pk)
    source = _original(row)
    kept = HostFacts.objects.filter(host=source).values_list("facts", flat=True).first()
    facts = list(_flat(kept or {}))
    words = request.GET.get("q", "").strip().lower()
    runs = JobHostSummary.objects.filter(host=row).select_related("job").order_by("-pk")[:10]
    groups = row.groups.order_by("name")
    return page(
        request,
        "inventories/host.html",
        {
            "row": row, "groups": groups, "runs": runs,
            "facts": [f for f in facts if words in f"{f[0]} {f[1]}".lower()][:MOST_FACTS],
            "fact_count": len(facts), "facts_of": source,
            "sources": row.inventory_sources.order_by("name"),
            "can_change": may(who(request), "change", row) and not row.inventory.kind,
            "others": row.inventory.groups.exclude(pk__in=groups).order_by("name")[:500],
        },
    )  # fmt: skip


def _original(row: Host) -> Host:
    """Facts of a constructed inventory's host are those of the host that it was made of."""
    if row.inventory.kind == "constructed" and row.instance_id.isdigit():
        return Host.objects.filter(pk=int(row.instance_id)).first() or row
    return row


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(path to a value, the value), as a host filter names it: ansible_lsb__id."""
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(inner, f"{path}__{name}" if path else str(name))
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@signed_in
def add(request: HttpRequest, pk: int) -> HttpResponse:
    row = inventory(request, pk, "change")
    if row.kind:
        raise Http404
    form = HostForm(request.POST or None)
    answer = sent(request, form, "POST", f"inventories/{pk}/hosts/")
    if answer is not None:
        return done(request, f"Added {answer.data['name']}.", "inventory-host", answer.pk)
    crumbs = [crumb("Inventories", "inventories"), crumb(row.name, "inventory", pk)]
    return FormPage("New host", crumbs).show(request, form)


@signed_in
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, Host.objects.select_related(*RELATED), pk, "change")
    names = ("name", "description", "enabled", "variables")
    form = HostForm(request.POST or None, initial={n: getattr(row, n) for n in names})
    answer = sent(request, form, "PATCH", f"hosts/{pk}/")
    if answer is not None:
        return done(request, f"Saved {answer.data['name']}.", "inventory-host", pk)
    crumbs = [crumb("Inventories", "inventories"), crumb(row.inventory.name, "inventory",
              row.inventory_id), crumb(row.name, "inventory-host", pk)]  # fmt: skip
    return FormPage(f"Edit {row.name}", crumbs).show(request, form)


@action
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, Host.objects.all(), pk, "change")
    tried(request, "PATCH", f"hosts/{pk}/", {"enabled": not row.enabled})
    if request.POST.get("back") == "list":
        return redirect("inventory", row.inventory_id)
    return redirect("inventory-host", pk)


@action
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, Host.objects.all(), pk, "delete")
    if tried(request, "DELETE", f"hosts/{pk}/", words=f"Deleted {row.name}.") is None:
        return redirect("inventory-host", pk)
    return redirect("inventory", row.inventory_id)


@action
def place(request: HttpRequest, pk: int) -> HttpResponse:
    """Put it into a group, or take it out of one."""
    row = found(request, Host.objects.all(), pk, "change")
    wanted = request.POST.get("group", "")
    group = Group.objects.filter(pk=int(wanted), inventory=row.inventory_id).first() if (
        wanted.isdecimal() and len(wanted) < 18
    ) else None  # fmt: skip
    if group is None:
        raise Http404
    body = {"id": group.pk, **({"disassociate": True} if "out" in request.POST else {})}
    tried(request, "POST", f"hosts/{pk}/groups/", body)
    return redirect("inventory-host", pk)
