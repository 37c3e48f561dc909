"""Which execution environment a job gets: AWX's order, one rule a test, and the reason given."""

from __future__ import annotations

from typing import Any

import pytest

from gantry.base.errors import JobFailure
from gantry.path.resolve import resolve_environment
from tests.journeys.world import World


def environment(name: str, **fields: Any) -> Any:
    from gantry.resources.models import ExecutionEnvironment

    return ExecutionEnvironment.objects.create(name=name, image=f"localhost/{name}:1", **fields)


@pytest.fixture
def rules(world: World) -> dict[str, Any]:
    """A template on which every rule has an answer; tests take away the stronger ones."""
    from gantry.resources.models import Organization

    other = Organization.objects.create(
        name="Owner of hosts", default_environment=environment("inventorys")
    )
    world.inventory.organization = other
    world.inventory.save()
    world.organization.default_environment = environment("organizations")
    world.organization.save()
    template = world.template(
        execution_environment=environment("templates"), ask_execution_environment_on_launch=True
    )
    template.project.default_environment = environment("projects")
    template.project.save()
    return {"template": template, "prompt": environment("prompts"), "world": world}


def without(rules: dict[str, Any], *stronger: str) -> Any:
    """The template with the answers of the stronger rules taken away."""
    template, world = rules["template"], rules["world"]
    if "template" in stronger:
        template.execution_environment = None
        template.save()
    if "project" in stronger:
        template.project.default_environment = None
        template.project.save()
    if "organization" in stronger:
        world.organization.default_environment = None
        world.organization.save()
    if "inventory" in stronger:
        world.inventory.organization.default_environment = None
        world.inventory.organization.save()
    template.refresh_from_db()
    return template


def answer(rules: dict[str, Any], template: Any, **prompts: Any) -> tuple[str, str]:
    """The EE's name and the reason, of a job launched now."""
    from gantry.resources.models import Job

    job = rules["world"].launch(template, **prompts)
    found = resolve_environment(Job.objects.get(pk=job.pk))
    return found.environment.name, found.reason


def test_first_what_the_launch_asked_for(rules: dict[str, Any]) -> None:
    given = answer(rules, without(rules), execution_environment=rules["prompt"].pk)
    assert given == ("prompts", "chosen at launch")


def test_then_the_templates_own(rules: dict[str, Any]) -> None:
    template = without(rules)
    assert answer(rules, template) == ("templates", f"job template {template.name}")


def test_then_the_projects_default(rules: dict[str, Any]) -> None:
    template = without(rules, "template")
    assert answer(rules, template) == ("projects", f"default of project {template.project.name}")


def test_then_the_organizations_default(rules: dict[str, Any]) -> None:
    template = without(rules, "template", "project")
    assert answer(rules, template) == ("organizations", "organization default of Acme")


def test_then_that_of_the_inventorys_organization(rules: dict[str, Any]) -> None:
    template = without(rules, "template", "project", "organization")
    assert answer(rules, template) == (
        "inventorys", "organization default of Owner of hosts, owner of inventory Local",
    )  # fmt: skip


def test_then_the_one_that_the_installation_has_as_its_default(rules: dict[str, Any]) -> None:
    from gantry.resources.models import Installation

    template = without(rules, "template", "project", "organization", "inventory")
    Installation.objects.update(default_environment=environment("chosen for all"))

    assert answer(rules, template) == ("chosen for all", "global default of this installation")


def test_then_the_global_one_that_the_setting_names(rules: dict[str, Any]) -> None:
    template = without(rules, "template", "project", "organization", "inventory")
    environment("a newer global one")
    assert answer(rules, template) == (
        "AWX EE (latest)", "global default: the image that GANTRY_GLOBAL_IMAGE names",
    )  # fmt: skip


def test_last_the_newest_global_one_that_is_not_managed(rules: dict[str, Any]) -> None:
    from gantry.resources.models import ExecutionEnvironment

    template = without(rules, "template", "project", "organization", "inventory")
    ExecutionEnvironment.objects.filter(name="AWX EE (latest)").delete()
    environment("newest")
    environment("newer but of an organization", organization=rules["world"].organization)
    environment("newer but managed", managed=True)
    assert answer(rules, template) == ("newest", "newest global execution environment")


def test_without_any_the_job_ends_in_awxs_words(rules: dict[str, Any]) -> None:
    from gantry.resources.models import ExecutionEnvironment

    template = without(rules)
    ExecutionEnvironment.objects.all().delete()
    template.refresh_from_db()
    with pytest.raises(JobFailure) as failure:
        answer(rules, template)
    assert failure.value.sentence == (
        "Job could not start because no Execution Environment could be found."
    )
    assert failure.value.status == "error"


def test_a_project_update_runs_in_the_control_planes_whatever_else_is_set(
    rules: dict[str, Any],
) -> None:
    from gantry.path.updates import update_project

    update = update_project(without(rules).project, user=None)
    found = resolve_environment(update)
    assert found.environment.name == "Control Plane Execution Environment"
    assert found.reason.startswith("control plane environment")


def test_a_template_shows_what_its_next_job_would_get(rules: dict[str, Any]) -> None:
    template = without(rules, "template")
    assert resolve_environment(template).environment.name == "projects"


def test_a_relaunch_keeps_the_environment_and_says_whose_it_was(rules: dict[str, Any]) -> None:
    from gantry.path.launch import relaunch_job
    from gantry.resources.models import Job

    world = rules["world"]
    first = world.launch(without(rules, "template", "project"))
    found = resolve_environment(Job.objects.get(pk=first.pk))
    Job.objects.filter(pk=first.pk).update(
        execution_environment=found.environment, ee_reason=found.reason
    )
    again = relaunch_job(Job.objects.get(pk=first.pk), user=world.admin)

    found = resolve_environment(Job.objects.get(pk=again.pk))
    assert found.environment.name == "organizations"
    assert found.reason == f"the same as in job {first.pk}, which this one repeats"
