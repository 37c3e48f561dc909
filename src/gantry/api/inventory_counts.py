"""How many hosts, groups and failures an inventory has: counted for a page at once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

from django.db.models import Count, F, QuerySet, Value

from gantry.api.shape import AwxSerializer
from gantry.base.errors import InvalidInput
from gantry.resources.host_filter import hosts_of
from gantry.resources.models import Group, Host, Inventory, InventorySource, JobHostSummary


def counts_of(inventories: Iterable[int]) -> dict[int, dict[str, Any]]:
    ids = set(inventories)
    hosts = _tally(Host.objects.filter(inventory__in=ids), "inventory")
    smart = [*Inventory.objects.filter(pk__in=ids, kind="smart")]
    hosts |= _tally_smart(smart)
    sources = _tally(_sources(ids), "inventory")
    broken = _tally(_sources(ids).filter(last_job_failed=True), "inventory")
    groups = _tally(Group.objects.filter(inventory__in=ids), "inventory")
    failing = _tally(
        JobHostSummary.objects.filter(
            failed=True, host__inventory__in=ids, job=F("host__last_job")
        ),
        "host__inventory",
    )
    return {
        pk: {
            "has_active_failures": pk in failing,
            "total_hosts": hosts.get(pk, 0),
            "hosts_with_active_failures": failing.get(pk, 0),
            "total_groups": groups.get(pk, 0),
            "has_inventory_sources": pk in sources,
            "total_inventory_sources": sources.get(pk, 0),
            "inventory_sources_with_failures": broken.get(pk, 0),
        }
        for pk in ids
    }


def _sources(inventories: set[int]) -> QuerySet[InventorySource]:
    return InventorySource.objects.filter(inventory__in=inventories).exclude(
        source__in=("file", "constructed")
    )


def _tally_smart(inventories: list[Inventory]) -> dict[int, int]:
    """The hosts that smart inventories find, in one query however many there are."""
    each = []
    for inventory in inventories:
        with contextlib.suppress(InvalidInput):
            found = hosts_of(inventory).order_by()
            each.append(found.values(of=Value(inventory.pk)).annotate(n=Count("pk")))
    if not each:
        return {}
    rows = each[0].union(*each[1:], all=True) if len(each) > 1 else each[0]
    return {row["of"]: row["n"] for row in rows}


def _tally(rows: Any, key: str) -> dict[int, int]:
    return dict(rows.order_by().values_list(key).annotate(Count("pk")))


def inventory_extras(serializer: AwxSerializer, row: Any) -> dict[str, Any]:
    """What the summary of a row's inventory shows beside its name."""
    inventory: Inventory | None = row.inventory
    if inventory is None:
        return {}
    counts = serializer.once(
        "inventories", lambda page: counts_of(r.inventory_id for r in page if r.inventory_id)
    )
    return {
        **counts[inventory.pk],
        "organization_id": inventory.organization_id,
        "kind": inventory.kind,
    }
