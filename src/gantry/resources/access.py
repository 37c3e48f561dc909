"""The one permission check: may this user do this to that row? Called by API, web, CLI and launch.

What it takes is data, in access_rules.py; what a user is, in standing.py. Each kind of grant is
asked in two ways that must agree: of one row in `_stands`, of a whole table in `_reach`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Model, Q, QuerySet

from gantry.resources import access_people as people
from gantry.resources.access_activity import reach_of_activity
from gantry.resources.access_rules import OWNER, RULES, SHARED, Grant, On, Verb
from gantry.resources.activity import ActivityStream
from gantry.resources.credentials import Credential, CredentialType
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.instances import BUILT_IN, InstanceGroup
from gantry.resources.organizations import User
from gantry.resources.role_names import PARENTS, ROLELESS
from gantry.resources.roles import Role, kind_of
from gantry.resources.standing import Person, Standing, forget, standing
from gantry.resources.templates import JobTemplate, UnifiedJobTemplate

__all__ = [
    "RULES", "Person", "Standing", "Verb", "forget", "holding", "holds", "may", "may_add",
    "roles_named", "standing", "visible", "within",
]  # fmt: skip

M = TypeVar("M", bound=Model)
_NOBODY: frozenset[Grant] = frozenset()
_NONE = Q(pk__in=[])
_ALL = ~_NONE


def may(user: Person, verb: str, row: Model) -> bool:
    """Whether `user` may do `verb` to `row`; "add" is asked of the row as it would be saved."""
    if _never(verb, row):
        return False
    who = standing(user)
    if not who.user:
        return False
    if who.superuser:
        return True
    grants = _rules(type(row)).get(verb, _NOBODY)
    if who.auditor and verb == "read" and grants:
        return True
    return any(_stands(grant, who, row) for grant in grants)


def may_add(user: Person, model: type[Model]) -> bool:
    """Whether there is any place where `user` may add such a row."""
    who = standing(user)
    if not who.user or who.superuser:
        return who.superuser
    for grant in _rules(model).get("add", _NOBODY):
        if not isinstance(grant, On):
            if grant == "owner" or (grant == "administrator" and who.admin_of):
                return True
        elif who.holding(grant.kind, grant.role, grant.verb) or who.organizations(
            grant.kind, grant.role, grant.verb
        ):
            return True
    return False


def visible(user: Person, queryset: QuerySet[M]) -> QuerySet[M]:
    """The part of `queryset` that `user` may read."""
    return within(user, "read", queryset)


def within(user: Person, verb: str, queryset: QuerySet[M]) -> QuerySet[M]:
    """The part of `queryset` to which `user` may do `verb`, in one query."""
    who = standing(user)
    if not who.user:
        return queryset.none()
    grants = _rules(queryset.model).get(verb, _NOBODY)
    if who.superuser or (who.auditor and verb == "read" and grants):
        return queryset
    reach = _reach_of_all(grants, who, queryset.model)
    return queryset if reach is _ALL else queryset.filter(reach)


def _reach_of_all(grants: frozenset[Grant], who: Standing, model: type[Model]) -> Q:
    reach = _NONE
    for grant in grants:
        found = _reach(grant, who, model)
        if found is _ALL:
            return _ALL
        # `_NONE | q` is no longer `q` alone: leave out what finds nothing.
        if found is not _NONE:
            reach = found if reach is _NONE else reach | found
    return reach


def holds(user: Person, role: str, row: Model) -> bool:
    """Whether `user` holds a role on a row, given or implied."""
    kind = kind_of(type(row))
    if kind is None or role not in PARENTS[kind]:
        return False
    return _on_stands(On(kind, role), standing(user), row)


def holding(user: Person, role: str, queryset: QuerySet[M]) -> QuerySet[M]:
    """The part of `queryset` on which `user` holds a role: AWX's `role_level`."""
    reach, who = _NONE, standing(user)
    for grant in roles_named(role, queryset.model):
        reach |= _on_reach(grant, who)
    return queryset.filter(reach)


def roles_named(role: str, model: type[Model]) -> list[On]:
    """The roles of that name that rows of a model can have; none where it has no roles."""
    kind = kind_of(model)
    kinds: list[tuple[str | None, tuple[str, str] | None]] = [(kind, None)]
    if model is UnifiedJobTemplate:
        kinds = [
            (kind_of(JobTemplate), ("kind", "job_template")), ("project", ("kind", "project")),
            ("workflowjobtemplate", ("kind", "workflow_job_template")),
        ]  # fmt: skip
    return [On(k, role, when=when) for k, when in kinds if k and role in PARENTS[k]]


def _rules(model: type[Model]) -> dict[str, frozenset[Grant]]:
    return RULES.get(model, {})


def _never(verb: str, row: Model) -> bool:
    """Rows that Gantry keeps itself. AWX: `always_allow_superuser = False` on these views."""
    if isinstance(row, CredentialType | Credential):
        return row.managed and verb in ("change", "delete")
    if isinstance(row, InstanceGroup):
        return row.name in BUILT_IN and verb == "delete"
    return isinstance(row, ExecutionEnvironment) and row.managed and verb == "delete"


def _walk(row: Any, path: str) -> Any:
    """What is at the end of a path of foreign keys, or None where one leads nowhere."""
    for step in path.split("__") if path else ():
        if row is None:
            return None
        try:
            row = getattr(row, step)
        except ObjectDoesNotExist:
            return None
    return row


def _id_at(row: Any, path: str) -> Any:
    """The id of that row; the last step reads no row."""
    if not path:
        return row.pk
    before, _, last = path.rpartition("__")
    at = _walk(row, before)
    return None if at is None else getattr(at, f"{last}_id")


