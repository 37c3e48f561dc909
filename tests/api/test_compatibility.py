"""docs/awx-compatibility.md says what is so: every endpoint of AWX that is there answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.compatibility.differences import ABSENT, DIFFERS
from tests.api.compatibility.table import (
    METHODS,
    Endpoint,
    awx_endpoints,
    mark_of,
    methods_of,
    own_paths,
    table,
)
from tests.api.conftest import Api
from tests.api.world import build

# What an AWX without a mesh answers.
NOT_200 = {"/api/v2/receptor_addresses/{pk}/": 404, "/api/v2/instances/{pk}/install_bundle/": 400}
DOCUMENT = Path(__file__).parents[2] / "docs" / "awx-compatibility.md"


def test_the_document_is_up_to_date(db: str) -> None:
    assert DOCUMENT.read_text() == "\n".join(table()) + "\n", (
        "python -m tests.api.compatibility.table > docs/awx-compatibility.md"
    )


def test_every_endpoint_that_is_there_answers_and_tells_its_methods(api: Api) -> None:
    ids = build()
    wrong = []
    for endpoint in awx_endpoints():
        url = endpoint.url().replace("/1/", f"/{ids.get(endpoint.noun, 1)}/")
        methods = methods_of(endpoint.url())
        if not url.startswith("/api/v2/") or not methods:
            continue
        wanted = NOT_200.get(endpoint.path, 200)
        if "GET" in methods and (status := api.call("get", url).status_code) != wanted:
            wrong.append(f"GET {url}: {status}")
        allowed = api.call("options", url).headers.get("Allow", "")
        if methods - set(allowed.replace(" ", "").split(",")):
            wrong.append(f"OPTIONS {url}: allows {allowed}, not {sorted(methods)}")
    assert wrong == []


@pytest.mark.parametrize("method", METHODS)
def test_a_method_that_awx_lacks_is_refused_here_too(db: str, method: str) -> None:
    more = [
        e.path for e in awx_endpoints()
        if method in methods_of(e.url()) and method not in e.methods
    ]  # fmt: skip
    assert more == []


def test_each_sentence_is_of_something(db: str) -> None:
    """What was built since, or is alike now, has no words left."""
    used = {mark_of(endpoint, m)[1] for endpoint in awx_endpoints() for m in endpoint.methods}
    assert {*DIFFERS.values(), *ABSENT.values()} <= used


def test_the_list_of_gantrys_own_is_not_empty() -> None:
    assert "/api/v2/execution_environments/{pk}/pin/" in own_paths()
    assert Endpoint("/api/v2/execution_environments/{pk}/pin/", ()) not in awx_endpoints()
