"""Variables of nested groups: ansible sees in a job's inventory what it sees in a static file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from gantry.resources.inventory_script import build_script
from tests.journeys.world import World

MAGIC = {f"remote_{who}_{what}" for who in ("tower", "host") for what in ("enabled", "id")}


def hostvars(source: Path) -> dict[str, Any]:
    """What ansible-inventory makes of it."""
    tool = str(Path(sys.executable).with_name("ansible-inventory"))
    done = subprocess.run(
        [tool, "-i", str(source), "--list"], capture_output=True, text=True, check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(source.parent), "LANG": "C.UTF-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    every = dict(said["_meta"]["hostvars"])
    return {
        host: {k: v for k, v in values.items() if k not in MAGIC} for host, values in every.items()
    }


def static_file(inventory: Any) -> str:
    """The same inventory as a person would write it: YAML, each group once with its vars."""

    def body(group: Any) -> dict[str, Any]:
        return {
            "hosts": {host.name: None for host in group.hosts.all()},
            "vars": yaml.safe_load(group.variables) or {},
            "children": {child.name: None for child in group.children.all()},
        }

    hosts = {h.name: yaml.safe_load(h.variables) or {} for h in inventory.hosts.all()}
    everything: dict[str, Any] = {
        "all": {"hosts": hosts, "vars": yaml.safe_load(inventory.variables) or {}}
    }
    everything |= {group.name: body(group) for group in inventory.groups.all()}
    return yaml.safe_dump(everything)


def compare(inventory: Any, folder: Path) -> dict[str, Any]:
    script = folder / "hosts"
    text = json.dumps(build_script(inventory, towervars=True))
    (folder / "hosts.json").write_text(text)
    script.write_text(f"#!/bin/sh\nexec cat {folder}/hosts.json\n")
    script.chmod(0o700)
    static = folder / "static.yml"
    static.write_text(static_file(inventory))
    ours = hostvars(script)
    assert ours == hostvars(static)
    return ours


def group(inventory: Any, name: str, variables: str = "", **members: Any) -> Any:
    from gantry.resources.models import Group, Host

    made = Group.objects.create(name=name, inventory=inventory, variables=variables)
    made.hosts.set(Host.objects.filter(inventory=inventory, name__in=members.get("hosts", ())))
    made.children.set(members.get("children", ()))
    return made


def test_child_beats_parent_host_beats_group_and_later_names_beat_earlier(
    world: World, tmp_path: Path
) -> None:
    inventory = world.inventory
    inventory.variables = "level: all\nonly_all: 1\npriority: all"
    inventory.save()
    inventory.hosts.update(variables="{}")
    inventory.hosts.filter(name="beta").update(variables='{"level": "host"}')
    child = group(inventory, "a_child", "level: child\nsame: a_child", hosts=["alpha", "beta"])
    sibling = group(inventory, "b_sibling", "same: b_sibling", hosts=["alpha"])
    parent = group(
        inventory, "z_parent", "level: parent\nonly_parent: 1", children=[child, sibling]
    )
    group(inventory, "grand", "level: grand\nonly_grand: 1", children=[parent])
    group(inventory, "first", "priority: first\nansible_group_priority: 10", hosts=["alpha"])
    group(inventory, "second", "priority: second", hosts=["alpha"])

    seen = compare(inventory, tmp_path)

    assert seen["alpha"]["level"] == "child"
    assert seen["beta"]["level"] == "host"
    assert seen["alpha"]["same"] == "b_sibling"
    assert seen["alpha"]["priority"] == "first"
    assert {"only_all", "only_parent", "only_grand"} <= set(seen["alpha"])


@pytest.mark.parametrize("seed", range(3))
def test_any_nest_of_groups_is_read_as_ansible_reads_the_file(
    world: World, tmp_path: Path, seed: int
) -> None:
    from gantry.resources.models import Host

    random, inventory = Random(seed), world.inventory
    inventory.variables = "v0: all"
    inventory.save()
    inventory.hosts.update(variables="{}")
    for number in range(6):
        own = json.dumps({f"v{random.randrange(8)}": f"host {number}"})
        Host.objects.create(name=f"h{number}", inventory=inventory, variables=own)
    names = [h.name for h in inventory.hosts.all()]
    made: list[Any] = []
    for number in range(10):
        variables = {f"v{random.randrange(8)}": f"group {number}" for _ in range(3)}
        made.append(group(
            inventory, f"g{random.randrange(10**6)}", json.dumps(variables),
            hosts=random.sample(names, 3), children=random.sample(made, min(2, len(made))),
        ))  # fmt: skip

    compare(inventory, tmp_path)
