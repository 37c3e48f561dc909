"""What an update's pod has sent becomes hosts and groups: AWX's rules, all or nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gantry.base.errors import JobFailure
from gantry.path.inventory_import import find_circle, take_over
from gantry.path.inventory_payload import LINES
from gantry.pods.agent.inventory import Read, Refused
from gantry.resources.models import (
    Artifact,
    Group,
    Host,
    Inventory,
    InventorySource,
    InventoryUpdate,
)
from tests.journeys.world import World

Bring = Callable[..., dict[str, Any]]


def lines_of(answer: Any, path: Path, **wanted: Any) -> bytes:
    """As the program in the pod writes what ansible-inventory answered."""
    read = Read(wanted)
    read.read(json.loads(json.dumps(answer)))
    read.write(str(path / "lines"))
    return (path / "lines").read_bytes()


@pytest.fixture
def source(world: World) -> InventorySource:
    inventory = Inventory.objects.create(name="Cloud", organization=world.organization)
    return InventorySource.objects.create(
        kind="inventory_source", name="s", inventory=inventory, source="scm",
        organization=world.organization,
    )  # fmt: skip


@pytest.fixture
def bring(source: InventorySource, tmp_path: Path) -> Bring:
    """Take over an answer, or the lines given, with the source's options as they are then."""

    def bring(answer: Any = None, lines: bytes | None = None, **wanted: Any) -> dict[str, Any]:
        update = InventoryUpdate.objects.create(
            kind="inventory_update", inventory=source.inventory, inventory_source=source,
            unified_job_template=source, source=source.source, overwrite=source.overwrite,
            overwrite_vars=source.overwrite_vars,
        )  # fmt: skip
        data = lines_of(answer, tmp_path, **wanted) if lines is None else lines
        for number, at in enumerate(range(0, len(data), 1000)):
            Artifact.objects.create(
                job=update, name=LINES, number=number, data=data[at : at + 1000]
            )
        done = take_over(update)
        assert not Artifact.objects.filter(job=update).exists()
        assert take_over(update) == done, "a controller that comes after a crash does it again"
        return done

    return bring


def hosts() -> dict[str, dict[str, Any]]:
    rows = Host.objects.filter(inventory__name="Cloud")
    return {h.name: json.loads(h.variables) for h in rows}


def members() -> dict[str, set[str]]:
    return {
        g.name: set(g.hosts.values_list("name", flat=True))
        for g in Group.objects.filter(inventory__name="Cloud")
    }


ANSWER = {
    "_meta": {"hostvars": {"a": {"x": 1, "state": "up"}, "b": {"x": 2, "state": "down"}, "c": {}}},
    "all": {"children": ["ungrouped", "web", "eu"], "vars": {"v": 1}},
    "web": {"hosts": ["a", "b"], "vars": {"port": 80}},
    "eu": {"children": ["web"]},
    "ungrouped": {"hosts": ["c"]},
}


def test_hosts_groups_and_variables_come_over(bring: Bring, source: InventorySource) -> None:
    done = bring(ANSWER)
    assert {k: v for k, v in done.items() if v and k != "seconds"} == {
        "hosts": 3, "groups": 2, "hosts_added": 3, "groups_added": 2,
    }  # fmt: skip
    assert hosts() == {"a": {"x": 1, "state": "up"}, "b": {"x": 2, "state": "down"}, "c": {}}
    assert members() == {"web": {"a", "b"}, "eu": set()}
    assert [g.name for g in Group.objects.get(name="eu").children.all()] == ["web"]
    assert json.loads(Inventory.objects.get(name="Cloud").variables) == {"v": 1}
    assert Host.objects.get(name="a").description == "imported"
    assert source.hosts.count() == 3
    assert source.groups.count() == 2


def test_a_second_update_changes_only_what_differs(bring: Bring) -> None:
    bring(ANSWER)
    again = bring(ANSWER)
    changed = {k: v for k, v in again.items() if k.endswith(("added", "changed", "removed"))}
    assert set(changed.values()) == {0}
    moved = json.loads(json.dumps(ANSWER))
    moved["_meta"]["hostvars"]["a"]["x"] = 7
    assert bring(moved)["hosts_changed"] == 1


def test_without_overwrite_nothing_is_lost(bring: Bring, source: InventorySource) -> None:
    Host.objects.create(name="a", inventory=source.inventory, variables="mine: yes\nx: 0")
    bring(ANSWER)
    bring({"_meta": {"hostvars": {"d": {}}}, "web": {"hosts": ["d"]}})
    assert hosts()["a"] == {"mine": True, "x": 1, "state": "up"}
    assert members()["web"] == {"a", "b", "d"}


def test_overwrite_removes_what_this_source_brought_and_no_more(
    bring: Bring, source: InventorySource
) -> None:
    source.overwrite = True
    by_hand = Host.objects.create(name="hand", inventory=source.inventory, variables="{}")
    bring(ANSWER)
    Group.objects.get(name="web").hosts.add(by_hand)
    done = bring({"_meta": {"hostvars": {"a": {}, "c": {}}}, "web": {"hosts": ["c"]},
                  "ungrouped": {"hosts": ["a"]}})  # fmt: skip
    assert set(hosts()) == {"hand", "a", "c"}
    assert members() == {"web": {"hand", "c"}}
    assert (done["hosts_removed"], done["groups_removed"]) == (1, 1)
    assert hosts()["a"] == {"x": 1, "state": "up"}, "variables are merged without overwrite_vars"


