"""Objects by their names, in every detail and in what lies below."""

from __future__ import annotations

import pytest

from tests.api.conftest import Api
from tests.api.world import build


def test_every_object_that_awx_names_tells_its_name_and_is_found_by_it(api: Api) -> None:
    from gantry.api.named_urls import NODES

    ids = build()
    told = {}
    for noun in NODES:
        row = api.get(f"/api/v2/{noun}/{ids[noun]}/")
        told[noun] = row["related"]["named_url"].removeprefix(f"/api/v2/{noun}/")
        assert next(iter(row["related"])) == "named_url"
        assert api.get(row["related"]["named_url"])["id"] == row["id"]
        assert "named_url" not in api.get(f"/api/v2/{noun}/")["results"][0]["related"]
    assert told == {
        "organizations": "Default/",
        "execution_environments": "theirs/",
        "instance_groups": "theirs/",
        "users": "someone/",
        "instances": "node/",
        "credential_types": "Machine+ssh/",
        "credentials": "machine++Machine+ssh++Default/",
        "teams": "team++Default/",
        "labels": "label++Default/",
        "inventories": "inventory++Default/",
        "projects": "project++Default/",
        "job_templates": "template++Default/",
        "workflow_job_templates": "workflow++Default/",
        "notification_templates": "hook++Default/",
        "applications": "application++Default/",
        "hosts": "host++inventory++Default/",
        "groups": "group++inventory++Default/",
        "inventory_sources": "source++inventory++Default/",
        "workflow_job_template_nodes": "template++workflow++Default/",
    }


def test_settings_say_how_names_are_made(api: Api) -> None:
    told = api.get("/api/v2/settings/named-url/")
    assert told["NAMED_URL_FORMATS"]["credentials"] == (
        "<name>++<credential_type.name>+<credential_type.kind>++<organization.name>"
    )
    assert told["NAMED_URL_FORMATS"]["hosts"] == "<name>++<inventory.name>++<organization.name>"
    assert told["NAMED_URL_GRAPH_NODES"]["credential_types"] == {
        "fields": ["name", "kind"], "adj_list": [],
    }  # fmt: skip
    assert told["NAMED_URL_GRAPH_NODES"]["teams"] == {
        "fields": ["name"], "adj_list": [["organization", "organizations"]],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["a+b", "a++b", "what?", "[x]", "50% & more; x=1:2@z", "Füße ♥"])
def test_reserved_characters_go_there_and_back(api: Api, name: str) -> None:
    made = api.post("/api/v2/teams/", {"name": name, "organization": 1})
    named = made["related"]["named_url"]
    assert not set(";?:@=&") & set(named)
    assert api.get(named)["id"] == made["id"]


def test_what_lies_below_is_found_too_and_may_be_changed(api: Api) -> None:
    ids = build()
    base = "/api/v2/job_templates/template++Default/"
    assert api.get(f"{base}labels/")["results"][0]["name"] == "label"
    assert api.patch(base, {"description": "by name"})["id"] == ids["job_templates"]
    assert api.get("/api/v2/job_templates/template/")["description"] == "by name"
    # What belongs to nothing: nothing behind the delimiter.
    own = api.post("/api/v2/credentials/", {"name": "own", "credential_type": 1, "user": 1})
    assert own["related"]["named_url"] == "/api/v2/credentials/own++Machine+ssh++/"
    assert api.get("/api/v2/credentials/own++Machine+ssh++/")["id"] == own["id"]
    assert api.get("/api/v2/users/admin/personal_tokens/")["count"] == 0


def test_who_may_is_asked_as_for_the_id(api: Api, plain: Api, anonymous: Api) -> None:
    build()
    for name in ("template++Default", "none++Default", "template", "none"):
        plain_sees = plain.call("get", f"/api/v2/job_templates/{name}/").status_code
        assert plain_sees == (403 if name.startswith("template") else 404), name
    for name in ("template++Default", "none++Default"):
        assert anonymous.call("get", f"/api/v2/job_templates/{name}/").status_code == 401
    for name in ("x++y++z++a", "a+b++c", "%00++Default", "++", "0"):
        assert api.call("get", f"/api/v2/job_templates/{name}/").status_code == 404, name
