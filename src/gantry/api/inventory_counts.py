"""How many hosts, groups and failures an inventory has: counted for a page at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, F

from gantry.api.shape import AwxSerializer
from gantry.resources.models import Group, Host, Inventory, JobHostSummary


def counts_of(inventories: Iterable[int]) -> dict[int, dict[str, Any]]:
    ids = set(inventories)
    hosts = _tally(Host.objects.filter(inventory__in=ids), "inventory")
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
            # Inventory sources come with their own issue.
            "has_inventory_sources": False,
            "total_inventory_sources": 0,
            "inventory_sources_with_failures": 0,
        }
        for pk in ids
    }


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