def _stands(grant: Grant, who: Standing, row: Any) -> bool:
    if isinstance(grant, On):
        return _on_stands(grant, who, row)
    if grant in _STANDS:
        return _STANDS[grant](who, row)
    if isinstance(row, User):
        return people.stands_to_user(grant, who, row)
    if isinstance(row, ActivityStream):
        return ActivityStream.objects.filter(_reach_of_activity(who), pk=row.pk).exists()
    return isinstance(row, Role) and _stands_to_role(grant, who, row)


def _reach(grant: Grant, who: Standing, model: type[Model]) -> Q:
    if isinstance(grant, On):
        return _on_reach(grant, who)
    if grant in _REACH:
        return _REACH[grant](who, model)
    if model is User:
        return people.reach_of_users(grant, who)
    if model is ActivityStream:
        return _reach_of_activity(who)
    return _reach_of_roles(grant, who) if model is Role else _NONE


def _readable_groups(who: Standing) -> frozenset[int]:
    return who.holding("instancegroup", "read_role")


# The relations that are no role, of a row and of a table.
_STANDS: dict[str, Callable[[Standing, Any], bool]] = {
    "anyone": lambda who, row: True,
    "owner": lambda who, row: bool(_id_at(row, OWNER.get(type(row), "owner")) == who.user),
    "creator": lambda who, row: bool(row.created_by_id == who.user),
    "launcher": lambda who, row: bool(_id_at(row, "workflow_job__created_by") == who.user),
    "shared": lambda who, row: _id_at(row, SHARED[type(row)]) is None,
    "administrator": lambda who, row: bool(who.admin_of),
    "seer": lambda who, row: who.sees_everybody,
    "scheduler": lambda who, row: (
        row.created_by_id == who.user and any(_stands(g, who, row) for g in _adding(type(row)))
    ),
    "grouped": lambda who, row: row.rampart_groups.filter(pk__in=_readable_groups(who)).exists(),
}
_REACH: dict[str, Callable[[Standing, type[Model]], Q]] = {
    "anyone": lambda who, model: _ALL,
    "owner": lambda who, model: Q(**{OWNER.get(model, "owner"): who.user}),
    "creator": lambda who, model: Q(created_by=who.user),
    "launcher": lambda who, model: Q(workflow_job__created_by=who.user),
    "shared": lambda who, model: Q(**{f"{SHARED[model]}__isnull": True}),
    "administrator": lambda who, model: _ALL if who.admin_of else _NONE,
    "seer": lambda who, model: _ALL if who.sees_everybody else _NONE,
    "scheduler": lambda who, model: Q(created_by=who.user) & _any_reach(_adding(model), who, model),
    "grouped": lambda who, model: Q(
        pk__in=InstanceGroup.instances.through.objects.filter(
            instancegroup__in=_readable_groups(who)
        ).values("instance")
    ),
}


def _adding(model: type[Model]) -> frozenset[Grant]:
    return _rules(model).get("add", _NOBODY)


def _any_reach(grants: frozenset[Grant], who: Standing, model: type[Model]) -> Q:
    reach = _NONE
    for grant in grants:
        reach |= _reach(grant, who, model)
    return reach


def _on_stands(grant: On, who: Standing, row: Any) -> bool:
    if grant.when is not None and _walk(row, grant.when[0]) != grant.when[1]:
        return False
    if who.everywhere(grant.kind, grant.role):
        return True
    pk = _id_at(row, grant.path)
    if pk is not None and pk in who.holding(grant.kind, grant.role, grant.verb):
        return True
    organizations = who.organizations(grant.kind, grant.role, grant.verb)
    if not organizations:
        return False
    return _id_at(row, _organization_at(grant)) in organizations


def _on_reach(grant: On, who: Standing) -> Q:
    narrow = Q(**dict([grant.when])) if grant.when else None
    if who.everywhere(grant.kind, grant.role):
        return narrow if narrow is not None else _ALL
    q = _NONE
    ids = who.holding(grant.kind, grant.role, grant.verb)
    if ids:
        q |= Q(**{f"{grant.path or 'pk'}__in": ids})
    organizations = who.organizations(grant.kind, grant.role, grant.verb)
    if organizations:
        q |= Q(**{f"{_organization_at(grant)}__in": organizations})
    return q & narrow if narrow is not None and q is not _NONE else q


def _organization_at(grant: On) -> str:
    """Only asked of kinds that have one: an organization's roles are implied by its own alone."""
    return f"{grant.path}__organization" if grant.path else "organization"


def _reach_of_activity(who: Standing) -> Q:
    def readable(model: type[Model]) -> QuerySet[Any] | None:
        reach = _reach_of_all(_rules(model).get("read", _NOBODY), who, model)
        return None if reach is _NONE else model._default_manager.filter(reach)

    return reach_of_activity(who, list(RULES), readable)


def _stands_to_role(grant: Grant, who: Standing, row: Role) -> bool:
    """A role is seen by whoever may see its object, and given by the object's administrators."""
    if row.system:
        return grant == "visible"
    needed = On(row.kind, "read_role" if grant == "visible" else "admin_role")
    return row.content_object is not None and _on_stands(needed, who, row.content_object)


def _reach_of_roles(grant: Grant, who: Standing) -> Q:
    q = Q(kind="") if grant == "visible" else _NONE
    for kind in (*PARENTS, *ROLELESS):
        needed = On(kind, "read_role" if grant == "visible" else "admin_role")
        if who.holding(kind, needed.role) or who.organizations(kind, needed.role):
            rows = people.model_of(kind)._default_manager.filter(_on_reach(needed, who))
            q |= Q(kind=kind, object_id__in=rows.order_by().values("pk"))
    return q
