"""Groups of an inventory: one with its hosts and the groups below it; made, changed, deleted."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.resources.access import may
from gantry.resources.group_tree import ancestors, descendants, hosts_below, only_below
from gantry.resources.inventories import Group, Host
from gantry.web.form_page import FormPage, crumb, done, sent, tried
from gantry.web.inventory_forms import GroupForm
from gantry.web.pages import action, found, page, paged, signed_in, who
from gantry.web.views.inventories import inventory

OFFERED = 500
HOSTS = 100


def _group(request: HttpRequest, pk: int, verb: str = "read") -> Group:
    return found(request, Group.objects.select_related("inventory"), pk, verb)


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = _group(request, pk)
    hosts = row.hosts.select_related("last_job").prefetch_related("groups").order_by("name")
    can_change = may(who(request), "change", row) and not row.inventory.kind
    context: dict[str, Any] = {
        "row": row, "rows": paged(request, hosts, HOSTS), "can_change": can_change,
        "all_hosts": hosts_below(row).count(), "parents": row.parents.order_by("name"),
        "children": row.children.order_by("name"),
        "sources": row.inventory_sources.order_by("name"),
    }  # fmt: skip
    if can_change:
        barred = ancestors({pk}) | descendants(pk)
        others = Group.objects.filter(inventory=row.inventory_id).exclude(pk__in=barred)
        outside = Host.objects.filter(inventory=row.inventory_id).exclude(groups=pk)
        context |= {
            "other_groups": others.order_by("name")[:OFFERED],
            "other_hosts": outside.order_by("name")[:OFFERED],
            "gone": len(only_below(pk)) - 1,
        }
    return page(request, "inventories/group.html", context)


@signed_in
def add(request: HttpRequest, pk: int) -> HttpResponse:
    """A group of an inventory; below another where the address names one."""
    row = inventory(request, pk, "change")
    if row.kind:
        raise Http404
    parent = None
    if wanted := request.GET.get("parent", ""):
        parent = row.groups.filter(pk=int(wanted) if wanted.isdecimal() else 0).first()
    address = f"groups/{parent.pk}/children/" if parent else f"inventories/{pk}/groups/"
    form = GroupForm(request.POST or None)
    answer = sent(request, form, "POST", address)
    if answer is not None:
        return done(request, f"Added {answer.data['name']}.", "inventory-group", answer.pk)
    crumbs = [crumb("Inventories", "inventories"), crumb(row.name, "inventory-groups", pk)]
    if parent:
        crumbs.append(crumb(parent.name, "inventory-group", parent.pk))
    title = f"New group below {parent.name}" if parent else "New group"
    return FormPage(title, crumbs).show(request, form)


@signed_in
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = _group(request, pk, "change")
    first = {n: getattr(row, n) for n in ("name", "description", "variables")}
    form = GroupForm(request.POST or None, initial=first)
    answer = sent(request, form, "PATCH", f"groups/{pk}/")
    if answer is not None:
        return done(request, f"Saved {answer.data['name']}.", "inventory-group", pk)
    crumbs = [crumb("Inventories", "inventories"),
              crumb(row.inventory.name, "inventory-groups", row.inventory_id),
              crumb(row.name, "inventory-group", pk)]  # fmt: skip
    return FormPage(f"Edit {row.name}", crumbs).show(request, form)


@action
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    row = _group(request, pk, "delete")
    if tried(request, "DELETE", f"groups/{pk}/", words=f"Deleted {row.name}.") is None:
        return redirect("inventory-group", pk)
    return redirect("inventory-groups", row.inventory_id)


@action
def place(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a host or a group into it, or take one out."""
    _group(request, pk, "change")
    for name, below in (("host", "hosts"), ("child", "children")):
        wanted = request.POST.get(name, "")
        if wanted.isdecimal() and len(wanted) < 18:
            body: dict[str, Any] = {"id": int(wanted)}
            if "out" in request.POST:
                body["disassociate"] = True
            tried(request, "POST", f"groups/{pk}/{below}/", body)
    return redirect("inventory-group", pk)
