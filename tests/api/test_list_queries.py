"""No list asks the database more often the longer it is: every list of the map, twice."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models import Value
from django.db.models.functions import Concat
from django.test.utils import CaptureQueriesContext

from tests.api.conftest import Api
from tests.api.world import build


def worlds(numbers: list[int]) -> dict[str, int]:
    """One of everything in an organization of its own, for each number; ids of the last."""
    from gantry.resources import models as m

    ids: dict[str, int] = {}
    for number in numbers:
        for model, name in (
            (m.Organization, "name"), (m.User, "username"), (m.Instance, "hostname"),
            (m.InstanceGroup, "name"), (m.ExecutionEnvironment, "name"),
            (m.RoleDefinition, "name"), (m.HostMetric, "hostname"),
        ):  # fmt: skip
            made = model.objects.filter(**{f"{name}__in": _NAMES})
            made.update(**{name: Concat(name, Value(f" {number}"))})
        m.Organization.objects.get_or_create(name="Default")
        ids = build()
    return ids


_NAMES = ("Default", "someone", "node", "theirs", "own", "host")


def lists() -> Iterator[tuple[str, Any]]:
    """(path, view) of each, one path a view."""
    from gantry.api.urls import v2
    from gantry.api.views import ListView

    seen = set()
    for pattern in v2:
        view = getattr(pattern.callback, "view_class", None) or getattr(
            pattern.callback, "cls", None
        )
        if view is None or not issubclass(view, ListView) or view in seen:
            continue
        if str(pattern.pattern).endswith("/copy/"):
            continue
        seen.add(view)
        yield str(pattern.pattern), view


def test_the_number_of_queries_of_a_list_does_not_grow_with_its_length(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gantry.api.views import SubListView
    from gantry.resources.models import JobEvent

    found = list(lists())
    for _, view in found:
        # Below an object too all there are; events are of a job by the view's own context.
        if issubclass(view, SubListView) and view.model is not JobEvent:
            monkeypatch.setattr(
                view, "children", lambda self, parent: self.model._default_manager.all()
            )

    def measured(ids: dict[str, int]) -> dict[str, tuple[int, int]]:
        counted = {}
        for path, _ in found:
            noun = path.split("/")[0]
            url = re.sub(r"<int:pk>", str(ids.get(noun, 0)), path)
            with CaptureQueriesContext(connection) as queries:
                answer = api.call("get", f"/api/v2/{url}?page_size=200")
            assert answer.status_code == 200, (url, answer.content)
            counted[path] = (len(answer.json()["results"]), len(queries))
        return counted

    few = measured(worlds([1, 2]))
    many = measured(worlds([3, 4]))
    assert len(few) > 120
    grown = {path: (few[path], many[path]) for path in few if many[path][1] > few[path][1]}
    assert grown == {}
    assert sum(many[path][0] > few[path][0] for path in few) > 100
