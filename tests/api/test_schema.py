"""The OpenAPI schema: valid, whole, and the same story as OPTIONS."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from openapi_spec_validator import validate

from tests.api.conftest import Api
from tests.api.world import build

SCHEMA = "/api/v2/schema/"


@pytest.fixture
def schema(api: Api) -> Any:
    return api.get(SCHEMA)


def views() -> dict[str, Any]:
    """Path as OpenAPI writes it -> view class, of everything in the map that is a view of DRF's."""
    from gantry.api.urls import urlpatterns, v2

    found = {}
    for prefix, patterns in (("/api/", urlpatterns), ("/api/v2/", v2)):
        for pattern in patterns:
            view = getattr(getattr(pattern, "callback", None), "cls", None)
            route = re.sub(r"<\w+:(\w+)>", r"{\1}", f"{prefix}{pattern.pattern}")  # type: ignore[attr-defined]
            if view is not None and "{name}" not in route:
                found[route.replace("{pk}", "{id}")] = view
    return found


def test_it_is_valid_openapi(schema: Any) -> None:
    validate(schema)


def test_it_is_open_as_awx_s_and_comes_as_json_and_yaml(anonymous: Api) -> None:
    for accept in ("*/*", "application/json", "application/vnd.oai.openapi+json"):
        answer = anonymous.client.get(SCHEMA, headers={"accept": accept})
        assert answer.json()["openapi"].startswith("3.1"), accept
    answer = anonymous.client.get(SCHEMA, headers={"accept": "application/yaml"})
    assert yaml.safe_load(answer.content) == anonymous.get(SCHEMA)


def test_every_view_of_the_map_is_in_it_with_every_method(schema: Any) -> None:
    expected = {
        path: {m.lower() for m in view().allowed_methods} - {"options", "head"}
        for path, view in views().items()
    }
    # analytics/ is nothing but a 404 with its reason.
    expected = {path: methods for path, methods in expected.items() if methods}
    assert {path: set(methods) for path, methods in schema["paths"].items()} == expected
    names = [o["operationId"] for methods in schema["paths"].values() for o in methods.values()]
    assert len(names) == len(set(names))


def test_a_request_has_the_fields_of_options(schema: Any, api: Api) -> None:
    """They are made of one description; a view that answers OPTIONS its own way would show here."""
    ids = build()
    compared = 0
    for path, operations in schema["paths"].items():
        noun = path.split("/")[3] if path.startswith("/api/v2/") else ""
        if "post" not in operations or ("{id}" in path and noun not in ids):
            continue
        options = api.options(path.replace("{id}", str(ids.get(noun, 0))))
        told = options.get("actions", {}).get("POST")
        body = operations["post"]["requestBody"]["content"]["application/json"]["schema"]
        kinds = body.get("anyOf", [body])
        reference = next((s for s in kinds if "$ref" in s), None)
        if told is None or reference is None:
            continue
        component = schema["components"]["schemas"][reference["$ref"].split("/")[-1]]
        # Where a row that is there can be attached, OPTIONS has its id beside a new one's fields.
        attached = {name for s in kinds if "$ref" not in s for name in s["properties"]} & {"id"}
        assert set(component["properties"]) | attached == set(told), path
        compared += 1
    assert compared > 30


def test_lists_of_several_kinds_show_each_of_them(schema: Any) -> None:
    rows = schema["paths"]["/api/v2/unified_jobs/"]["get"]["responses"]["200"]["content"]
    kinds = rows["application/json"]["schema"]["properties"]["results"]["items"]["anyOf"]
    assert len(kinds) > 1


def test_it_says_who_may_come_in(schema: Any) -> None:
    assert set(schema["components"]["securitySchemes"]) == {"token", "password", "session"}
    assert {} in schema["paths"]["/api/v2/ping/"]["get"]["security"]
    assert {} not in schema["paths"]["/api/v2/jobs/"]["get"]["security"]


def test_an_error_that_nobody_foresaw_is_json_too(api: Api, monkeypatch: Any) -> None:
    from gantry.api.ping import Ping

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Ping, "get", broken)
    api.client.raise_request_exception = False
    answer = api.call("get", "/api/v2/ping/")
    assert (answer.status_code, answer.json()) == (500, {"detail": "A server error has occurred."})


def test_a_field_that_some_rows_have_not_is_not_promised(schema: Any, api: Api) -> None:
    """Found by schemathesis: a public application has no secret, not even an empty one."""
    made = api.post("/api/v2/applications/", {
        "name": "public", "organization": 1, "client_type": "public",
        "authorization_grant_type": "password",
    })  # fmt: skip
    promised = schema["components"]["schemas"]["Application"]
    assert "client_secret" in promised["properties"]
    assert set(promised["required"]) == set(made)
