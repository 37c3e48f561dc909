"""`access_list/` of a resource: everybody who may do something with it, and by which role.

Direct are roles on the resource itself, given to the person or to a team of theirs; indirect those
on its organization and the system's. What a page needs is read once for the page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.db.models import Q, QuerySet

from gantry.api.names import type_of, url_of
from gantry.api.users import UserSerializer
from gantry.api.views import SubListView
from gantry.resources.granting import may_give
from gantry.resources.models import Role, Team, User
from gantry.resources.role_names import NAMES as ROLE_NAMES
from gantry.resources.role_names import PARENTS, describe, implied_by
from gantry.resources.role_permissions import permission_for
from gantry.resources.roles import DEFINED, kind_of, with_objects


@dataclass
class Bearers:
    """The roles that bear on one resource, and the teams that were given some of them."""

    row: Any
    roles: list[Role] = field(default_factory=list)
    by_team: dict[int, list[Role]] = field(default_factory=lambda: defaultdict(list))
    teams: dict[int, Team] = field(default_factory=dict)

    @classmethod
    def of(cls, row: Any) -> Bearers:
        kind = kind_of(type(row))
        if kind is None:
            return cls(row)
        q = Q(kind=kind, object_id=row.pk)
        above = frozenset().union(*(implied_by(kind, n).organization for n in PARENTS[kind]))
        if above and row.organization_id is not None:
            here = Q(kind="organization", object_id=row.organization_id)
            q |= here & (Q(role_field__in=above) | Q(role_field__startswith=DEFINED))
        found = cls(row, list(Role.objects.filter(q).prefetch_related("teams__organization")))
        with_objects(found.roles)
        for role in found.roles:
            for team in role.teams.all():
                found._add(team, role)
        found._teams_in_teams()
        return found

    def _add(self, team: Team, role: Role) -> bool:
        self.teams[team.pk] = team
        if role in self.by_team[team.pk]:
            return False
        self.by_team[team.pk].append(role)
        return True

    def _teams_in_teams(self) -> None:
        """A team that was given membership of another has what that one has."""
        grew = bool(self.teams)
        while grew:
            grew = False
            inner = _of_teams(self.by_team).filter(teams__isnull=False)
            for role in inner.prefetch_related("teams__organization"):
                for team in role.teams.all():
                    for had in list(self.by_team[role.object_id or 0]):
                        grew |= self._add(team, had)

    def implies(self, role: Role) -> list[str]:
        """Which of the resource's roles this one gives."""
        kind = kind_of(type(self.row)) or ""
        own = (role.kind, role.object_id) == (kind, self.row.pk)
        if role.defined:
            made_of = role.definition.permissions
            return [name for name in PARENTS[kind] if permission_for(kind, name) in made_of]
        return [
            name
            for name in PARENTS[kind]
            if role.role_field
            in (implied_by(kind, name).own if own else implied_by(kind, name).organization)
        ]

    def direct(self, role: Role) -> bool:
        return (role.kind, role.object_id) == (kind_of(type(self.row)), self.row.pk)

    def team_roles(self) -> QuerySet[Role]:
        """Whose holders have what was given to these teams: members, administrators, and those
        of the organizations that the teams belong to."""
        return _of_teams(self.by_team) | self._of_owners()

    def _of_owners(self) -> QuerySet[Role]:
        owners = {team.organization_id for team in self.teams.values()}
        return Role.objects.filter(
            kind="organization", object_id__in=owners, role_field="admin_role"
        )

    def of_team_role(self, kind: str, pk: int) -> list[Team]:
        if kind == "team":
            return [self.teams[pk]]
        return [team for team in self.teams.values() if team.organization_id == pk]

    def people(self) -> QuerySet[User]:
        roles = [role.pk for role in self.roles]
        held = Q(roles__in=roles) | Q(roles__in=self.team_roles().order_by().values("pk"))
        # A team that administers the organization of these teams has what they have.
        administering = Role.teams.through.objects.filter(role__in=self._of_owners())
        held |= Q(roles__in=_of_teams(administering.values_list("team", flat=True)).values("pk"))
        everywhere = Q(is_superuser=True) | Q(is_system_auditor=True)
        with_any = User.objects.filter(held | everywhere).order_by().values("pk")
        return User.objects.filter(pk__in=with_any)


