"""The permission check: who may what, and that its two sides (a row, a table) agree."""

from __future__ import annotations

from typing import Any

import pytest


def _world() -> dict[str, Any]:
    """Two organizations with one of each, and users of every standing."""
    from gantry.resources.models import (
        Credential,
        CredentialType,
        ExecutionEnvironment,
        Group,
        Host,
        Inventory,
        Job,
        JobHostSummary,
        JobTemplate,
        Organization,
        Project,
        ProjectUpdate,
        UnifiedJob,
        UnifiedJobTemplate,
        User,
    )

    here = Organization.objects.get(name="Default")
    there = Organization.objects.create(name="There")
    users = {
        name: User.objects.create(username=name, is_system_auditor=name == "auditor")
        for name in ("auditor", "boss", "member", "owner", "nobody", "gone")
    }
    users["root"] = User.objects.get(username="admin")
    here.admins.add(users["boss"])
    here.users.add(users["member"], users["owner"])
    users["gone"].is_active = False
    users["gone"].save()
    kind = CredentialType.objects.get(namespace="ssh")
    Credential.objects.create(name="own", owner=users["owner"], credential_type=kind)
    for organization in (here, there):
        Credential.objects.create(name="c", organization=organization, credential_type=kind)
        ExecutionEnvironment.objects.create(
            name=f"ee {organization.pk}", image="a/b", organization=organization
        )
        inventory = Inventory.objects.create(name="i", organization=organization)
        host = Host.objects.create(name="h", inventory=inventory)
        Group.objects.create(name="g", inventory=inventory)
        project = Project.objects.create(kind="project", name="p", organization=organization)
        template = JobTemplate.objects.create(
            kind="job_template", name="t", project=project, organization=organization
        )
        job = Job.objects.create(kind="job", job_template=template, organization=organization)
        ProjectUpdate.objects.create(
            kind="project_update", project=project, organization=organization
        )
        JobHostSummary.objects.create(job=job, host=host, host_name="h")
    models = (
        Credential, CredentialType, ExecutionEnvironment, Group, Host, Inventory, Job,
        JobHostSummary, JobTemplate, Organization, Project, ProjectUpdate, UnifiedJob,
        UnifiedJobTemplate, User,
    )  # fmt: skip
    return {"users": users, "models": models, "here": here, "there": there, "ssh": kind}


def test_one_row_and_a_whole_table_give_the_same_answer(db: str) -> None:
    from gantry.resources.access import may, within
    from gantry.resources.models import User

    world = _world()
    for name in world["users"]:
        for model in world["models"]:
            for verb in ("read", "change", "delete", "use", "start", "update", "cancel"):
                user = User.objects.get(pk=world["users"][name].pk)
                found = set(within(user, verb, model.objects.all()).values_list("pk", flat=True))
                rows = {r.pk for r in model.objects.all() if may(user, verb, r)}
                # What even a superuser may not do is said of rows alone.
                managed = {r.pk for r in model.objects.all() if getattr(r, "managed", False)}
                assert rows - managed == found - managed, (name, verb, model)


@pytest.mark.parametrize(
    ("who", "verb", "where", "allowed"),
    [
        ("root", "delete", "there", True),
        ("auditor", "read", "there", True),
        ("auditor", "change", "here", False),
        ("boss", "change", "here", True),
        ("boss", "delete", "here", True),
        ("boss", "read", "there", False),
        ("boss", "change", "there", False),
        ("member", "read", "here", False),
        ("nobody", "read", "here", False),
        ("gone", "read", "here", False),
    ],
)
def test_what_organizations_own(db: str, who: str, verb: str, where: str, allowed: bool) -> None:
    from gantry.resources.access import may
    from gantry.resources.models import Host, Inventory, JobTemplate, Project

    world = _world()
    for model in (Inventory, JobTemplate, Project):
        row = model.objects.get(organization=world[where])
        assert may(world["users"][who], verb, row) is allowed
    host = Host.objects.get(inventory__organization=world[where])
    assert may(world["users"][who], verb, host) is allowed


def test_members_see_their_organization_and_its_environments(db: str) -> None:
    from gantry.resources.access import visible
    from gantry.resources.models import ExecutionEnvironment, Organization

    world = _world()
    member, nobody = world["users"]["member"], world["users"]["nobody"]
    assert [o.name for o in visible(member, Organization.objects.all())] == ["Default"]
    seen = set(visible(member, ExecutionEnvironment.objects.all()).values_list("name", flat=True))
    assert f"ee {world['here'].pk}" in seen
    assert f"ee {world['there'].pk}" not in seen
    assert "AWX EE (latest)" in seen
    shared = visible(nobody, ExecutionEnvironment.objects.all())
    assert all(e.organization is None for e in shared)


def test_an_owner_may_everything_with_their_credential(db: str) -> None:
    from gantry.resources.access import may
    from gantry.resources.models import Credential

    world = _world()
    own = Credential.objects.get(name="own")
    for verb in ("read", "use", "change", "delete"):
        assert may(world["users"]["owner"], verb, own)
        assert not may(world["users"]["boss"], verb, own)


def test_what_gantry_keeps_itself_nobody_changes(db: str) -> None:
    from gantry.resources.access import may
    from gantry.resources.models import ExecutionEnvironment

    world = _world()
    root = world["users"]["root"]
    managed = ExecutionEnvironment.objects.get(managed=True)
    assert may(root, "change", managed)
    assert not may(root, "delete", managed)
    assert not may(root, "change", world["ssh"])
    assert not may(root, "delete", world["ssh"])


def test_asking_often_costs_no_more_queries(db: str) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from gantry.resources.access import may
    from gantry.resources.models import Inventory, User

    _world()
    rows = list(Inventory.objects.all())
    boss = User.objects.get(username="boss")
    with CaptureQueriesContext(connection) as queries:
        for _ in range(20):
            for row in rows:
                may(boss, "change", row)
    assert len(queries) == 2
