"""Inventories: the list, and one with its hosts, its tree of groups and its sources."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db import transaction
from django.db.models import Count, OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from gantry.base.errors import InvalidInput
from gantry.resources.access import may, may_add, visible
from gantry.resources.host_filter import hosts_of
from gantry.resources.inventories import Group, Host, Inventory
from gantry.web.ask import ask, sentences
from gantry.web.form_page import FormPage, crumb, done, sent, tried
from gantry.web.inventory_forms import InventoryForm
from gantry.web.pages import action, adding, found, page, paged, signed_in, who
from gantry.web.saved_prompts_form import relate

HOSTS = 100  # a page
MOST_LINES = 600  # of a tree
KINDS = {"": "inventory", "smart": "smart inventory", "constructed": "constructed inventory"}
_FILTER = re.compile(r"^[\w\[\]]+=")


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    rows = visible(who(request), Inventory.objects.select_related("organization"))
    if words := request.GET.get("q", "").strip():
        rows = rows.filter(name__icontains=words)
    rows = rows.annotate(
        host_count=_count(Host), group_count=_count(Group)
    ).order_by("name", "pk")  # fmt: skip
    shown = paged(request, rows)
    found_by = {row.pk: _found_by(row) for row in shown if row.kind == "smart"}
    context = {"rows": shown, "found_by": found_by, "can_add": may_add(who(request), Inventory)}
    return page(request, "inventories/list.html", context)


def _count(model: Any) -> Subquery:
    rows = model.objects.filter(inventory=OuterRef("pk")).order_by()
    return Subquery(rows.values("inventory").annotate(n=Count("pk")).values("n"))


def _found_by(row: Inventory) -> int:
    try:
        return hosts_of(row).count()
    except InvalidInput:
        return 0


def inventory(request: HttpRequest, pk: int, verb: str = "read") -> Inventory:
    return found(request, Inventory.objects.select_related("organization"), pk, verb)


def around(request: HttpRequest, row: Inventory) -> dict[str, Any]:
    """What the head of an inventory's pages shows."""
    return {
        "row": row,
        "kind_word": KINDS[row.kind],
        "source_count": row.inventory_sources.count(),
        "can_change": may(who(request), "change", row),
        "can_delete": may(who(request), "delete", row),
        "can_update": may(who(request), "update", row),
    }


@signed_in
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Its hosts. What is searched for is part of a name, or a host filter, facts among it."""
    row = inventory(request, pk)
    words = request.GET.get("q", "").strip()
    problem = ""
    try:
        hosts = hosts_of(row)
        if words and _FILTER.match(words):
            shown, problem = _filtered(request, row, words)
        else:
            hosts = hosts.filter(name__icontains=words) if words else hosts
            shown = paged(request, _told(hosts.order_by("name", "pk")), HOSTS)
    except InvalidInput as error:
        shown, problem = Paginator(Host.objects.none(), HOSTS).get_page(1), str(error)
    context = around(request, row) | {
        "rows": shown, "problem": problem,
        "inputs": row.input_inventories.all() if row.kind == "constructed" else None,
    }  # fmt: skip
    return page(request, "inventories/detail.html", context)


def _told(hosts: Any) -> Any:
    return hosts.select_related("last_job").prefetch_related("groups")


def _filtered(request: HttpRequest, row: Inventory, words: str) -> tuple[Page[Any], str]:
    """The API reads the filter: it knows what this person may ask for."""
    number = request.GET.get("page", "1")
    asked = {"host_filter": words, "page_size": HOSTS, "order_by": "name",
             "page": number if number.isdecimal() else "1"}  # fmt: skip
    try:
        answer = ask(request, "GET", f"inventories/{row.pk}/hosts/?{urlencode(asked)}")
    except Http404:
        return Paginator(Host.objects.none(), HOSTS).get_page(1), ""
    if not answer.ok:
        return Paginator(Host.objects.none(), HOSTS).get_page(1), sentences(answer.data)
    ids = [one["id"] for one in answer.data["results"]]
    rows = _told(Host.objects.filter(pk__in=ids).order_by("name", "pk"))
    whole = Paginator(range(answer.data["count"]), HOSTS)
    shown: Any = Page(list(rows), int(asked["page"]), whole)  # type: ignore[call-overload]
    return shown, ""


@signed_in
def groups(request: HttpRequest, pk: int) -> HttpResponse:
    row = inventory(request, pk)
    if row.kind == "smart":
        raise Http404
    context = around(request, row) | {"lines": tree(row), "most": MOST_LINES}
    return page(request, "inventories/groups.html", context)


def tree(row: Inventory) -> list[tuple[Group, int]]:
    """(group, how deep), each group below every one of its parents."""
    known = {g.pk: g for g in row.groups.annotate(host_count=Count("hosts")).order_by("name")}
    through = Group.children.through.objects.filter(from_group__in=known)
    below: dict[int, list[int]] = {}
    inner = set()
    for parent, child in through.values_list("from_group", "to_group"):
        below.setdefault(parent, []).append(child)
        inner.add(child)
    order = list(known)  # by name
    place = {pk: at for at, pk in enumerate(order)}
    lines: list[tuple[Group, int]] = []
    todo = [(pk, 0) for pk in reversed(order) if pk not in inner]
    while todo and len(lines) < MOST_LINES:
        at, depth = todo.pop()
        lines.append((known[at], min(depth, 8)))
        children = sorted(below.get(at, ()), key=lambda pk: place[pk], reverse=True)
        todo += [(child, depth + 1) for child in children]
    return lines


@signed_in
def edit(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    if pk is None:
        adding(request, Inventory)
    row = inventory(request, pk, "change") if pk else None
    kind = row.kind if row else request.GET.get("kind", "")
    if kind not in KINDS:
        raise Http404
    form = InventoryForm(request.POST or None, row=row, kind=kind, user=who(request))
    with transaction.atomic():
        method, address = ("PATCH", f"{form.noun}/{pk}/") if pk else ("POST", f"{form.noun}/")
        answer = sent(request, form, method, address)
        if answer is not None and kind == "constructed":
            chosen = {one.pk for one in form.cleaned_data["input_inventories"]}
            before = set(row.input_inventories.values_list("pk", flat=True)) if row else set()
            at = f"inventories/{answer.pk}/input_inventories/"
            for words in relate(request, at, before, chosen):
                form.add_error("input_inventories", words)
        if form.is_bound and form.errors:
            transaction.set_rollback(True)
    if answer is not None and not form.errors:
        return done(request, f"Saved {answer.data['name']}.", "inventory", answer.pk)
    crumbs = [crumb("Inventories", "inventories")]
    if row is not None:
        crumbs.append(crumb(row.name, "inventory", pk))
    at_page = FormPage(f"Edit {row.name}" if row else f"New {KINDS[kind]}", crumbs)
    return at_page.show(request, form)


@action
def update(request: HttpRequest, pk: int) -> HttpResponse:
    """Update from all of its sources."""
    row = inventory(request, pk)
    if not may(who(request), "update", row):
        raise PermissionDenied
    if tried(request, "POST", f"inventories/{pk}/update_inventory_sources/") is not None:
        return done(request, "All of its sources are being updated.", "inventory-sources", pk)
    return redirect("inventory-sources", pk)
