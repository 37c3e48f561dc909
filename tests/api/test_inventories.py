"""Inventories, hosts and groups: nesting without circles, names, variables, the script."""

from __future__ import annotations

from typing import Any

from tests.api.conftest import Api

V2 = "/api/v2"


def test_groups_nest_without_circles(api: Api, inventory: dict[str, Any]) -> None:
    groups = [api.post(f"{V2}/groups/", {"name": n, "inventory": inventory["id"]}) for n in "abc"]
    a, b, c = groups
    api.post(a["related"]["children"], {"id": b["id"]}, 204)
    api.post(b["related"]["children"], {"id": c["id"]}, 204)
    for parent, child in ((c, a), (b, a), (a, a)):
        answer = api.post(parent["related"]["children"], {"id": child["id"]}, 400)
        assert answer == {"error": "Cyclical Group association."}
    assert [g["name"] for g in api.get(inventory["related"]["root_groups"])["results"]] == ["a"]
    assert api.get(c["related"]["potential_children"])["count"] == 0

    host = api.post(c["related"]["hosts"], {"name": "deep"})
    assert [h["name"] for h in api.get(a["related"]["all_hosts"])["results"]] == ["deep"]
    names = [g["name"] for g in api.get(host["related"]["all_groups"])["results"]]
    assert names == ["a", "b", "c"]

    other = api.post(f"{V2}/inventories/", {"name": "j", "organization": 1})
    foreign = api.post(f"{V2}/hosts/", {"name": "f", "inventory": other["id"]})
    answer = api.post(a["related"]["hosts"], {"id": foreign["id"]}, 400)
    assert answer == {"detail": "Cannot associate two items from different inventories."}


def test_deleting_a_group_takes_what_was_only_in_it(api: Api, inventory: dict[str, Any]) -> None:
    a, b, shared = (
        api.post(f"{V2}/groups/", {"name": n, "inventory": inventory["id"]}) for n in "abs"
    )
    for parent, child in ((a, b), (a, shared)):
        api.post(parent["related"]["children"], {"id": child["id"]}, 204)
    keeper = api.post(f"{V2}/groups/", {"name": "k", "inventory": inventory["id"]})
    api.post(keeper["related"]["children"], {"id": shared["id"]}, 204)
    api.post(b["related"]["hosts"], {"name": "only"})
    api.post(shared["related"]["hosts"], {"name": "kept"})
    api.delete(a["url"])
    assert {g["name"] for g in api.get(inventory["related"]["groups"])["results"]} == {"k", "s"}
    assert [h["name"] for h in api.get(inventory["related"]["hosts"])["results"]] == ["kept"]


def test_names_of_hosts_and_groups(api: Api, inventory: dict[str, Any]) -> None:
    made = api.post(f"{V2}/hosts/", {"name": "web:2222", "inventory": inventory["id"]})
    assert made["name"] == "web"
    assert api.get(made["related"]["variable_data"]) == {"ansible_ssh_port": 2222}
    taken = api.post(f"{V2}/groups/", {"name": "web", "inventory": inventory["id"]}, 400)
    assert taken == {"__all__": ["A Host with that name already exists."]}
    api.post(f"{V2}/groups/", {"name": "db", "inventory": inventory["id"]})
    taken = api.post(f"{V2}/hosts/", {"name": "db", "inventory": inventory["id"]}, 400)
    assert taken == {"__all__": ["A Group with that name already exists."]}
    other = api.post(f"{V2}/inventories/", {"name": "j", "organization": 1})
    assert api.patch(made["url"], {"inventory": other["id"]})["inventory"] == inventory["id"]


def test_variable_data_is_read_and_written(api: Api, inventory: dict[str, Any]) -> None:
    url = inventory["related"]["variable_data"]
    assert api.get(url) == {"a": 1}
    assert api.put(url, {"b": [1]}) == {"b": [1]}
    assert api.patch(url, {"c": 2}) == {"b": [1], "c": 2}
    assert api.get(inventory["url"])["variables"] == '{"b": [1], "c": 2}'


def test_the_script_names_the_broken_host(api: Api, inventory: dict[str, Any]) -> None:
    from gantry.resources.models import Host

    Host.objects.create(name="bad", inventory_id=inventory["id"], variables="][")
    answer = api.get(f"{inventory['related']['script']}?hostvars=1", 400)
    assert "host bad" in answer["variables"][0]
    api.get(f"{inventory['related']['script']}?host=nosuch", 404)
    api.get(f"{inventory['related']['script']}?subset=slice3of2", 400)
