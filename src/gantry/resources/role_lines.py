"""Which rows of roles imply which: a role's parents and children, one step up or down.

Within an object and from its organization by PARENTS; by a grant from a team's members. Whoever
holds the parent holds the child.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet

from gantry.resources.role_names import PARENTS, SYSTEM
from gantry.resources.roles import Role, model_of

_ABOVE = "organization."


def parents_of(role: Role) -> QuerySet[Role]:
    if role.system:
        return Role.objects.none()
    names = PARENTS[role.kind][role.role_field]
    own = [n for n in names if n not in SYSTEM and not n.startswith(_ABOVE)]
    q = Q(kind=role.kind, object_id=role.object_id, role_field__in=own)
    q |= Q(kind="", role_field__in=[n for n in names if n in SYSTEM])
    above = [n.removeprefix(_ABOVE) for n in names if n.startswith(_ABOVE)]
    if above and role.content_object is not None:
        organization = role.content_object.organization_id
        q |= Q(kind="organization", object_id=organization, role_field__in=above)
    teams = role.teams.order_by().values("pk")
    return Role.objects.filter(q | Q(kind="team", role_field="member_role", object_id__in=teams))


def children_of(role: Role) -> QuerySet[Role]:
    if role.system:
        q = Q(pk__in=[])
        for kind, names in PARENTS.items():
            q |= Q(
                kind=kind, role_field__in=[n for n, up in names.items() if role.role_field in up]
            )
        return Role.objects.filter(q)
    own = [n for n, up in PARENTS[role.kind].items() if role.role_field in up]
    q = Q(kind=role.kind, object_id=role.object_id, role_field__in=own)
    if role.kind == "organization":
        q |= _below(role)
    if role.kind == "team" and role.role_field == "member_role":
        q |= Q(teams=role.object_id)
    return Role.objects.filter(q).distinct()


def _below(role: Role) -> Q:
    """The roles on what an organization owns."""
    q = Q(pk__in=[])
    for kind, names in PARENTS.items():
        found = [n for n, up in names.items() if f"{_ABOVE}{role.role_field}" in up]
        if found:
            rows = model_of(kind)._default_manager.filter(organization=role.object_id)
            q |= Q(kind=kind, role_field__in=found, object_id__in=rows.order_by().values("pk"))
    return q
