"""An inventory in ansible's script form: what a job carries and what /inventories/N/script/ shows.

Five queries whatever the size. AWX: main/models/inventory.py, Inventory.get_script_data.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gantry.base.errors import InvalidInput
from gantry.resources.host_filter import hosts_of
from gantry.resources.inventories import Group, Inventory
from gantry.resources.variables import parse_variables


def build_script(
    inventory: Inventory,
    *,
    hostvars: bool = True,
    towervars: bool = False,
    enabled_only: bool = True,
    piece: tuple[int, int] = (1, 1),
) -> dict[str, Any]:
    """Raises InvalidInput that names the host or group whose variables cannot be read. `piece` is
    (number, count): of several slices of the inventory, which; the hosts take turns by name."""
    hosts = hosts_of(inventory).order_by("name")
    if enabled_only:
        hosts = hosts.filter(enabled=True)
    rows = list(hosts.values_list("id", "name", "enabled", "variables"))
    number, count = piece
    rows = rows[number - 1 :: count]
    reader = _Reader()
    everything: dict[str, Any] = {}
    own = reader.read(inventory.variables, f"inventory {inventory.name}")
    if own:
        everything["vars"] = own
    groups, grouped = _groups(inventory, {pk: name for pk, name, _, _ in rows}, reader)
    everything["hosts"] = [name for pk, name, _, _ in rows if pk not in grouped]
    if groups:
        everything["children"] = list(groups)
    # A group without hosts, children and variables is known by being listed among the children.
    script = {"all": everything, **{name: body for name, body in groups.items() if body}}
    if hostvars:
        script["_meta"] = {
            "hostvars": {
                name: {
                    **reader.read(variables, f"host {name}"),
                    **(_tower(pk, enabled) if towervars else {}),
                }
                for pk, name, enabled, variables in rows
            }
        }
    return script


def _groups(
    inventory: Inventory, names: Mapping[int, str], reader: _Reader
) -> tuple[dict[str, dict[str, Any]], set[int]]:
    """Group name -> its hosts, children and vars; and the ids of the hosts that are in one."""
    rows = list(
        Group.objects.filter(inventory=inventory)
        .order_by("name")
        .values_list("id", "name", "variables")
    )
    called = {pk: name for pk, name, _ in rows}
    bodies: dict[int, dict[str, Any]] = {pk: {} for pk in called}
    grouped: set[int] = set()
    members = Group.hosts.through.objects.filter(group__inventory=inventory)
    for group, host in members.order_by("host__name").values_list("group_id", "host_id"):
        if host in names:
            bodies[group].setdefault("hosts", []).append(names[host])
            grouped.add(host)
    edges = Group.children.through.objects.filter(from_group__inventory=inventory)
    pairs = edges.order_by("to_group__name").values_list("from_group_id", "to_group_id")
    for parent, child in pairs:
        if child in called:
            bodies[parent].setdefault("children", []).append(called[child])
    for pk, name, variables in rows:
        read = reader.read(variables, f"group {name}")
        if read:
            bodies[pk]["vars"] = read
    return {name: bodies[pk] for pk, name in called.items()}, grouped


def _tower(pk: int, enabled: bool) -> dict[str, Any]:
    return {
        f"remote_{prefix}_{key}": value
        for prefix in ("host", "tower")
        for key, value in (("enabled", str(enabled).lower()), ("id", pk))
    }


class _Reader:
    """Parses each distinct text once: ten thousand hosts often share a handful of them."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def read(self, text: str, whose: str) -> dict[str, Any]:
        if text not in self._known:
            try:
                self._known[text] = parse_variables(text)
            except InvalidInput as error:
                raise InvalidInput(
                    f"The variables of {whose} cannot be read: {error.sentence}",
                    field="variables",
                    cure=f"Mend the variables of {whose}; they must be a mapping in YAML or JSON.",
                ) from error
        return dict(self._known[text])
