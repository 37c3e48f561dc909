"""Who may do what to one object, and why: the API's access list in words, and its roles.

The answers are the API's own (`access_list/`, `object_roles/`), so that pages and clients tell the
same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from gantry.resources.activity import snake
from gantry.resources.credentials import Credential
from gantry.resources.instances import InstanceGroup
from gantry.resources.inventories import Inventory
from gantry.resources.organizations import Organization, Team
from gantry.resources.projects import Project
from gantry.resources.roles import Role
from gantry.resources.templates import JobTemplate
from gantry.resources.workflows import WorkflowJobTemplate
from gantry.web.ask import ask

SIZE = 25


@dataclass(frozen=True)
class Kind:
    """`api` is the list below /api/v2/; the others are names in gantry.web.urls."""

    model: type[Model]
    api: str
    list: str
    page: str


KINDS = {
    "organization": Kind(Organization, "organizations", "organizations", "organization"),
    "team": Kind(Team, "teams", "teams", "team"),
    "project": Kind(Project, "projects", "projects", "project"),
    "inventory": Kind(Inventory, "inventories", "inventories", "inventory"),
    "credential": Kind(Credential, "credentials", "credentials", "credential"),
    "template": Kind(JobTemplate, "job_templates", "templates", "template"),
    "workflow": Kind(WorkflowJobTemplate, "workflow_job_templates", "workflows", "workflow"),
    "instance-group": Kind(InstanceGroup, "instance_groups", "instance-groups", "instance-group"),
}
# AWX's type of a row -> the name of its page.
PAGES = {snake(kind.model.__name__): kind.page for kind in KINDS.values()}


@dataclass(frozen=True)
class Way:
    """One role, and how it comes to a person. `of` is ("user" or "team", id) where it can be taken
    away here."""

    role: int | None
    name: str
    why: str
    gives: list[str]
    of: tuple[str, int] | None = None


@dataclass
class Who:
    pk: int
    username: str
    name: str
    ways: list[Way] = field(default_factory=list)


@dataclass(frozen=True)
class Listed:
    people: list[Who]
    count: int
    number: int
    pages: int


def people(request: HttpRequest, kind: Kind, pk: int, words: str, number: int) -> Listed:
    query = {"page": number, "page_size": SIZE}
    if words:
        query["username__icontains"] = words  # type: ignore[assignment]
    data = ask(request, "GET", f"{kind.api}/{pk}/access_list/?{urlencode(query)}").data
    found = [_who(row) for row in data["results"]]
    return Listed(found, data["count"], number, max(1, -(-data["count"] // SIZE)))


def _who(row: dict[str, Any]) -> Who:
    name = f"{row['first_name']} {row['last_name']}".strip()
    who = Who(row["id"], row["username"], name)
    more = row["summary_fields"]
    who.ways += [_direct(entry, row["id"]) for entry in more["direct_access"]]
    who.ways += [_indirect(entry) for entry in more["indirect_access"]]
    return who


def _direct(entry: dict[str, Any], user: int) -> Way:
    role = entry["role"]
    team = role.get("team_id")
    why = f"as a member of the team {role['team_name']}" if team else "given to this person"
    of = ("team", team) if team else ("user", user)
    able = role["user_capabilities"]["unattach"]
    return Way(role["id"], role["name"], why, _gives(entry), of if able else None)


def _indirect(entry: dict[str, Any]) -> Way:
    role = entry["role"]
    if role["id"] is None:
        return Way(None, role["name"], "of the whole system", _gives(entry))
    kind = str(role["resource_type"]).replace("_", " ")
    return Way(role["id"], role["name"], f"of the {kind} {role['resource_name']}", _gives(entry))


def _gives(entry: dict[str, Any]) -> list[str]:
    """What that role lets one do here, in a word each."""
    words = {name.removesuffix("_role").replace("_", " ") for name in entry["descendant_roles"]}
    return sorted(words)


def roles(request: HttpRequest, kind: Kind, pk: int) -> list[dict[str, Any]]:
    """The object's roles as the API tells them: id, name, description."""
    data = ask(request, "GET", f"{kind.api}/{pk}/object_roles/?page_size=200").data
    return list(data["results"])


def teams(of: list[dict[str, Any]]) -> list[tuple[Team, Role]]:
    """The teams that hold one of these roles."""
    rows = Role.objects.filter(pk__in=[role["id"] for role in of])
    held = rows.prefetch_related("teams__organization")
    return [(team, role) for role in held for team in role.teams.all()]


def url(name: str, *args: Any) -> str:
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
