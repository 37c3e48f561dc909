"""/api/v2/bulk/: hosts by the hundred, all or none of them."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Api, make_user

CREATE, DELETE = "/api/v2/bulk/host_create/", "/api/v2/bulk/host_delete/"


def names(*given: str) -> list[dict[str, str]]:
    return [{"name": name} for name in given]


def test_hosts_are_made_and_deleted_by_one_request(api: Api, inventory: dict[str, Any]) -> None:
    assert api.get("/api/v2/bulk/") == {
        "host_create": CREATE, "host_delete": DELETE, "job_launch": "/api/v2/bulk/job_launch/",
    }  # fmt: skip
    given = [{"name": "a", "variables": "x: 1", "enabled": False}, {"name": "b:2222"}]

    made = api.post(CREATE, {"inventory": inventory["id"], "hosts": given})

    assert made["url"] == inventory["url"]
    first, second = made["hosts"]
    assert list(first) == ["name", "enabled", "instance_id", "description", "variables", "id",
                           "url", "inventory"]  # fmt: skip
    assert (first["enabled"], first["variables"]) == (False, "x: 1")
    assert (second["name"], second["variables"]) == ("b", '{"ansible_ssh_port": 2222}')
    assert api.get(first["url"])["summary_fields"]["created_by"]["username"] == "admin"
    [entry] = api.get(f"{inventory['url']}activity_stream/?operation=update")["results"]
    assert entry["changes"] == {"total_hosts": [0, 2]}
    ids = [host["id"] for host in made["hosts"]]
    assert api.post(DELETE, {"hosts": ids}) == {
        "hosts": {str(ids[0]): "The host a was deleted", str(ids[1]): "The host b was deleted"}
    }
    assert api.get("/api/v2/hosts/")["count"] == 0


def test_what_cannot_be_made_is_refused_as_a_whole(api: Api, inventory: dict[str, Any]) -> None:
    pk = inventory["id"]
    api.post(CREATE, {"inventory": pk, "hosts": names("a")})
    api.post("/api/v2/groups/", {"name": "g", "inventory": pk})

    def refused(**given: Any) -> Any:
        return api.post(CREATE, {"inventory": pk, **given}, 400)

    assert refused(hosts=names("b", "a", "c", "c")) == {
        "__all__": [
            "Hostnames must be unique in an inventory. Duplicates found: ['a', 'c', 'c']"
        ]
    }  # fmt: skip
    assert refused(hosts=names(*map(str, range(101)))) == {
        "__all__": ["Number of hosts exceeds system setting BULK_HOST_MAX_CREATE"]
    }
    assert refused(hosts=names("g")) == {"__all__": ["A Group with that name already exists."]}
    for odd in ([], [1], "a", [{"name": "x:99999"}], [{"variables": "[1"}], None):
        assert "hosts" in refused(hosts=odd)
    assert "inventory" in api.post(CREATE, {"hosts": names("z"), "inventory": 99}, 400)
    assert api.get("/api/v2/hosts/")["count"] == 1


def test_what_cannot_be_deleted_is_refused_as_a_whole(api: Api, inventory: dict[str, Any]) -> None:
    made = api.post(CREATE, {"inventory": inventory["id"], "hosts": names("a", "b")})
    ids = [host["id"] for host in made["hosts"]]

    assert api.post(DELETE, {"hosts": [*ids, 99]}, 400) == {
        "hosts": {"99": "Hosts do not exist or you lack permission to delete it"}
    }
    for odd in ([], ["x"], None, list(range(251))):
        assert "hosts" in api.post(DELETE, {"hosts": odd}, 400)
    assert api.get("/api/v2/hosts/")["count"] == 2


def test_it_takes_the_administration_of_the_inventory(
    api: Api, inventory: dict[str, Any], plain: Api
) -> None:
    from gantry.resources.models import Inventory
    from gantry.resources.roles import role_on

    pk = inventory["id"]
    made = api.post(CREATE, {"inventory": pk, "hosts": names("a")})
    ids = [host["id"] for host in made["hosts"]]

    plain.post(DELETE, {"hosts": ids}, 400)  # nothing that is there for them
    plain.post(CREATE, {"inventory": pk, "hosts": names("b")}, 400)
    reader = make_user("reader")
    role_on(Inventory.objects.get(pk=pk), "read_role").members.add(reader)
    refused = Api("reader", "pw").post(DELETE, {"hosts": ids}, 403)
    assert refused == {
        "inventories": {"i": "Lack permissions to delete hosts from this inventory."}
    }
    assert api.get("/api/v2/hosts/")["count"] == 1
