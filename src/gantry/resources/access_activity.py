"""Which entries of the activity stream a person sees. AWX: ActivityStreamAccess.

An entry is seen by whoever sees one of the things it is about. Of people, organizations, labels and
roles an organization's administrators and auditors see theirs; entries about kinds that are not
named here (execution environments, schedules, settings) and about what is gone are for the
system's administrators and auditors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Model, Q, QuerySet

from gantry.resources.activity import ActivityStream, about, kind_name
from gantry.resources.labels import Label
from gantry.resources.organizations import Team
from gantry.resources.roles import Role
from gantry.resources.standing import Standing

# Kinds whose entries are seen by whoever may read the thing itself.
_AS_THE_THING = {
    "inventory", "host", "group", "inventory_source", "inventory_update", "ad_hoc_command",
    "credential", "project", "project_update", "job_template", "job", "workflow_job_template",
    "workflow_job_template_node", "workflow_job", "o_auth2_application", "o_auth2_access_token",
}  # fmt: skip
# All rows of a model that a person may read; None where there is no way to any.
Readable = Callable[[type[Model]], QuerySet[Any] | None]


def reach_of_activity(who: Standing, models: list[type[Model]], readable: Readable) -> Q:
    q = about("user", [who.user])
    for model in models:
        if kind_name(model) in _AS_THE_THING:
            q |= _about(model, readable(model))
    q |= _about(Team, _held_teams(who))
    audited = who.holding("organization", "admin_role") | who.holding(
        "organization", "auditor_role"
    )
    return q | _of_organizations(audited, readable) if audited else q


def _about(model: type[Model], rows: QuerySet[Any] | None) -> Q:
    if rows is None:
        return Q(pk__in=[])
    kind, ids = kind_name(model), rows.order_by().values("pk")
    q = Q()
    for side in ("object1", "object2"):
        # Of those alone that an entry names: a person may read a hundred thousand jobs.
        named = ActivityStream.objects.filter(**{side: kind}).order_by().values(f"{side}_id")
        q |= Q(**{side: kind, f"{side}_id__in": ids.filter(pk__in=named)})
    return q


def _held_teams(who: Standing) -> QuerySet[Any] | None:
    """Narrower than what one sees of teams: AWX asks for the read role itself."""
    own, above = who.holding("team", "read_role"), who.organizations("team", "read_role")
    if not (own or above):
        return None
    return Team.objects.filter(Q(pk__in=own) | Q(organization__in=above))


def _of_organizations(ids: frozenset[int], readable: Readable) -> Q:
    members = Role.objects.filter(
        kind="organization", role_field="member_role", object_id__in=ids, members__isnull=False
    )
    q = about("organization", ids)
    q |= about("user", members.order_by().values("members"))
    q |= _about(Label, Label.objects.filter(organization__in=ids))
    roles = readable(Role)
    return q if roles is None else q | Q(role_id__in=roles.order_by().values("pk"))
