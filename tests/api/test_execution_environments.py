"""Execution environments: AWX's rules and refusals, managed ones among them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.world import type_id

V2 = "/api/v2"


@pytest.fixture
def managed(api: Api) -> dict[str, Any]:
    row: dict[str, Any] = api.get(f"{V2}/execution_environments/?managed=true")["results"][0]
    return row


def test_of_a_managed_environment_only_pull_changes(api: Api, managed: dict[str, Any]) -> None:
    for field, value in (("name", "x"), ("image", "a/b"), ("description", "x")):
        answer = api.patch(managed["url"], {field: value}, 403)
        assert answer["detail"] == (
            "Only the 'pull' field can be edited for managed execution environments."
        )
    assert api.patch(managed["url"], {"pull": "never"})["pull"] == "never"
    same = {k: managed[k] for k in ("name", "image", "description", "organization", "credential")}
    assert api.put(managed["url"], {**same, "pull": "always"})["pull"] == "always"
    api.delete(managed["url"], 403)


def test_an_environment_stays_in_its_organization(api: Api) -> None:
    one = api.post(f"{V2}/organizations/", {"name": "one"})["id"]
    two = api.post(f"{V2}/organizations/", {"name": "two"})["id"]
    body = {"name": "ee", "image": "a/b", "organization": one}
    made = api.post(f"{V2}/execution_environments/", body)
    answer = api.patch(made["url"], {"organization": two}, 400)
    assert answer == {
        "organization": ["Cannot change the organization of an execution environment"]
    }
    assert api.patch(made["url"], {"organization": None})["organization"] is None


def test_only_a_registry_credential_pulls(api: Api) -> None:
    machine = api.post(
        f"{V2}/credentials/",
        {"name": "m", "user": 1, "credential_type": type_id("ssh"), "inputs": {}},
    )["id"]
    body = {"name": "ee", "image": "a/b", "credential": machine}
    answer = api.post(f"{V2}/execution_environments/", body, 400)
    assert answer == {
        "credential": [
            "Only Container Registry credentials can be associated with an Execution Environment"
        ]
    }


def test_environments_of_organizations_are_their_administrators(
    api: Api, org_admin: Api, other_admin: Api
) -> None:
    from gantry.resources.models import Organization

    default = Organization.objects.get(name="Default").pk
    body = {"name": "ee", "image": "a/b", "organization": default}
    made = org_admin.post(f"{V2}/execution_environments/", body)
    org_admin.post(f"{V2}/execution_environments/", {"name": "global", "image": "a/b"}, 403)
    org_admin.patch(made["url"], {"organization": None}, 403)
    other_admin.patch(made["url"], {"pull": "never"}, 403)
    other_admin.get(made["url"], 403)
    for row in api.get(f"{V2}/execution_environments/?organization__isnull=true")["results"]:
        org_admin.patch(row["url"], {"pull": "never"}, 403)
    assert made["summary_fields"]["user_capabilities"] == {
        "edit": True, "delete": True, "copy": True,
    }  # fmt: skip


def test_a_copy_needs_another_name(api: Api) -> None:
    made = api.post(f"{V2}/execution_environments/", {"name": "ee", "image": "a/b:1"})
    assert api.get(made["related"]["copy"]) == {"can_copy": True}
    assert "name" in api.post(made["related"]["copy"], {"name": "ee"}, 400)
    assert "name" in api.post(made["related"]["copy"], {}, 400)
    copy = api.post(made["related"]["copy"], {"name": "again"})
    assert (copy["name"], copy["image"], copy["managed"]) == ("again", "a/b:1", False)


def test_an_image_is_a_reference(api: Api) -> None:
    for image in ("https://x/y", "UPPER/case", "a b", "a:b:c", "", "x" * 2000):
        body = {"name": "ee", "image": image}
        assert list(api.post(f"{V2}/execution_environments/", body, 400)) == ["image"]
