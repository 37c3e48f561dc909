"""The one permission check: may this user do this to that row? Called by API, web, CLI and launch.

Who stands how to a row (administrator of its organization, its owner, ...) is a role; what a role
may do is the table RULES. A role is asked in two ways that must agree: of one row in `_holds`, of a
whole table in `_reach`. Roles that are granted row by row (AWX's RBAC) come as further roles here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, Q, QuerySet

from gantry.resources.builds import EnvironmentBuild, EnvironmentDefinition
from gantry.resources.credentials import Credential, CredentialType
from gantry.resources.environments import EnvironmentDigest, ExecutionEnvironment
from gantry.resources.events import JobEvent
from gantry.resources.inventories import Group, Host, Inventory
from gantry.resources.jobs import Job, JobHostSummary, ProjectUpdate, UnifiedJob
from gantry.resources.organizations import Organization, User
from gantry.resources.projects import Project
from gantry.resources.templates import JobTemplate, UnifiedJobTemplate
from gantry.resources.tokens import OAuth2AccessToken, OAuth2Application

M = TypeVar("M", bound=Model)
Verb = Literal["read", "add", "change", "delete", "use", "start", "update", "cancel", "adhoc"]
Role = Literal[
    "anyone", "auditor", "org_admin", "org_member", "any_admin", "owner", "self", "shared"
]
Person = User | AnonymousUser

# From a row to its organization; "" means that the row is the organization.
ORGANIZATION: dict[type[Model], str] = {
    Organization: "",
    Credential: "organization",
    ExecutionEnvironment: "organization",
    EnvironmentBuild: "organization",
    EnvironmentDefinition: "environment__organization",
    EnvironmentDigest: "environment__organization",
    Inventory: "organization",
    Host: "inventory__organization",
    Group: "inventory__organization",
    Project: "organization",
    JobTemplate: "organization",
    UnifiedJobTemplate: "organization",
    UnifiedJob: "organization",
    Job: "organization",
    ProjectUpdate: "organization",
    JobEvent: "job__organization",
    JobHostSummary: "job__organization",
    OAuth2Application: "organization",
    OAuth2AccessToken: "application__organization",
}
# The foreign key to a row's "owner", where there is one.
OWNER: dict[type[Model], str] = {OAuth2AccessToken: "user"}

_NOBODY: frozenset[Role] = frozenset()
_ADMIN: frozenset[Role] = frozenset({"org_admin"})
_SEE: frozenset[Role] = frozenset({"org_admin", "auditor"})
_OWNED: dict[str, frozenset[Role]] = {
    "read": _SEE,
    "add": _ADMIN,
    "change": _ADMIN,
    "delete": _ADMIN,
    "use": _ADMIN,
    "start": _ADMIN,
    "update": _ADMIN,
    "cancel": _ADMIN,
    "adhoc": _ADMIN,
}
# Superusers may do everything that somebody may; `_never` says what even they may not.
RULES: dict[type[Model], dict[str, frozenset[Role]]] = {
    **dict.fromkeys(ORGANIZATION, _OWNED),
    Organization: {
        "read": _SEE | {"org_member"},
        "add": _NOBODY,
        "change": _ADMIN,
        "delete": _ADMIN,
        "use": _ADMIN,
    },
    ExecutionEnvironment: {**_OWNED, "read": _SEE | {"org_member", "shared"}},
    EnvironmentDefinition: {**_OWNED, "read": _SEE | {"org_member", "shared"}},
    EnvironmentDigest: {"read": _SEE | {"org_member", "shared"}},
    Credential: {k: v | {"owner"} for k, v in _OWNED.items()},
    CredentialType: {"read": frozenset({"anyone"})},
    OAuth2Application: {**_OWNED, "read": _SEE | {"org_member"}},
    OAuth2AccessToken: {k: v | {"owner"} for k, v in _OWNED.items()},
    User: {
        # AWX's ORG_ADMINS_CAN_SEE_ALL_USERS, on by default
        "read": frozenset({"self", "auditor", "any_admin", "org_member"}),
        "change": frozenset({"self", "org_admin"}),
        "delete": _ADMIN,
        "add": _ADMIN,
    },
}


@dataclass(frozen=True)
class Standing:
    """What a user is, read once a request: the answer to every later question costs no query."""

    user: int
    superuser: bool
    auditor: bool
    admin_of: frozenset[int]
    member_of: frozenset[int]


def standing(user: Person) -> Standing:
    """Kept on the user object, which lives as long as a request."""
    known = getattr(user, "_standing", None)
    if isinstance(known, Standing):
        return known
    if not isinstance(user, User) or not user.is_active:
        return Standing(0, False, False, frozenset(), frozenset())
    admin_of = frozenset(user.admin_of_organizations.values_list("pk", flat=True))
    member_of = frozenset(user.organizations.values_list("pk", flat=True)) | admin_of
    found = Standing(user.pk, user.is_superuser, user.is_system_auditor, admin_of, member_of)
    user._standing = found  # type: ignore[attr-defined]
    return found


def may(user: Person, verb: str, row: Model) -> bool:
    """Whether `user` may do `verb` to `row`; "add" is asked of the row as it would be saved."""
    if _never(verb, row):
        return False
    who = standing(user)
    if not who.user:
        return False
    if who.superuser:
        return True
    roles = _rules(type(row)).get(verb, _NOBODY)
    return any(_holds(role, who, row) for role in roles)


def may_add(user: Person, model: type[Model]) -> bool:
    """Whether there is any place where `user` may add such a row."""
    who = standing(user)
    if who.superuser:
        return True
    roles = _rules(model).get("add", _NOBODY)
    if "owner" in roles and who.user:
        return True
    return "org_admin" in roles and bool(who.admin_of)


def visible(user: Person, queryset: QuerySet[M]) -> QuerySet[M]:
    """The part of `queryset` that `user` may read."""
    return within(user, "read", queryset)


def within(user: Person, verb: str, queryset: QuerySet[M]) -> QuerySet[M]:
    """The part of `queryset` to which `user` may do `verb`, in one query."""
    who = standing(user)
    if not who.user:
        return queryset.none()
    roles = _rules(queryset.model).get(verb, _NOBODY)
    if who.superuser or "anyone" in roles or (who.auditor and "auditor" in roles):
        return queryset
    reach = Q(pk__in=[])
    for role in roles:
        reach |= _reach(role, who, queryset.model)
    return queryset.filter(reach)


def _rules(model: type[Model]) -> dict[str, frozenset[Role]]:
    return RULES.get(model, {})


def _never(verb: str, row: Model) -> bool:
    """Rows that Gantry keeps itself. AWX: `always_allow_superuser = False` on these views."""
    if isinstance(row, CredentialType):
        return row.managed and verb in ("change", "delete")
    return isinstance(row, ExecutionEnvironment) and row.managed and verb == "delete"


def _organization(row: Model) -> int | None:
    path = ORGANIZATION.get(type(row))
    if path is None:
        return None
    if path == "":
        return cast("int | None", row.pk)
    *parents, last = path.split("__")
    at: Any = row
    for parent in parents:
        at = getattr(at, parent)
        if at is None:
            return None
    return cast("int | None", getattr(at, f"{last}_id"))


def _holds(role: Role, who: Standing, row: Model) -> bool:
    if isinstance(row, User):
        return _holds_over_user(role, who, row)
    if role == "owner":
        return getattr(row, f"{OWNER.get(type(row), 'owner')}_id", None) == who.user
    if role in ("anyone", "auditor"):
        return role == "anyone" or who.auditor
    organization = _organization(row)
    if role == "shared":
        return organization is None
    return organization in (who.admin_of if role == "org_admin" else who.member_of)


def _holds_over_user(role: Role, who: Standing, row: User) -> bool:
    """AWX's UserAccess: whoever administers all of a person's organizations administers them."""
    if role in ("self", "auditor"):
        return row.pk == who.user if role == "self" else who.auditor
    if role == "any_admin":
        return bool(who.admin_of)
    if row.pk is None:
        return role == "org_admin" and bool(who.admin_of)
    theirs = set(row.organizations.values_list("pk", flat=True))
    theirs |= set(row.admin_of_organizations.values_list("pk", flat=True))
    if role == "org_admin":
        above = row.is_superuser or row.is_system_auditor
        return not above and bool(theirs) and theirs <= who.admin_of
    return role == "org_member" and bool(theirs & who.member_of)


def _reach(role: Role, who: Standing, model: type[Model]) -> Q:
    if model is User:
        return _reach_of_users(role, who)
    path = ORGANIZATION.get(model)
    if role == "owner":
        return Q(**{OWNER.get(model, "owner"): who.user})
    if role == "shared":
        return Q(**{f"{path}__isnull": True})
    if role in ("org_admin", "org_member") and path is not None:
        among = who.admin_of if role == "org_admin" else who.member_of
        return Q(**{f"{path}__in" if path else "pk__in": among})
    return Q(pk__in=[])


def _reach_of_users(role: Role, who: Standing) -> Q:
    if role == "self":
        return Q(pk=who.user)
    if role == "any_admin" and who.admin_of:
        return ~Q(pk__in=[])
    if role == "org_member":
        mates = Organization.objects.filter(pk__in=who.member_of)
        return Q(pk__in=mates.values("users")) | Q(pk__in=mates.values("admins"))
    return Q(pk__in=[])
