"""Inventory sources and their updates over the API: AWX's refusals, lists and answers."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api, make_user
from tests.api.world import project_with, type_id

V2 = "/api/v2"


@pytest.fixture
def project(db: str) -> int:
    return project_with("site.yml")


@pytest.fixture
def source(api: Api, inventory: dict[str, Any], project: int) -> dict[str, Any]:
    body = {"name": "s", "inventory": inventory["id"], "source": "scm", "source_project": project,
            "source_path": "hosts.ini"}  # fmt: skip
    made: dict[str, Any] = api.post(f"{V2}/inventory_sources/", body)
    return made


def test_a_source_in_awxs_shape(api: Api, source: dict[str, Any]) -> None:
    assert source["type"] == "inventory_source"
    assert source["status"] == "never updated"
    assert source["verbosity"] == 1
    assert source["credential"] is None
    assert source["summary_fields"]["user_capabilities"] == {
        "edit": True, "start": True, "schedule": True, "delete": True,
    }  # fmt: skip
    assert source["related"]["update"] == f"{source['url']}update/"
    inventory = api.get(source["related"]["inventory"])
    assert (inventory["has_inventory_sources"], inventory["total_inventory_sources"]) == (True, 1)
    listed = api.get(inventory["related"]["inventory_sources"])["results"]
    assert [row["id"] for row in listed] == [source["id"]]
    everything = api.get(f"{V2}/unified_job_templates/?type=inventory_source")["results"]
    assert [row["id"] for row in everything] == [source["id"]]
    choices = api.options(f"{V2}/inventory_sources/")["actions"]["POST"]["source"]["choices"]
    assert [c[0] for c in choices] == [
        "file", "constructed", "scm", "ec2", "gce", "azure_rm", "vmware", "satellite6",
        "openstack", "rhv", "controller", "insights", "terraform", "openshift_virtualization",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, {"source": ['"" is not a valid choice.']}),
        ({"source": "nonsense"}, {"source": ['"nonsense" is not a valid choice.']}),
        ({"source": "scm"}, {"source_project": ["Project required for scm type sources."]}),
        ({"source": "constructed"}, {"error": ["constructed not a valid source for inventory"]}),
        ({"source": "ec2", "source_path": "x"},
         {"detail": ["Cannot set source_path if not SCM type."]}),
        ({"source": "gce"}, {"credential": ["Credential is required for a cloud source."]}),
        ({"source": "ec2", "credential": 99999},
         {"credential": ["Credential 99999 does not exist"]}),
        ({"source": "ec2", "source_vars": "PATH: x"},
         {"source_vars": ["`PATH` is a prohibited environment variable"]}),
        ({"source": "ec2", "verbosity": 3}, {"verbosity": ['"3" is not a valid choice.']}),
        ({"source": "ec2", "update_cache_timeout": -1},
         {"update_cache_timeout": ["Ensure this value is greater than or equal to 0."]}),
    ],
)  # fmt: skip
def test_refused_as_awx_refuses(
    api: Api, inventory: dict[str, Any], body: dict[str, Any], error: dict[str, Any]
) -> None:
    given = {"name": "s", "inventory": inventory["id"], **body}
    assert api.post(f"{V2}/inventory_sources/", given, 400) == error


def test_more_refusals(api: Api, source: dict[str, Any], project: int) -> None:
    again = {k: source[k] for k in ("name", "inventory", "source", "source_project")}
    words = "InventorySource with this (name, inventory) combination already exists."
    assert api.post(f"{V2}/inventory_sources/", again, 400) == {"__all__": [words]}
    words = "Project does not allow overriding branch."
    assert api.patch(source["url"], {"scm_branch": "x"}, 400) == {"scm_branch": [words]}
    words = "Cannot set source_path if not SCM type."
    assert api.patch(source["url"], {"source": "ec2"}, 400) == {"source_path": [words]}
    other = api.post(f"{V2}/inventories/", {"name": "j", "organization": 1})
    # Another inventory of the organization may have a source of the same name.
    api.post(f"{V2}/inventory_sources/", {**again, "inventory": other["id"]})


def test_one_credential_of_the_clouds_kind(api: Api, inventory: dict[str, Any]) -> None:
    def credential(kind: str) -> int:
        body = {"name": kind, "organization": 1, "credential_type": type_id(kind), "inputs": {}}
        return int(api.post(f"{V2}/credentials/", body)["id"])

    aws, machine = credential("aws"), credential("ssh")
    words = (
        "Cloud-based inventory sources (such as ec2) require credentials for the matching cloud "
        "service."
    )
    body = {"name": "e", "inventory": inventory["id"], "source": "ec2"}
    refused = api.post(f"{V2}/inventory_sources/", {**body, "credential": machine}, 400)
    assert refused == {"credential": [words]}
    made = api.post(f"{V2}/inventory_sources/", body)
    assert api.post(f"{made['url']}credentials/", {"id": machine}, 400) == {"msg": words}
    api.post(f"{made['url']}credentials/", {"id": aws}, 204)
    words = "Source already has credential assigned."
    assert api.post(f"{made['url']}credentials/", {"id": aws}, 400) == {"msg": words}
    shown = api.get(made["url"])
    assert shown["credential"] == aws
    assert shown["summary_fields"]["credentials"][0]["kind"] == "aws"
    assert api.patch(made["url"], {"credential": None})["credential"] is None


def test_an_update_is_a_job(api: Api, source: dict[str, Any]) -> None:
    from gantry.resources.models import InventoryUpdate

    assert api.get(f"{source['url']}update/") == {"can_update": True}
    started = api.post(f"{source['url']}update/", {}, 202)
    assert started["type"] == "inventory_update"
    assert started["inventory_update"] == started["id"]
    assert started["name"] == "i - s"
    assert started["inventory_source"] == source["id"]
    assert (started["license_error"], started["org_host_limit_error"]) == (False, False)
    assert started["related"]["inventory_source"] == source["url"]
    # The one that waits serves both.
    assert api.post(f"{source['url']}update/", {}, 202)["id"] == started["id"]
    assert api.get(source["url"])["status"] == "pending"
    listed = api.get(f"{source['url']}inventory_updates/")["results"]
    assert [row["id"] for row in listed] == [started["id"]]
    assert api.get(f"{V2}/unified_jobs/?type=inventory_update")["count"] == 1
    for path in (source["url"], f"{V2}/inventories/{source['inventory']}/"):
        assert api.delete(path, 409)["active_jobs"][0]["type"] == "inventory_update"
    assert api.get(f"{started['url']}cancel/") == {"can_cancel": True}
    api.post(f"{started['url']}cancel/", {}, 202)
    assert api.get(f"{started['url']}events/")["count"] == 0
    InventoryUpdate.objects.update(status="canceled", stage="done")
    api.delete(source["url"])
    api.get(started["url"], 404)


def test_all_sources_of_an_inventory(api: Api, source: dict[str, Any]) -> None:
    path = f"{V2}/inventories/{source['inventory']}/update_inventory_sources/"
    assert api.get(path) == [{"inventory_source": source["id"], "can_update": True}]
    done = api.post(path, {}, 200)
    assert [(d["inventory_source"], d["status"]) for d in done] == [(source["id"], "started")]
    empty = api.post(f"{V2}/inventories/", {"name": "empty", "organization": 1})
    words = {"detail": "No inventory sources to update."}
    assert api.post(f"{empty['url']}update_inventory_sources/", {}, 400) == words


def test_the_dashboard_counts_sources(api: Api, source: dict[str, Any]) -> None:
    from gantry.resources.models import InventorySource

    api.post(f"{V2}/inventory_sources/",
             {"name": "e", "inventory": source["inventory"], "source": "ec2"})  # fmt: skip
    InventorySource.objects.update(last_job_failed=True, status="failed")
    shown = api.get(f"{V2}/dashboard/")
    assert shown["inventories"]["total_with_inventory_source"] == 1
    assert shown["inventories"]["inventory_failed"] == 2
    assert (shown["inventory_sources"]["ec2"]["total"],
            shown["inventory_sources"]["ec2"]["failed"]) == (1, 1)  # fmt: skip


def test_what_a_source_has_brought(api: Api, source: dict[str, Any]) -> None:
    from gantry.resources.models import Group, Host, InventorySource

    row = InventorySource.objects.get(pk=source["id"])
    host = Host.objects.create(name="h", inventory=row.inventory)
    group = Group.objects.create(name="g", inventory=row.inventory)
    row.hosts.add(host)
    row.groups.add(group)
    assert api.get(f"{V2}/hosts/{host.pk}/")["has_inventory_sources"] is True
    for below in (f"hosts/{host.pk}", f"groups/{group.pk}"):
        assert api.get(f"{V2}/{below}/inventory_sources/")["count"] == 1
    assert api.get(f"{source['url']}hosts/")["count"] == 1
    api.delete(f"{source['url']}hosts/")
    api.delete(f"{source['url']}groups/")
    assert not Host.objects.exists()
    assert not Group.objects.exists()


def test_rights_come_from_the_inventory(
    api: Api, source: dict[str, Any], plain: Api, other_admin: Api
) -> None:
    from gantry.resources.models import Inventory
    from gantry.resources.roles import role_on

    plain.get(source["url"], 403)
    assert plain.get(f"{V2}/inventory_sources/")["count"] == 0
    other_admin.post(f"{source['url']}update/", {}, 403)
    updater = make_user("updater")
    role_on(Inventory.objects.get(pk=source["inventory"]), "update_role").members.add(updater)
    theirs = Api("updater", "pw")
    assert theirs.get(source["url"])["summary_fields"]["user_capabilities"] == {
        "edit": False, "start": True, "schedule": True, "delete": False,
    }  # fmt: skip
    theirs.patch(source["url"], {"timeout": 1}, 403)
    started = theirs.post(f"{source['url']}update/", {}, 202)
    theirs.post(f"{started['url']}cancel/", {}, 202)
    assert theirs.get(f"{V2}/unified_job_templates/")["count"] == 1
    assert theirs.get(f"{V2}/unified_jobs/")["count"] == 1
