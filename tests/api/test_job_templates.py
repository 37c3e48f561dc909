"""Job templates and launching: what is refused, ignored, asked for, and stays while needed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.world import SECRET, project_with, type_id

V2 = "/api/v2"


@pytest.fixture
def template(api: Api, inventory: dict[str, Any]) -> dict[str, Any]:
    body = {
        "name": "t", "project": project_with("site.yml"), "inventory": inventory["id"],
        "playbook": "site.yml", "ask_limit_on_launch": True,
    }  # fmt: skip
    made: dict[str, Any] = api.post(f"{V2}/job_templates/", body)
    return made


def test_a_template_belongs_to_its_projects_organization(
    api: Api, template: dict[str, Any], other_admin: Api
) -> None:
    from gantry.resources.models import Organization

    assert template["summary_fields"]["organization"]["name"] == "Default"
    assert template["summary_fields"]["user_capabilities"]["start"] is True
    assert api.get(template["url"])["summary_fields"]["resolved_environment"]["image"]
    other = Organization.objects.get(name="Other")
    moved = project_with("site.yml", name="their project", organization=other)
    body = {"name": "x", "project": moved, "inventory": template["inventory"],
            "playbook": "site.yml"}  # fmt: skip
    other_admin.post(f"{V2}/job_templates/", body, 403)  # not their inventory
    other_admin.post(template["related"]["launch"], status=403)


def test_one_credential_of_a_type_and_several_vaults(api: Api, template: dict[str, Any]) -> None:
    def make(name: str, kind: str, **inputs: Any) -> int:
        body = {"name": name, "user": 1, "credential_type": type_id(kind), "inputs": inputs}
        return int(api.post(f"{V2}/credentials/", body)["id"])

    url = template["related"]["credentials"]
    first, second = make("m1", "ssh"), make("m2", "ssh")
    api.post(url, {"id": first}, 204)
    api.post(url, {"id": first}, 204)
    assert api.post(url, {"id": second}, 400) == {
        "error": "Cannot assign multiple Machine credentials."
    }
    for name in ("a", "b"):
        api.post(url, {"id": make(f"v{name}", "vault", vault_password="x", vault_id=name)}, 204)
    again = make("again", "vault", vault_password="x", vault_id="a")
    assert api.post(url, {"id": again}, 400) == {
        "error": "Cannot assign multiple Vault (id=a) credentials."
    }
    registry = make("r", "registry", host="x")
    assert "registry" in api.post(url, {"id": registry}, 400)["error"]
    assert api.get(url)["count"] == 3
    api.post(url, {"id": first, "disassociate": True}, 204)
    assert api.get(url)["count"] == 2


def test_launch_ignores_what_is_not_prompted(api: Api, template: dict[str, Any]) -> None:
    url = template["related"]["launch"]
    made = api.post(url, {"limit": "web", "verbosity": 3, "inventory_id": template["inventory"]})
    assert made["job"] == made["id"]
    assert made["limit"] == "web"
    assert made["ignored_fields"] == {"verbosity": 3}
    assert made["launched_by"]["name"] == "admin"
    again = api.post(f"{made['url']}relaunch/")
    assert (again["launch_type"], again["limit"], again["job"]) == ("relaunch", "web", again["id"])
    assert api.post(f"{made['url']}relaunch/", {"hosts": "some"}, 400)["hosts"]
    assert api.post(f"{made['url']}relaunch/", {"hosts": "failed"}, 400)["hosts"]
    assert api.get(template["related"]["jobs"])["count"] == 2
    api.post(made["related"]["cancel"], status=202)


def test_passwords_that_are_asked_for(api: Api, template: dict[str, Any]) -> None:
    body = {
        "name": "m", "user": 1, "credential_type": type_id("ssh"), "inputs": {"password": "ASK"},
    }  # fmt: skip
    credential = api.post(f"{V2}/credentials/", body)["id"]
    api.post(template["related"]["credentials"], {"id": credential}, 204)
    url = template["related"]["launch"]
    asked = api.get(url)
    assert asked["passwords_needed_to_start"] == ["ssh_password"]
    assert asked["can_start_without_user_input"] is False
    assert asked["defaults"]["credentials"][0]["passwords_needed"] == ["ssh_password"]
    assert api.post(url, status=400) == {"passwords_needed_to_start": ["ssh_password"]}
    made = api.post(url, {"credential_passwords": {"ssh_password": SECRET}})
    assert made["passwords_needed_to_start"] == ["ssh_password"]
    assert SECRET not in str(made)
    api.post(url, {"ssh_password": SECRET})


def test_what_a_running_job_needs_stays(api: Api, template: dict[str, Any]) -> None:
    job = api.post(template["related"]["launch"])
    for url in (template["url"], f"{V2}/inventories/{template['inventory']}/",
                f"{V2}/projects/{template['project']}/", f"{V2}/organizations/1/"):  # fmt: skip
        answer = api.delete(url, 409)
        assert answer["error"] == "Resource is being used by running jobs."
        assert {"id": job["id"], "type": "job"} in answer["active_jobs"]
    answer = api.delete(job["url"], 403)
    assert answer == {"detail": "Cannot delete running job resource."}


def test_put_needs_what_is_required_and_keeps_the_rest(api: Api, template: dict[str, Any]) -> None:
    assert api.put(template["url"], {}, 400) == {"name": ["This field is required."]}
    body = {k: template[k] for k in ("name", "project", "inventory", "playbook")}
    assert api.put(template["url"], body)["ask_limit_on_launch"] is False
    assert api.patch(template["url"], {"limit": None})["limit"] == ""
    assert api.patch(template["url"], {"become_enabled": None})["become_enabled"] is False
    assert "extra_vars" in api.patch(template["url"], {"extra_vars": "]["}, 400)
    assert api.patch(template["url"], {"extra_vars": "a: 1"})["extra_vars"] == "a: 1"
    other = api.post(f"{V2}/job_templates/", {**body, "name": "u"})
    clash = api.patch(other["url"], {"name": "t"}, 400)
    assert clash == {
        "__all__": ["JobTemplate with this (name, organization) combination already exists."]
    }
