"""build_script against a naive model, its errors, and that its cost does not grow with its size."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def _inventory(**fields: Any) -> Any:
    from gantry.resources.models import Inventory, Organization

    return Inventory.objects.create(
        name="inventory", organization=Organization.objects.get(name="Default"), **fields
    )


def test_the_script_form_is_ansibles(db: str) -> None:
    from gantry.resources.inventory_script import build_script
    from gantry.resources.models import Group, Host

    inventory = _inventory(variables="---\na: 1")
    web1 = Host.objects.create(name="web1", inventory=inventory, variables='{"x": 1}')
    off = Host.objects.create(name="off", inventory=inventory, enabled=False)
    Host.objects.create(name="alone", inventory=inventory, variables="y: [1, 2]")
    web = Group.objects.create(name="web", inventory=inventory, variables="b: 2")
    web.hosts.add(web1, off)
    top = Group.objects.create(name="top", inventory=inventory)
    top.children.add(web)
    Group.objects.create(name="empty", inventory=inventory)

    assert build_script(inventory) == {
        "all": {"vars": {"a": 1}, "hosts": ["alone"], "children": ["empty", "top", "web"]},
        "top": {"children": ["web"]},
        "web": {"hosts": ["web1"], "vars": {"b": 2}},
        "_meta": {"hostvars": {"alone": {"y": [1, 2]}, "web1": {"x": 1}}},
    }
    everything = build_script(inventory, towervars=True, enabled_only=False)
    assert everything["web"]["hosts"] == ["off", "web1"]
    assert everything["_meta"]["hostvars"]["off"] == {
        "remote_host_enabled": "false", "remote_host_id": off.pk,
        "remote_tower_enabled": "false", "remote_tower_id": off.pk,
    }  # fmt: skip
    assert "_meta" not in build_script(inventory, hostvars=False)


@pytest.mark.parametrize("broken", ["host", "group", "inventory"])
def test_broken_variables_are_named(db: str, broken: str) -> None:
    from gantry.base.errors import InvalidInput
    from gantry.resources.inventory_script import build_script
    from gantry.resources.models import Group, Host

    def text(kind: str) -> str:
        return "][" if kind == broken else ""

    inventory = _inventory(variables=text("inventory"))
    Host.objects.create(name="h", inventory=inventory, variables=text("host"))
    Group.objects.create(name="g", inventory=inventory, variables=text("group"))
    with pytest.raises(InvalidInput) as caught:
        build_script(inventory)
    name = {"host": "host h", "group": "group g", "inventory": "inventory inventory"}[broken]
    assert f"variables of {name}" in caught.value.sentence
    assert caught.value.cure


def test_a_host_of_another_inventory_never_comes_in(db: str) -> None:
    from gantry.resources.inventory_script import build_script
    from gantry.resources.models import Group, Host, Inventory, Organization

    inventory = _inventory()
    other = Inventory.objects.create(name="other", organization=Organization.objects.get())
    group = Group.objects.create(name="g", inventory=inventory)
    group.hosts.add(Host.objects.create(name="foreign", inventory=other))
    group.children.add(Group.objects.create(name="far", inventory=other))
    assert build_script(inventory) == {
        "all": {"hosts": [], "children": ["g"]},
        "_meta": {"hostvars": {}},
    }


def test_the_number_of_queries_is_fixed(db: str) -> None:
    from gantry.resources.inventory_script import build_script
    from gantry.resources.models import Group, Host

    inventory = _inventory()
    for count in (1, 300):
        hosts = Host.objects.bulk_create(
            Host(name=f"h{count}-{n}", inventory=inventory, variables="a: 1") for n in range(count)
        )
        group = Group.objects.create(name=f"g{count}", inventory=inventory)
        group.hosts.add(*hosts)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            build_script(inventory, towervars=True)
        assert len(queries) == 4


NAMES = ["a", "b", "c", "d"]
WORLDS = st.fixed_dictionaries(
    {
        "hosts": st.dictionaries(
            st.sampled_from(["h1", "h2", "h3", "h4"]),
            st.tuples(st.booleans(), st.dictionaries(st.sampled_from("xyz"), st.integers())),
        ),
        "groups": st.dictionaries(
            st.sampled_from(NAMES), st.dictionaries(st.sampled_from("xyz"), st.integers())
        ),
        "member": st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(["h1", "h2", "h3"]))),
        "child": st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES))),
        "vars": st.dictionaries(st.sampled_from("xyz"), st.integers()),
    }
)


def _naive(world: Any, enabled_only: bool) -> dict[str, Any]:
    hosts = {n: v for n, (on, v) in sorted(world["hosts"].items()) if on or not enabled_only}
    member = {(g, h) for g, h in world["member"] if g in world["groups"] and h in hosts}
    child = {(p, c) for p, c in world["child"] if {p, c} <= world["groups"].keys() and p < c}
    everything: dict[str, Any] = {"hosts": [h for h in hosts if all(m != h for _, m in member)]}
    if world["vars"]:
        everything["vars"] = world["vars"]
    if world["groups"]:
        everything["children"] = sorted(world["groups"])
    script: dict[str, Any] = {"all": everything}
    for group, variables in world["groups"].items():
        body: dict[str, Any] = {}
        inside = sorted(h for g, h in member if g == group)
        below = sorted(c for p, c in child if p == group)
        for key, value in (("hosts", inside), ("children", below), ("vars", variables)):
            if value:
                body[key] = value
        if body:
            script[group] = body
    return {**script, "_meta": {"hostvars": hosts}}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(world=WORLDS, enabled_only=st.booleans())
def test_any_inventory_is_what_a_naive_model_says(db: str, world: Any, enabled_only: bool) -> None:
    from gantry.resources.inventory_script import build_script
    from gantry.resources.models import Group, Host, Inventory

    Inventory.objects.all().delete()
    inventory = _inventory(variables=json.dumps(world["vars"]))
    hosts = {
        name: Host.objects.create(
            name=name, inventory=inventory, enabled=on, variables=json.dumps(variables)
        )
        for name, (on, variables) in world["hosts"].items()
    }
    groups = {
        name: Group.objects.create(name=name, inventory=inventory, variables=json.dumps(v))
        for name, v in world["groups"].items()
    }
    for group, host in world["member"]:
        if group in groups and host in hosts:
            groups[group].hosts.add(hosts[host])
    for parent, child in world["child"]:
        if parent in groups and child in groups and parent < child:
            groups[parent].children.add(groups[child])

    assert build_script(inventory, enabled_only=enabled_only) == _naive(world, enabled_only)
