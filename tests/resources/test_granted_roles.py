"""Every role, granted in every way: a row and a table give one answer, and what implies what."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from tests.api.world import build

VERBS = ("read", "change", "delete", "use", "start", "update", "cancel", "adhoc")


@pytest.fixture
def world(db: str) -> dict[str, Any]:
    """Kind of object -> the one of organization Default; there is one of each elsewhere too."""
    from gantry.resources import models as m

    ids = build()
    there = m.Organization.objects.create(name="There")
    project = m.Project.objects.create(kind="project", name="p", organization=there)
    inventory = m.Inventory.objects.create(name="i", organization=there)
    m.Host.objects.create(name="h", inventory=inventory)
    template = m.JobTemplate.objects.create(
        kind="job_template", name="t", organization=there, project=project, inventory=inventory
    )
    m.Job.objects.create(
        kind="job", job_template=template, unified_job_template=template, organization=there
    )
    m.Credential.objects.create(
        name="c", organization=there, credential_type=m.CredentialType.objects.first()
    )
    m.Team.objects.create(name="theirs", organization=there)
    m.InstanceGroup.objects.create(name="others").instances.add(
        m.Instance.objects.create(hostname="another")
    )
    m.User.objects.create(username="mate")
    m.Organization.objects.get(name="Default").users.add(m.User.objects.get(username="mate"))
    return {
        "organization": m.Organization.objects.get(pk=ids["organizations"]),
        "team": m.Team.objects.get(pk=ids["teams"]),
        "project": m.Project.objects.get(pk=ids["projects"]),
        "inventory": m.Inventory.objects.get(pk=ids["inventories"]),
        "credential": m.Credential.objects.get(pk=ids["credentials"]),
        "instancegroup": m.InstanceGroup.objects.get(pk=ids["instance_groups"]),
        "jobtemplate": m.JobTemplate.objects.get(pk=ids["job_templates"]),
        "workflowjobtemplate": m.WorkflowJobTemplate.objects.get(pk=ids["workflow_job_templates"]),
    }


def every_role() -> list[tuple[str, str]]:
    from gantry.resources.role_names import PARENTS

    return [(kind, name) for kind, names in PARENTS.items() for name in names]


def holder(how: str, kind: str, role: str, world: dict[str, Any]) -> Any:
    """A new person who holds the role: given to them, or to a team of theirs."""
    from gantry.resources.models import Team, User
    from gantry.resources.roles import role_on

    user = User.objects.create(username=f"{how} {kind} {role}")
    granted = role_on(world[kind], role)
    if how == "person":
        granted.members.add(user)
    else:
        team = Team.objects.create(name=user.username, organization=world["organization"])
        granted.teams.add(team)
        team.users.add(user)
    return user


def _disagreements(user: Any) -> list[tuple[str, str]]:
    """(model, verb) of which a row and the table give different answers."""
    from gantry.resources.access import RULES, may, within

    found = []
    for model in RULES:
        rows = list(model._default_manager.all())
        for verb in VERBS:
            among = within(user, verb, model._default_manager.all())
            in_table = set(among.values_list("pk", flat=True))
            if {row.pk for row in rows if _may(may, user, verb, row)} != in_table:
                found.append((model.__name__, verb))
    return found


def _may(may: Any, user: Any, verb: str, row: Model) -> bool:
    return bool(may(user, verb, row))


@pytest.mark.parametrize("how", ["person", "team"])
def test_a_row_and_a_table_agree_forevery_role(world: dict[str, Any], how: str) -> None:
    wrong = {}
    for kind, role in every_role():
        user = holder(how, kind, role, world)
        found = _disagreements(user)
        if found:
            wrong[kind, role] = found
    assert wrong == {}


def test_what_is_held_and_a_list_of_it_agree(world: dict[str, Any]) -> None:
    from gantry.resources.access import holding, holds
    from gantry.resources.roles import model_of

    for kind, role in every_role():
        user = holder("person", kind, role, world)
        for of, name in every_role():
            rows = model_of(of).objects.all()
            listed = set(holding(user, name, rows).values_list("pk", flat=True))
            assert {r.pk for r in rows if holds(user, name, r)} == listed, (kind, role, of, name)


@pytest.mark.parametrize(
    ("role", "implied"),
    [
        ("jobtemplate.execute_role", {"jobtemplate.read_role"}),
        ("jobtemplate.read_role", set()),
        ("inventory.adhoc_role", {"inventory.use_role", "inventory.read_role"}),
        ("project.update_role", {"project.read_role"}),
        ("credential.admin_role", {"credential.use_role", "credential.read_role"}),
        ("organization.member_role", {"organization.read_role"}),
        (
            "organization.auditor_role",
            {f"{kind}.read_role" for kind in ("organization", "team", "project", "inventory",
                                              "credential", "jobtemplate", "workflowjobtemplate")},
        ),
        (
            "organization.execute_role",
            {"organization.read_role", "jobtemplate.execute_role", "jobtemplate.read_role",
             "workflowjobtemplate.execute_role", "workflowjobtemplate.read_role"},
        ),
        (
            "organization.project_admin_role",
            {"organization.read_role",
             *(f"project.{n}_role" for n in ("admin", "use", "update", "read"))},
        ),
    ],
)  # fmt: skip
def test_what_a_role_implies(world: dict[str, Any], role: str, implied: set[str]) -> None:
    from gantry.resources.access import holds

    user = holder("person", *role.split("."), world)
    held = {f"{of}.{name}" for of, name in every_role() if holds(user, name, world[of])}
    assert held == implied | {role}


def test_an_organizations_administrator_holds_everything_in_it(world: dict[str, Any]) -> None:
    from gantry.resources.access import holds

    user = holder("person", "organization", "admin_role", world)
    for kind, role in every_role():
        # To audit is no part of administering, as in AWX; instance groups belong to nobody.
        within = role != "auditor_role" and kind != "instancegroup"
        assert holds(user, role, world[kind]) is within, (kind, role)


def test_a_team_in_a_team(world: dict[str, Any]) -> None:
    """Members of a team that was given membership of another have what that one has."""
    from gantry.resources.access import holds
    from gantry.resources.models import Team
    from gantry.resources.roles import role_on

    inner = holder("team", "team", "member_role", world)
    role_on(world["inventory"], "use_role").teams.add(world["team"])
    assert holds(inner, "use_role", world["inventory"])
    outer = Team.objects.get(name=inner.username)
    role_on(outer, "member_role").teams.add(world["team"])  # a circle ends
    again = type(inner).objects.get(pk=inner.pk)
    assert holds(again, "use_role", world["inventory"])


def test_roles_come_and_go_with_their_objects(world: dict[str, Any]) -> None:
    from gantry.resources.models import Inventory, Organization, Role
    from gantry.resources.role_names import PARENTS
    from gantry.resources.roles import roles_of

    made = Inventory.objects.create(name="new", organization=world["organization"])
    assert list(roles_of([made])[made.pk]) == list(PARENTS["inventory"])
    Organization.objects.get(pk=made.organization_id).delete()
    assert not Role.objects.filter(kind="inventory", object_id=made.pk).exists()
    # Made in bulk, which sends no signal: they are there as soon as somebody asks.
    there = Organization.objects.get(name="There")
    bulk = Inventory.objects.bulk_create([Inventory(name="bulk", organization=there)])[0]
    assert len(roles_of([bulk])[bulk.pk]) == len(PARENTS["inventory"])


def test_standing_costs_the_same_however_much_is_held(world: dict[str, Any]) -> None:
    from gantry.resources.access import standing
    from gantry.resources.models import Inventory, User
    from gantry.resources.roles import role_on

    user = holder("team", "inventory", "use_role", world)

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            standing(User.objects.get(pk=user.pk))
        return len(queries)

    before = cost()
    for n in range(5):
        row = Inventory.objects.create(name=f"n{n}", organization=world["organization"])
        role_on(row, "use_role").members.add(user)
    assert cost() == before
