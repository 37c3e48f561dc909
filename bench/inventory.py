"""10,000 hosts in 500 groups: read in a pod, taken over, made into the snapshot of a job.

    python -m bench.inventory [--hosts 10000] [--groups 500]

Starts a Gantry of its own. A source of a project prints the inventory as a script does; the update
goes all its way, pod and all. Then the same again, where nothing has changed, and with one host in
ten changed. Asked for: an import in under 20 s, the snapshot in under 1 s, both on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.launch import IMAGE, gantry

# Fifteen variables a host, about 600 bytes, as a cloud's plug-in leaves them; each host in five
# groups, and the groups in a tree of ten.
SCRIPT = """#!/usr/bin/env python3
import json
HOSTS, GROUPS, CHANGED = {hosts}, {groups}, {changed}
answer = {{"_meta": {{"hostvars": {{}}}}, "all": {{"vars": {{"site": "bench"}}}}}}
for g in range(GROUPS):
    answer["g%d" % g] = {{"hosts": [], "vars": {{"port": g, "zone": "z%d" % (g % 7)}}}}
for top in range(10):
    answer["top%d" % top] = {{"children": ["g%d" % g for g in range(top, GROUPS, 10)]}}
for h in range(HOSTS):
    value = {{"v%d" % n: "value %d of host %d, padding padding" % (n, h) for n in range(12)}}
    value.update(ansible_host="10.%d.%d.%d" % (h >> 16, h >> 8 & 255, h & 255),
                 tags={{"role": "web", "n": h}}, turn=1 if CHANGED and h % 10 == 0 else 0)
    answer["_meta"]["hostvars"]["host%05d" % h] = value
    for n in range(5):
        answer["g%d" % ((h * 7 + n * 101) % GROUPS)]["hosts"].append("host%05d" % h)
print(json.dumps(answer))
"""


def prepare(hosts: int, groups: int) -> tuple[Any, Any]:
    import django

    django.setup()
    from gantry.resources.models import Inventory, InventorySource, User
    from tests.journeys.world import World

    while not User.objects.filter(username="admin").exists():  # a busy machine starts slowly
        time.sleep(0.5)
    world = World.make(IMAGE, hosts=())
    inventory = Inventory.objects.create(name="Bench", organization=world.organization)
    script = {"hosts": hosts, "groups": groups}
    files = {
        "same": SCRIPT.format(**script, changed=0),
        "other": SCRIPT.format(**script, changed=1),
    }
    source = InventorySource.objects.create(
        kind="inventory_source", name="bench", inventory=inventory, source="scm",
        source_project=world.project(files), source_path="same", overwrite=True, verbosity=0,
        organization=world.organization,
    )  # fmt: skip
    return source, inventory


def update(source: Any, path: str) -> tuple[float, Any]:
    """Seconds from the request to the end of the update, as anybody sees it."""
    from gantry.path.updates import update_source

    source.source_path = path
    source.save()
    began = time.perf_counter()
    row = update_source(source, user=None)
    while row.active:
        time.sleep(0.05)
        row.refresh_from_db()
    assert row.status == "successful", (row.job_explanation, row.failure_cure)
    return time.perf_counter() - began, row


def snapshot(inventory: Any) -> float:
    """Seconds to make what a job carries: the script, as JSON, compressed and kept."""
    from gantry.path.opened import keep_inventory

    began = time.perf_counter()
    keep_inventory(inventory)
    return time.perf_counter() - began


def stage(row: Any, first: str, last: str) -> float:
    from datetime import datetime

    times = {k: datetime.fromisoformat(v) for k, v in row.stage_times.items()}
    return (times[last] - times[first]).total_seconds()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--hosts", type=int, default=10_000)
    parser.add_argument("--groups", type=int, default=500)
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="gantry-bench-"))
    home.chmod(0o711)
    with gantry(home / "data"):
        source, inventory = prepare(options.hosts, options.groups)
        print("\n| update | seconds | of it running in the pod and taken over | brought |")
        print("| --- | --- | --- | --- |")
        for what, path in (("first", "same"), ("nothing changed", "same"),
                           ("one host in ten changed", "other")):  # fmt: skip
            took, row = update(source, path)
            ran = stage(row, "running", "cleaning")
            told = json.dumps({k: v for k, v in row.imported.items() if v})
            print(f"| {what} | **{took:.1f}** | {ran:.1f} | {told} |")
        times = [snapshot(inventory) for _ in range(5)]
        print(f"\nsnapshot of a job, s: {', '.join(f'{t:.2f}' for t in times)}")


if __name__ == "__main__":
    main()
