"""Smart and constructed inventories over the API, and the facts of hosts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api

V2 = "/api/v2"


@pytest.fixture
def hosts(api: Api, inventory: dict[str, Any]) -> dict[str, int]:
    """Two hosts in one group, of one of which facts are known."""
    from gantry.resources.models import Group, Host, HostFacts

    group = Group.objects.create(name="east", inventory_id=inventory["id"])
    found = {}
    for name in ("one", "two"):
        host = Host.objects.create(name=name, inventory_id=inventory["id"])
        group.hosts.add(host)
        found[name] = host.pk
    HostFacts.objects.create(
        host_id=found["one"], facts={"ansible_os": {"family": "Debian"}, "ips": ["a", "b"]}
    )
    return found


def smart(api: Api, text: str, status: int = 201) -> Any:
    body = {"name": "smart", "organization": 1, "kind": "smart", "host_filter": text}
    return api.post(f"{V2}/inventories/", body, status)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("name=one", ["one"]),
        ("groups__name=east and not__name=one", ["two"]),
        ("name=one or name=two", ["one", "two"]),
        ('(name=one or name=two) and "name"="two"', ["two"]),
        ("search=on", ["one"]),
        ("ansible_facts__ansible_os__family=Debian", ["one"]),
        ("ansible_facts__ips[]=b", ["one"]),
        ("ansible_facts__ips[]=c", []),
        ("name=", []),
    ],
)
def test_a_smart_inventory_has_the_hosts_it_finds(
    api: Api, hosts: dict[str, int], text: str, names: list[str]
) -> None:
    made = smart(api, text)
    assert made["total_hosts"] == len(names)
    listed = api.get(f"{made['url']}hosts/")["results"]
    assert [row["name"] for row in listed] == names
    assert api.get(f"{made['url']}script/").get("all", {}).get("hosts") == names
    assert api.get(f"{V2}/hosts/?host_filter={text.replace(' ', '%20')}")["count"] == len(names)
    for name, pk in hosts.items():
        count = api.get(f"{V2}/hosts/{pk}/smart_inventories/")["count"]
        assert count == int(name in names)


def test_a_smart_inventory_is_refused_as_awx_refuses(api: Api, inventory: dict[str, Any]) -> None:
    words = "Smart inventories must specify host_filter"
    assert smart(api, "", 400) == {"host_filter": [words]}
    assert smart(api, "name", 400) == {"host_filter": ["Invalid query name"]}
    words = "ansible_facts does not support searching with __icontains"
    assert smart(api, "ansible_facts__a__icontains=x", 400) == {"host_filter": [words]}
    assert "no field named" in smart(api, "nonsense=1", 400)["host_filter"][0]
    smart(api, "created_by__password=x", 403)
    made = smart(api, "name=a")
    assert "inventory_sources" not in made["related"]
    words = 'You cannot turn a regular inventory into a "smart" or "constructed" inventory.'
    assert api.patch(inventory["url"], {"kind": "smart"}, 405) == {"error": words}
    for what, plural in (("Host", "hosts"), ("Group", "groups")):
        body = {"name": "x", "inventory": made["id"]}
        words = f"Cannot create {what} for Smart or Constructed Inventories"
        assert api.post(f"{V2}/{plural}/", body, 400) == {"inventory": {"detail": words}}
    body = {"name": "s", "inventory": made["id"], "source": "ec2"}
    words = "Cannot create Inventory Source for Smart or Constructed Inventories"
    assert api.post(f"{V2}/inventory_sources/", body, 400) == {"inventory": {"detail": words}}


def test_a_smart_inventory_keeps_to_its_organization(
    api: Api, hosts: dict[str, int], other_admin: Api
) -> None:
    from gantry.resources.models import Organization

    other = Organization.objects.get(name="Other").pk
    body = {"name": "spy", "organization": other, "kind": "smart", "host_filter": "name=one"}
    made = other_admin.post(f"{V2}/inventories/", body)
    assert made["total_hosts"] == 0


def test_many_smart_inventories_are_counted_in_as_many_queries(
    api: Api, hosts: dict[str, int]
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from gantry.resources.models import Inventory

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            api.get(f"{V2}/inventories/?kind=smart")
        return len(queries)

    made = []
    for number in range(8):
        made.append(
            Inventory(name=f"s{number}", organization_id=1, kind="smart", host_filter="name=one")
        )
    for each in made[:2]:
        each.save()
    few = asked()
    for each in made[2:]:
        each.save()
    assert asked() == few


def test_a_constructed_inventory_and_its_one_source(api: Api, inventory: dict[str, Any]) -> None:
    body = {"name": "c", "organization": 1, "source_vars": "plugin: constructed", "limit": "x",
            "verbosity": 2}  # fmt: skip
    made = api.post(f"{V2}/constructed_inventories/", body)
    assert (made["kind"], made["type"]) == ("constructed", "inventory")
    assert made["url"] == f"{V2}/constructed_inventories/{made['id']}/"
    assert (made["source_vars"], made["limit"], made["verbosity"]) == (
        "plugin: constructed", "x", 2,
    )  # fmt: skip
    assert "host_filter" not in made
    assert api.patch(made["url"], {"update_cache_timeout": 7})["update_cache_timeout"] == 7
    plain = api.get(f"{V2}/inventories/{made['id']}/")
    assert plain["related"]["constructed_url"] == made["url"]
    inputs = plain["related"]["input_inventories"]
    api.post(inputs, {"id": inventory["id"]}, 204)
    assert api.get(inputs)["count"] == 1
    words = "You cannot add a constructed inventory to another constructed inventory."
    assert api.post(inputs, {"id": made["id"]}, 400) == {"error": words}
    (source,) = api.get(plain["related"]["inventory_sources"])["results"]
    assert source["name"] == "Auto-created source for: c"
    assert (source["source"], source["update_on_launch"], source["overwrite"]) == (
        "constructed", True, True,
    )  # fmt: skip
    words = "Cannot change field 'overwrite' on a constructed inventory source."
    assert api.patch(source["url"], {"overwrite": False}, 400) == {"error": [words]}
    api.post(inputs, {"id": inventory["id"], "disassociate": True}, 204)
    assert api.get(inputs)["count"] == 0
    api.delete(made["url"])


def test_facts_of_a_host(api: Api, hosts: dict[str, int], plain: Api) -> None:
    from gantry.resources.models import Host, Inventory

    path = f"{V2}/hosts/{hosts['one']}/ansible_facts/"
    assert api.get(path)["ips"] == ["a", "b"]
    assert api.get(f"{V2}/hosts/{hosts['two']}/ansible_facts/") == {}
    plain.get(path, 403)
    made = Inventory.objects.create(name="c", organization_id=1, kind="constructed")
    like = Host.objects.create(name="one", inventory=made, instance_id=str(hosts["one"]))
    answer = api.call("get", f"{V2}/hosts/{like.pk}/ansible_facts/")
    assert (answer.status_code, answer["Location"]) == (302, path)
    assert api.get(f"{V2}/hosts/{like.pk}/")["related"]["ansible_facts"] == path