def _of_teams(teams: Iterable[int]) -> QuerySet[Role]:
    return Role.objects.filter(
        kind="team", object_id__in=list(teams), role_field__in=("member_role", "admin_role")
    )


class AccessSerializer(UserSerializer):
    capabilities: ClassVar[dict[str, str]] = {}

    class Meta(UserSerializer.Meta):
        pass

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        if row is None:
            return found
        bearers: Bearers = self.context["view"].bearers()
        given, teams = self.once("access", lambda page: _held_by(bearers, page))
        direct: list[dict[str, Any]] = []
        indirect: list[dict[str, Any]] = []
        for role in bearers.roles:
            if role.pk in given[row.pk]:
                entry = {"role": self._of(role, row), "descendant_roles": bearers.implies(role)}
                (direct if bearers.direct(role) else indirect).append(entry)
        for team in teams.get(row.pk, ()):
            direct += [self._of_team(team, role, bearers) for role in bearers.by_team[team.pk]]
        indirect += self._of_system(row, bearers)
        return {**found, "direct_access": direct, "indirect_access": indirect}

    def _of(self, role: Role, holder: User | Team) -> dict[str, Any]:
        about = role.content_object
        return {
            "id": role.pk,
            "name": role.name,
            "description": role.description,
            "resource_name": about.name,
            "resource_type": type_of(about),
            "related": {type_of(about): url_of(about)},
            "user_capabilities": {"unattach": may_give(self.user, role, holder)},
        }

    def _of_team(self, team: Team, role: Role, bearers: Bearers) -> dict[str, Any]:
        shown = {
            **self._of(role, team),
            "team_id": team.pk,
            "team_name": team.name,
            "team_organization_name": team.organization.name,
        }
        return {"role": shown, "descendant_roles": bearers.implies(role)}

    def _of_system(self, row: User, bearers: Bearers) -> list[dict[str, Any]]:
        name = "system_administrator" if row.is_superuser else "system_auditor"
        if not (row.is_superuser or row.is_system_auditor):
            return []
        kind = kind_of(type(bearers.row)) or ""
        everything = list(PARENTS.get(kind, ()))
        return [
            {
                "role": {
                    "id": None,
                    "name": ROLE_NAMES[name],
                    "description": describe("", name),
                    "user_capabilities": {"unattach": False},
                },
                "descendant_roles": everything if row.is_superuser else ["read_role"],
            }
        ]


def _held_by(
    bearers: Bearers, page: list[User]
) -> tuple[dict[int, set[int]], dict[int, list[Team]]]:
    """person -> roles given to them; person -> their teams that were given some."""
    given: dict[int, set[int]] = defaultdict(set)
    member = Role.members.through.objects.filter(user__in=page)
    for user, role in member.filter(role__in=bearers.roles).values_list("user", "role"):
        given[user].add(role)
    teams: dict[int, dict[int, Team]] = defaultdict(dict)
    rows = member.filter(role__in=bearers.team_roles())
    for user, kind, pk in rows.values_list("user", "role__kind", "role__object_id"):
        teams[user].update({team.pk: team for team in bearers.of_team_role(kind, pk or 0)})
    return given, {user: list(some.values()) for user, some in teams.items()}


class AccessList(SubListView):
    """A subclass for each kind is made by `access_list_of`."""

    model = User
    serializer_class = AccessSerializer
    ordering: ClassVar[tuple[str, ...] | None] = ("username",)

    def get_queryset(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = AccessSerializer.tune(self.bearers().people())
        return rows

    def bearers(self) -> Bearers:
        if not hasattr(self, "_bearers"):
            self._bearers = Bearers.of(self.parent())
        return self._bearers


def access_list_of(model: type[Any]) -> type[AccessList]:
    return type(f"{model.__name__}AccessList", (AccessList,), {"parent_model": model})
