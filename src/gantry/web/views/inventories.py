"""Inventories: hosts, groups and variables, to read."""

from __future__ import annotations

from django.db.models import Count
from django.http import HttpRequest, HttpResponse

from gantry.resources.access import visible
from gantry.resources.inventories import Inventory
from gantry.web.pages import found, page, paged, signed_in, who


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), Inventory.objects.select_related("organization"))
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(name__icontains=words)
    rows = rows.annotate(
        host_count=Count("hosts", distinct=True), group_count=Count("groups", distinct=True)
    ).order_by("name", "pk")
    return page(request, "inventories/list.html", {"rows": paged(request, rows)})


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    row = found(request, Inventory.objects.select_related("organization"), pk)
    hosts = row.hosts.select_related("last_job").prefetch_related("groups").order_by("name")
    if words := request.GET.get("q", "").strip():
        hosts = hosts.filter(name__icontains=words)
    groups = row.groups.annotate(host_count=Count("hosts")).prefetch_related("children")
    return page(
        request,
        "inventories/detail.html",
        {"row": row, "rows": paged(request, hosts, 100), "groups": groups[:200]},
    )