def test_overwrite_vars_replaces_them_but_not_the_inventorys(
    bring: Bring, source: InventorySource
) -> None:
    source.overwrite_vars = True
    Inventory.objects.update(variables="kept: 1")
    bring(ANSWER)
    bring({"_meta": {"hostvars": {"a": {"y": 1}}}, "all": {"vars": {"w": 2}},
           "web": {"hosts": ["a"], "vars": {"new": 1}}})  # fmt: skip
    assert hosts()["a"] == {"y": 1}
    assert json.loads(Group.objects.get(name="web").variables) == {"new": 1}
    assert json.loads(Inventory.objects.get(name="Cloud").variables) == {"kept": 1, "v": 1, "w": 2}


def test_what_a_host_says_decides_whether_it_is_enabled(bring: Bring) -> None:
    bring(ANSWER, enabled_var="state", enabled_value="UP")
    enabled = dict(Host.objects.filter(inventory__name="Cloud").values_list("name", "enabled"))
    assert enabled == {"a": True, "b": False, "c": True}
    bring({"_meta": {"hostvars": {"a": {"deep": {"on": False}}}}, "web": ["a"]},
          enabled_var="gone,deep.on")  # fmt: skip
    assert not Host.objects.get(name="a").enabled
    # Text marked as no template is asked as the text it is, and stays marked.
    marked = {"on": {"__ansible_unsafe": "yes"}}
    bring({"_meta": {"hostvars": {"a": marked}}, "web": ["a"]}, enabled_var="on",
          enabled_value="yes")  # fmt: skip
    assert Host.objects.get(name="a").enabled
    assert hosts()["a"]["on"] == {"__ansible_unsafe": "yes"}


def test_hosts_are_known_by_their_instance_and_may_change_names(bring: Bring) -> None:
    def answer(**names: str) -> Any:
        return {"_meta": {"hostvars": {n: {"id": i} for n, i in names.items()}}, "all": [*names]}

    bring(answer(one="i-1", two="i-2"), instance_id_var="nope, id")
    before = dict(Host.objects.values_list("instance_id", "pk"))
    done = bring(answer(two="i-1", one="i-2", three="i-3"), instance_id_var="id")
    assert done["hosts_added"] == 1
    after = {h.instance_id: (h.pk, h.name) for h in Host.objects.exclude(instance_id="")}
    assert after["i-1"] == (before["i-1"], "two")
    assert after["i-2"] == (before["i-2"], "one")


def test_a_name_that_is_taken_by_hand_is_a_plain_error(
    bring: Bring, source: InventorySource
) -> None:
    bring({"_meta": {"hostvars": {"old": {"id": "i-1"}}}, "all": ["old"]}, instance_id_var="id")
    Host.objects.create(name="new", inventory=source.inventory)
    with pytest.raises(JobFailure, match="cannot take its name"):
        bring({"_meta": {"hostvars": {"new": {"id": "i-1"}}}, "all": ["new"]}, instance_id_var="id")
    assert set(Host.objects.filter(instance_id="i-1").values_list("name", flat=True)) == {"old"}


def test_filters_ports_and_empty_groups(bring: Bring) -> None:
    bring(
        {"web": {"hosts": {"a:2222": {"x": 1}, "z": None}}, "none": {}, "all": {"vars": {}}},
        host_filter="a", exclude_empty_groups=True,
    )  # fmt: skip
    assert hosts() == {"a": {"ansible_port": 2222, "x": 1}}
    assert set(members()) == {"web"}


def test_groups_never_hold_each_other_in_a_circle(bring: Bring) -> None:
    bring({"a": {"children": ["b"]}, "b": {}})
    with pytest.raises(JobFailure, match="circle: "):
        bring({"b": {"children": ["a"]}, "a": {}, "c": {"hosts": ["new"]}})
    assert hosts() == {}, "nothing was taken over"
    assert find_circle([(str(n), str(n + 1)) for n in range(5000)]) == []
    assert find_circle([("a", "b"), ("b", "c"), ("c", "b")]) == ["b", "c", "b"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (b"", "not whole"),
        (b'{"all": "{}"}\n{"host": "a"}\n{"end": 1}\n', "a cannot be understood"),
        (b'{"all": "{}"}\n{"end": 3}\n', "not whole"),
        (b"[]\n", "no mapping"),
        (b'{"all": 1}\n', "all is missing"),
        (b"\xff\n", "decode"),
        (b'{"all": "{}"}', "not whole"),
        (b'{"host": "\\u0000", "groups": [], "vars": "{}"}\n', "host is missing"),
        (b'{"host": "", "groups": [], "vars": "{}"}\n', "no name"),
        (b'{"host": "a", "groups": [], "vars": "\\ud800"}\n', "vars of a line is no text"),
        (b'{"host": "a", "groups": [], "vars": "[]"}\n', "variables of a are no mapping"),
    ],
)
def test_nothing_that_a_pod_says_is_taken_on_trust(bring: Bring, lines: bytes, words: str) -> None:
    with pytest.raises(JobFailure, match=words) as caught:
        bring(lines=lines)
    assert caught.value.code == "inventory_garbage"
    assert hosts() == {}
    assert not Artifact.objects.filter(name=LINES).exists()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ([], "is a list"),
        ({"web": {"hosts": [None]}}, "has no name"),
        ({"web": {"hosts": ["x" * 600]}}, "too long"),
        ({"{{ x }}": {}}, "a template"),
    ],
)
def test_the_program_in_the_pod_refuses_garbage(answer: Any, words: str) -> None:
    with pytest.raises(Refused, match=words):
        Read({}).read(answer)
    with pytest.raises(Refused, match="regular expression"):
        Read({"host_filter": "("})
