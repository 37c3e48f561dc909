"""What lies below and above a group of an inventory; one query a level."""

from __future__ import annotations

from django.db.models import QuerySet

from gantry.resources.inventories import Group, Host


def descendants(group: int) -> set[int]:
    """The ids of all groups below, and of the group itself."""
    return _walk(group, "from_group_id", "to_group_id")


def ancestors(groups: set[int]) -> set[int]:
    return set().union(*(_walk(g, "to_group_id", "from_group_id") for g in groups))


def hosts_below(group: Group) -> QuerySet[Host]:
    """Those of a group and of all groups below it."""
    members = Group.hosts.through.objects.filter(group__in=descendants(group.pk))
    return Host.objects.filter(pk__in=members.values("host"))


def only_below(start: int) -> set[int]:
    """The group, and every group all of whose parents are among these."""
    edges = list(
        Group.children.through.objects.filter(to_group__in=descendants(start)).values_list(
            "from_group", "to_group"
        )
    )
    gone = {start}
    while True:
        kept_up = {child for parent, child in edges if parent not in gone}
        more = {c for parent, c in edges if parent in gone and c not in kept_up} - gone
        if not more:
            return gone
        gone |= more


def _walk(start: int, near: str, far: str) -> set[int]:
    edges = Group.children.through.objects
    found, edge = {start}, {start}
    while edge:
        reached = edges.filter(**{f"{near}__in": edge}).values_list(far, flat=True)
        edge = set(reached) - found
        found |= edge
    return found
