"""The activity stream in words: who did what to what, and what was before and after."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet
from django.urls import NoReverseMatch, reverse

from gantry.resources.activity import ActivityStream, kind_name
from gantry.resources.inventories import Host
from gantry.resources.jobs import UnifiedJob
from gantry.resources.role_names import NAMES
from gantry.web.finding import NOUNS

# operation -> (colour role, icon, word)
LOOKS = {
    "create": ("success", "plus", "made"),
    "update": ("info", "pencil", "changed"),
    "delete": ("danger", "trash-2", "deleted"),
    "associate": ("neutral", "plus", "added"),
    "disassociate": ("neutral", "x", "took away"),
}
LONG = 20_000  # characters of a value that are shown


@dataclass(frozen=True)
class Thing:
    kind: str
    name: str
    url: str = ""


@dataclass(frozen=True)
class Change:
    field: str
    before: str
    after: str


@dataclass
class Line:
    row: ActivityStream
    look: str
    icon: str
    word: str
    actor: str
    things: list[Thing] = field(default_factory=list)
    role: str = ""
    changes: list[Change] = field(default_factory=list)


def models_by_kind() -> dict[str, type[Model]]:
    return {kind_name(model): model for model in apps.get_app_config("resources").get_models()}


def lines(rows: Iterable[ActivityStream], changes: bool = False) -> list[Line]:
    """What a page of entries is about is read at once, one query a kind."""
    rows = list(rows)
    names = _names(rows)
    return [_line(row, names, changes) for row in rows]


def _line(row: ActivityStream, names: dict[tuple[str, int], Thing], changes: bool) -> Line:
    look, icon, word = LOOKS.get(row.operation, ("neutral", "pencil", row.operation))
    line = Line(row, look, icon, word, _actor(row))
    for kind, pk in ((row.object1, row.object1_id), (row.object2, row.object2_id)):
        if kind:
            line.things.append(names.get((kind, pk or 0)) or Thing(_words(kind), _gone(row, kind)))
    if row.role_id is not None:
        line.role = NAMES.get(row.object_relationship_type.rpartition(".")[2], "")
    if changes:
        line.changes = [_change(name, value) for name, value in sorted(_pairs(row))]
    return line


def _actor(row: ActivityStream) -> str:
    if row.actor is not None:
        return row.actor.username
    return str((row.deleted_actor or {}).get("username", "")) or "Gantry"


def _gone(row: ActivityStream, kind: str) -> str:
    """What it was called, where the entry itself tells."""
    if kind == row.object1:
        for key in ("name", "username", "hostname"):
            value = row.changes.get(key) if isinstance(row.changes, dict) else None
            if value:
                return str(value[-1] if isinstance(value, list) else value)
        if row.setting:
            return str(row.setting.get("name", ""))
    return f"#{row.object1_id if kind == row.object1 else row.object2_id}"


def _words(kind: str) -> str:
    return kind.replace("o_auth2_", "").replace("_", " ")


def _names(rows: list[ActivityStream]) -> dict[tuple[str, int], Thing]:
    wanted: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        for kind, pk in ((row.object1, row.object1_id), (row.object2, row.object2_id)):
            if pk is not None:
                wanted[kind].add(pk)
    known, pages = models_by_kind(), {noun.model: noun.page for noun in NOUNS}
    found = {}
    for kind, ids in wanted.items():
        model = known.get(kind)
        if model is None:
            continue
        there: QuerySet[Any] = model._default_manager.filter(pk__in=ids)
        if model is Host:
            there = there.select_related("inventory")
        for thing in there:
            page = "job" if isinstance(thing, UnifiedJob) else pages.get(model, "")
            found[kind, thing.pk] = Thing(_words(kind), str(thing), _url(page, thing.pk))
    return found


def _url(page: str, pk: int) -> str:
    try:
        return reverse(page, args=[pk]) if page else ""
    except NoReverseMatch:
        return ""


def _pairs(row: ActivityStream) -> list[tuple[str, Any]]:
    if not isinstance(row.changes, dict) or row.operation in ("associate", "disassociate"):
        return []
    return list(row.changes.items())


def _change(name: str, value: Any) -> Change:
    pair = isinstance(value, list) and len(value) == 2
    before, after = value if pair else (None, value)
    return Change(name, _text(before), _text(after))


def _text(value: Any) -> str:
    if value in (None, ""):
        return ""
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
    return shown if len(shown) <= LONG else f"{shown[:LONG]} …"
