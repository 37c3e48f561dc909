"""`copy/`: what goes along, who may, and that no secret is lost or gained by it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api, make_user
from tests.api.world import SECRET, build


@pytest.fixture
def ids(db: str) -> dict[str, int]:
    return build()


def copied(api: Api, plural: str, pk: int, name: str = "copied") -> dict[str, Any]:
    url = f"/api/v2/{plural}/{pk}/"
    assert api.get(url)["related"]["copy"] == f"{url}copy/"
    assert api.get(f"{url}copy/") == {"can_copy": True}
    made: dict[str, Any] = api.post(f"{url}copy/", {"name": name})
    assert (made["name"], made["id"] != pk) == (name, True)
    return made


def test_a_template_with_its_credentials_labels_and_survey(api: Api, ids: dict[str, int]) -> None:
    from gantry.resources.models import JobTemplate
    from gantry.resources.surveys import default_of

    made = copied(api, "job_templates", ids["job_templates"])
    row = JobTemplate.objects.get(pk=made["id"])
    assert row.playbook == "site.yml"
    assert [c.pk for c in row.credentials.all()] == [ids["credentials"]]
    assert [label.name for label in row.labels.all()] == ["label"]
    assert default_of(row, row.survey_spec["spec"][0]) == SECRET
    told = api.get(f"/api/v2/job_templates/{row.pk}/activity_stream/")["results"]
    assert {e["operation"] for e in told} <= {"create"}


def test_a_credential_with_its_secrets(api: Api, ids: dict[str, int]) -> None:
    from gantry.resources.models import Credential

    made = copied(api, "credentials", ids["credentials"])
    assert made["inputs"] == {"username": "root", "password": "$encrypted$"}
    row = Credential.objects.get(pk=made["id"])
    assert row.open_stored()["password"] == SECRET
    assert made["organization"] == 1


def test_an_inventory_with_hosts_and_groups(api: Api, ids: dict[str, int]) -> None:
    from gantry.resources.models import Group, Inventory

    old = Inventory.objects.get(pk=ids["inventories"])
    parent = Group.objects.create(name="parent", inventory=old, variables="x: 1")
    parent.children.add(Group.objects.get(name="group"))
    made = copied(api, "inventories", old.pk)
    script = f"/api/v2/inventories/{made['id']}/script/?hostvars=1&all=1"
    assert api.get(script) == api.get(script.replace(str(made["id"]), str(old.pk)))
    assert made["total_hosts"] == 1
    new = Inventory.objects.get(pk=made["id"])
    assert not set(new.hosts.values_list("pk")) & set(old.hosts.values_list("pk"))


def test_a_project_which_is_synced(api: Api, ids: dict[str, int]) -> None:
    made = copied(api, "projects", ids["projects"])
    assert made["scm_url"] == "https://git.example.org/a.git"
    assert made["summary_fields"]["current_job"]["status"] == "pending"


def test_what_is_no_copy(api: Api, ids: dict[str, int]) -> None:
    url = f"/api/v2/inventories/{ids['inventories']}/copy/"
    same = (
        "The original object is already named inventory, a copy from it cannot have the same name."
    )
    assert api.post(url, {"name": "inventory"}, status=400) == {"name": [same]}
    assert api.post(url, {}, status=400) == {"name": ["This field is required."]}
    api.post(url, {"name": "x"})
    assert "__all__" in api.post(url, {"name": "x"}, status=400)
    api.get("/api/v2/inventories/9999/copy/", 404)


def test_who_may(api: Api, plain: Api, org_admin: Api, ids: dict[str, int]) -> None:
    from gantry.resources.models import (
        Credential,
        CredentialType,
        Inventory,
        JobTemplate,
        Project,
        User,
    )
    from gantry.resources.roles import role_on

    ann, their = make_user("ann"), Api("ann", "pw")
    for plural in ("projects", "inventories", "credentials", "job_templates"):
        url = f"/api/v2/{plural}/{ids[plural]}/copy/"
        plain.get(url, 403)
        plain.post(url, {"name": "x"}, status=403)
        assert org_admin.get(url) == {"can_copy": True}
    inventory = Inventory.objects.get(pk=ids["inventories"])
    role_on(inventory, "admin_role").members.add(ann)
    template = JobTemplate.objects.get(pk=ids["job_templates"])
    role_on(template, "admin_role").members.add(ann)
    role_on(Project.objects.get(), "use_role").members.add(ann)
    for plural in ("inventories", "job_templates"):
        url = f"/api/v2/{plural}/{ids[plural]}/copy/"
        assert their.get(url) == {"can_copy": False}
        refused = their.post(url, {"name": "x"}, status=403)
    assert refused == {"detail": "Insufficient access to Job Template credentials."}
    own = Credential.objects.create(
        name="own", owner=User.objects.get(username="someone"),
        credential_type=CredentialType.objects.get(namespace="ssh"),
    )  # fmt: skip
    role_on(own, "use_role").members.add(ann)
    their.post(f"/api/v2/credentials/{own.pk}/copy/", {"name": "x"}, status=403)
