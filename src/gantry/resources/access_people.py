"""How one person stands to another, and who may be given a role. AWX: UserAccess and RoleAccess."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet

from gantry.resources.organizations import User
from gantry.resources.role_names import PARENTS
from gantry.resources.role_permissions import role_for
from gantry.resources.roles import Role, model_of
from gantry.resources.standing import Standing, standing

__all__ = ["covers", "know_organizations", "model_of", "reach_of_users", "stands_to_user"]


def stands_to_user(grant: str, who: Standing, row: User) -> bool:
    if grant == "self":
        return row.pk == who.user
    if grant == "mate":
        return row.is_superuser or any(
            role == "member_role" and pk in who.holding("organization", "read_role")
            for role, pk in _belonging(row)
        )
    return grant == "above" and administers(who, row)


def reach_of_users(grant: str, who: Standing) -> Q:
    if grant == "self":
        return Q(pk=who.user)
    if grant == "mate":
        seen = who.holding("organization", "read_role")
        roles = Role.objects.filter(
            kind="organization", role_field="member_role", object_id__in=seen
        )
        return Q(is_superuser=True) | Q(pk__in=roles.order_by().values("members"))
    if grant == "above" and who.admin_of:
        mine = _belonging_to(Q(object_id__in=who.admin_of))
        others = _belonging_to(~Q(object_id__in=who.admin_of))
        plain = Q(is_superuser=False, is_system_auditor=False)
        return plain & Q(pk__in=mine) & ~Q(pk__in=others)
    return Q(pk__in=[])


def _belonging_to(organizations: Q) -> QuerySet[User, Any]:
    roles = Role.objects.filter(
        organizations, kind="organization", role_field__in=("member_role", "admin_role")
    )
    return User.objects.filter(roles__in=roles).order_by().values("pk")


def administers(who: Standing, row: User) -> bool:
    """Whoever administers all of a person's organizations administers them; nobody else does."""
    if who.superuser:
        return True
    theirs = {pk for _, pk in _belonging(row)}
    above = row.is_superuser or row.is_system_auditor
    return not above and bool(theirs) and theirs <= who.admin_of


def may_take_in(who: Standing, row: User) -> bool:
    """Whether this person may be made a member of an organization by who administers it: to be
    above somebody with more rights would be to gain them."""
    if who.superuser or administers(who, row):
        return True
    if row.is_superuser or row.is_system_auditor or _belonging(row):
        return False
    return covers(who, standing(row))


def covers(who: Standing, other: Standing) -> bool:
    """Whether `who` holds everything that `other` holds."""
    for (kind, held), ids in other.held.items():
        role = held if held in PARENTS.get(kind, ()) else _role_for(kind, held)
        missing = ids - who.holding(kind, role)
        if not missing:
            continue
        organizations = who.organizations(kind, role)
        if not organizations:
            return False
        rows = model_of(kind)._default_manager.filter(
            pk__in=missing, organization__in=organizations
        )
        if rows.count() < len(missing):
            return False
    return True


def _role_for(kind: str, permission: str) -> str:
    """Whose holders have what a permission gives; on an organization it may be about anything."""
    return "admin_role" if kind == "organization" else role_for(permission)


def know_organizations(people: Iterable[User]) -> None:
    """Read where each belongs in one query, as a page of people needs it."""
    by_pk = {row.pk: row for row in people}
    found: dict[int, set[tuple[str, int]]] = defaultdict(set)
    rows = Role.objects.filter(
        kind="organization", role_field__in=("member_role", "admin_role"), members__in=by_pk
    )
    for member, role, pk in rows.order_by().values_list("members", "role_field", "object_id"):
        found[member].add((role, pk or 0))
    for pk, row in by_pk.items():
        row._belonging = frozenset(found[pk])  # type: ignore[attr-defined]


def _belonging(row: User) -> frozenset[tuple[str, int]]:
    """The organizations that a person was made a member or an administrator of."""
    if row.pk is None:
        return frozenset()
    if not hasattr(row, "_belonging"):
        know_organizations([row])
    known: frozenset[tuple[str, int]] = row.__dict__["_belonging"]
    return known
