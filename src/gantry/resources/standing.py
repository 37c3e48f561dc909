"""What a person is: read once a request, so that the answer to every later question is free.

Held are the roles that were given to the person and those that were given to their teams; what
these imply is worked out from role_names.py. An organization's administrators are administrators,
and so members, of all its teams, and hold what was given to those.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from gantry.resources.organizations import User
from gantry.resources.role_names import SYSTEM_ADMINISTRATOR, SYSTEM_AUDITOR, implied_by
from gantry.resources.role_permissions import permission_for
from gantry.resources.roles import DEFINED, Role, permissions_of

Person = User | AnonymousUser
Ids = frozenset[int]
NONE: Ids = frozenset()


@dataclass(frozen=True)
class Standing:
    user: int
    superuser: bool = False
    auditor: bool = False
    held: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    _worked_out: dict[tuple[str, str, str, str], Ids] = field(default_factory=dict, compare=False)

    def holding(self, kind: str, role: str, verb: str = "") -> Ids:
        """The objects on which this person was given the role, or what implies it. Permissions of
        a role definition tell apart what an admin_role does: `verb`, of access_rules.py."""
        own = implied_by(kind, role).own
        return self._among("own", kind, role, verb, kind, own)

    def organizations(self, kind: str, role: str, verb: str = "") -> Ids:
        """The organizations in which they hold the role on every object of the kind."""
        if kind == "organization":
            return NONE
        above = implied_by(kind, role).organization
        return self._among("organization", kind, role, verb, "organization", above)

    def everywhere(self, kind: str, role: str) -> bool:
        system = implied_by(kind, role).system
        return self.superuser or (self.auditor and SYSTEM_AUDITOR in system)

    def has_system_role(self, role: str) -> bool:
        return self.superuser if role == SYSTEM_ADMINISTRATOR else self.auditor

    def _among(
        self, how: str, kind: str, role: str, verb: str, of: str, roles: Iterable[str]
    ) -> Ids:
        key = (how, kind, role, verb)
        if key not in self._worked_out:
            ids: set[int] = set()
            for name in (*roles, permission_for(kind, role, verb)):
                ids |= self.held.get((of, name), set())
            self._worked_out[key] = frozenset(ids)
        return self._worked_out[key]

    @property
    def admin_of(self) -> Ids:
        return self.holding("organization", "admin_role")

    @property
    def member_of(self) -> Ids:
        return self.holding("organization", "member_role")

    @property
    def sees_everybody(self) -> bool:
        """AWX's ORG_ADMINS_CAN_SEE_ALL_USERS, on by default."""
        return bool(self.admin_of or self.holding("organization", "auditor_role"))


def standing(user: Person) -> Standing:
    """Kept on the user object, which lives as long as a request."""
    known = getattr(user, "_standing", None)
    if isinstance(known, Standing):
        return known
    if not isinstance(user, User) or not user.is_active:
        return Standing(0)
    found = Standing(user.pk, user.is_superuser, user.is_system_auditor, _held(user))
    user._standing = found  # type: ignore[attr-defined]
    return found


def forget(user: Person) -> None:
    """Roles were given to or taken from this person: read them anew."""
    user.__dict__.pop("_standing", None)


def _held(user: User) -> dict[tuple[str, str], set[int]]:
    held: dict[tuple[str, str], set[int]] = defaultdict(set)
    _add(held, Role.objects.filter(members=user))
    seen: tuple[Ids, Ids] = (NONE, NONE)
    while True:  # a team may have been given membership of another
        so_far = Standing(user.pk, held=held)
        teams = so_far.holding("team", "member_role")
        organizations = so_far.organizations("team", "member_role")
        if (teams, organizations) == seen:
            return dict(held)
        seen = (teams, organizations)
        theirs = Q(teams__in=teams) | Q(teams__organization__in=organizations)
        _add(held, Role.objects.filter(theirs).distinct())


def _add(held: dict[tuple[str, str], set[int]], roles: Iterable[Role]) -> None:
    assert hasattr(roles, "order_by")
    rows = list(roles.order_by().values_list("kind", "role_field", "object_id"))
    defined = {name for _, name, _ in rows if name.startswith(DEFINED)}
    permissions = permissions_of(defined) if defined else {}
    for kind, name, pk in rows:
        if pk is not None:
            for held_by in permissions.get((kind, name), [name]):
                held[kind, held_by].add(pk)
