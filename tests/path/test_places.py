"""AWX's order of the groups that a job may run in, and how many forks it takes."""

from __future__ import annotations

from typing import Any

import pytest

from gantry.base.errors import Forbidden, InvalidInput


@pytest.fixture
def world(db: str) -> dict[str, Any]:
    from gantry.resources import models as m
    from tests.api.world import build

    ids = build()
    rows = {
        "template": m.JobTemplate.objects.get(pk=ids["job_templates"]),
        "inventory": m.Inventory.objects.get(pk=ids["inventories"]),
        "organization": m.Organization.objects.get(pk=ids["organizations"]),
    }
    rows["template"].survey_enabled = False
    rows["template"].save()
    return rows | {
        name: m.InstanceGroup.objects.create(name=name) for name in ("one", "two", "three", "four")
    }


def launch(world: dict[str, Any], **prompts: Any) -> Any:
    from gantry.path.launch import launch_job

    return launch_job(world["template"], user=None, prompts=prompts).job


def names(job: Any) -> list[str]:
    from gantry.resources.models import InstanceGroup

    rows = InstanceGroup.objects.in_bulk(job.preferred_groups)
    return [rows[pk].name for pk in job.preferred_groups]


def test_template_then_inventory_then_organization_each_in_its_order(
    world: dict[str, Any],
) -> None:
    world["template"].instance_groups.add(world["two"])
    world["template"].instance_groups.add(world["one"])
    world["inventory"].instance_groups.add(world["three"], world["two"])
    world["organization"].instance_groups.add(world["four"])

    assert names(launch(world)) == ["two", "one", "three", "four"]


@pytest.mark.parametrize(("who", "left"), [("template", ["one"]), ("inventory", ["one", "two"])])
def test_a_fallback_that_is_prevented_does_not_happen(
    world: dict[str, Any], who: str, left: list[str]
) -> None:
    levels = (("template", "one"), ("inventory", "two"), ("organization", "three"))
    for level, name in levels:
        world[level].instance_groups.add(world[name])
    world[who].prevent_instance_group_fallback = True
    world[who].save()

    assert names(launch(world)) == left


def test_where_nobody_chose_the_claim_decides(world: dict[str, Any]) -> None:
    assert launch(world).preferred_groups == []


def test_a_launch_names_the_groups_where_the_template_asks(world: dict[str, Any]) -> None:
    from gantry.path.launch import relaunch_job

    world["template"].ask_instance_groups_on_launch = True
    world["template"].instance_groups.add(world["one"])
    world["organization"].instance_groups.add(world["four"])
    job = launch(world, instance_groups=[world["three"].pk, world["two"].pk])

    assert names(job) == ["three", "two"]
    world["template"].refresh_from_db()
    assert names(relaunch_job(job, user=None)) == ["three", "two"]


def test_groups_are_ignored_where_the_template_does_not_ask(world: dict[str, Any]) -> None:
    from gantry.path.launch import launch_job

    given = {"instance_groups": [world["three"].pk]}
    launched = launch_job(world["template"], user=None, prompts=given)
    assert launched.ignored_fields == given
    assert launched.job.preferred_groups == []


def test_a_launch_brings_only_groups_that_its_person_may_use(world: dict[str, Any]) -> None:
    from gantry.path.launch import launch_job
    from gantry.resources.models import User
    from gantry.resources.roles import role_on

    template = world["template"]
    template.ask_instance_groups_on_launch = True
    template.save()
    user = User.objects.create(username="operator")
    role_on(template, "execute_role").members.add(user)
    prompts = {"instance_groups": [world["three"].pk]}
    with pytest.raises(InvalidInput, match="object does not exist"):
        launch_job(template, user=User.objects.get(pk=user.pk), prompts=prompts)
    role_on(world["three"], "read_role").members.add(user)
    with pytest.raises(Forbidden):
        launch_job(template, user=User.objects.get(pk=user.pk), prompts=prompts)
    role_on(world["three"], "use_role").members.add(user)
    job = launch_job(template, user=User.objects.get(pk=user.pk), prompts=prompts).job
    assert names(job) == ["three"]


@pytest.mark.parametrize(
    ("hosts", "forks", "impact"), [(1, 0, 2), (9, 0, 6), (9, 3, 4), (2, 50, 3), (0, 0, 1)]
)
def test_a_job_takes_a_fork_for_each_host_at_once_and_one_more(
    world: dict[str, Any], hosts: int, forks: int, impact: int
) -> None:
    from gantry.resources.models import Host

    Host.objects.all().delete()
    for number in range(hosts):
        Host.objects.create(name=f"h{number}", inventory=world["inventory"])
    world["template"].forks = forks
    world["template"].save()
    assert launch(world).task_impact == impact


def test_syncs_of_projects_run_on_the_control_plane(world: dict[str, Any]) -> None:
    from gantry.path.updates import update_project

    world["organization"].instance_groups.add(world["four"])
    update = update_project(world["template"].project, user=None)
    assert names(update) == ["controlplane"]
    assert update.task_impact == 1


def test_a_build_runs_where_its_definition_says(world: dict[str, Any]) -> None:
    from gantry.path.build import build_environment
    from gantry.resources.models import EnvironmentDefinition

    definition = EnvironmentDefinition.objects.get()
    definition.text = "version: 3\nimages: {base_image: {name: localhost/x:1}}"
    definition.save()
    world["organization"].instance_groups.add(world["four"])
    environment = definition.environment
    assert names(build_environment(environment, user=None)) == ["four"]

    definition.instance_group = world["two"]
    definition.save()
    assert names(build_environment(environment, user=None)) == ["two"]

    world["two"].is_container_group = True
    world["two"].save()
    with pytest.raises(InvalidInput, match="no container engine to build with"):
        build_environment(environment, user=None)
