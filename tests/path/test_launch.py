"""The one launch function: passwords asked for, what it waits for, relaunch and cancel."""

from __future__ import annotations

from typing import Any

import pytest

from gantry.base.errors import InvalidInput
from gantry.path.launch import (
    ASK,
    NotCancelable,
    ResourcesNeeded,
    cancel_job,
    launch_job,
    launch_preview,
    relaunch_job,
    start_secrets,
)
from gantry.path.updates import update_project
from tests.journeys.world import World


@pytest.fixture
def asking(world: World) -> Any:
    """A template whose credentials ask for every password there is."""
    template = world.template()
    template.credentials.set([
        world.credential("ssh", {"username": "x", "password": ASK, "ssh_key_unlock": ASK,
                                 "become_password": ASK}),
        world.credential("vault", {"vault_password": ASK}, "vault"),
        world.credential("vault", {"vault_password": ASK, "vault_id": "prod"}, "vault prod"),
    ])  # fmt: skip
    return template


NEEDED = {"ssh_password", "ssh_key_unlock", "become_password", "vault_password",
          "vault_password.prod"}  # fmt: skip


def test_passwords_that_are_asked_for_must_be_given(world: World, asking: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        launch_job(asking, user=world.admin, prompts={}, passwords={"ssh_password": "x"})

    assert refused.value.field == "passwords_needed_to_start"
    assert set(refused.value.values) == NEEDED - {"ssh_password"}
    assert set(launch_preview(asking)["passwords_needed_to_start"]) == NEEDED
    assert launch_preview(asking)["can_start_without_user_input"] is False


def test_passwords_are_sealed_in_the_row_and_others_are_dropped(world: World, asking: Any) -> None:
    given = {name: f"answer to {name}" for name in NEEDED}

    job = launch_job(
        asking, user=world.admin, prompts={}, passwords={**given, "not_asked": "drop me"}
    ).job

    assert start_secrets(job) == given
    assert "answer" not in job.start_secrets
    assert "drop" not in job.start_secrets


def test_a_job_that_ended_keeps_no_password(world: World, asking: Any) -> None:
    from gantry.path import states

    given = {name: f"answer to {name}" for name in NEEDED}
    job = launch_job(asking, user=world.admin, prompts={}, passwords=given).job

    states.end(job, status="canceled")

    job.refresh_from_db()
    assert start_secrets(job) == {}


@pytest.mark.parametrize("lacking", ["project", "inventory", "playbook"])
def test_a_template_without_what_a_job_needs_is_not_launched(world: World, lacking: str) -> None:
    template = world.template()
    setattr(template, lacking, None if lacking != "playbook" else "")
    template.save()

    with pytest.raises(ResourcesNeeded):
        world.launch(template)


def test_the_job_is_a_copy_that_later_changes_of_the_template_do_not_touch(world: World) -> None:
    template = world.template(limit="web", extra_vars='{"a": 1}', forks=3)
    job = world.launch(template)
    template.refresh_from_db()
    template.limit, template.forks = "db", 9
    template.save()

    job.refresh_from_db()
    assert (job.limit, job.forks, job.status, job.created_by) == ("web", 3, "pending", world.admin)
    assert job.organization == template.project.organization
    template.refresh_from_db()
    assert (template.current_job_id, template.status) == (job.pk, "pending")


def on_launch(world: World, **fields: Any) -> Any:
    template = world.template()
    type(template.project).objects.filter(pk=template.project.pk).update(
        scm_update_on_launch=True, **fields
    )
    template.project.refresh_from_db()
    return template


def test_a_stale_tree_is_updated_first_and_a_fresh_one_is_not(world: World) -> None:
    stale = world.launch(on_launch(world))
    fresh = world.launch(on_launch(world, scm_update_cache_timeout=3600))

    [update] = stale.dependencies.all()
    assert (update.kind, update.launch_type, update.status) == (
        "project_update", "dependency", "pending",
    )  # fmt: skip
    assert stale.project_update.pk == update.pk
    assert not fresh.dependencies.exists()


def test_two_jobs_wait_for_one_update_that_waits_itself(world: World) -> None:
    template = on_launch(world)
    jobs = [world.launch(template) for _ in range(2)]

    assert len({job.project_update_id for job in jobs}) == 1


@pytest.mark.parametrize(("timeout", "shared"), [(0, False), (60, True)])
def test_an_update_that_runs_serves_where_a_cached_tree_would(
    world: World, timeout: int, shared: bool
) -> None:
    from gantry.resources.models import ProjectSnapshot, ProjectUpdate

    template = on_launch(world, scm_update_cache_timeout=timeout)
    ProjectSnapshot.objects.update(created="2020-01-01T00:00:00Z")
    first = world.launch(template)
    ProjectUpdate.objects.filter(pk=first.project_update_id).update(status="running")

    second = world.launch(template)

    assert (second.project_update_id == first.project_update_id) is shared


def test_another_branch_needs_an_update_of_its_own(world: World) -> None:
    template = on_launch(world, allow_override=True, scm_update_cache_timeout=3600)
    template.ask_scm_branch_on_launch = True

    job = world.launch(template, scm_branch="feature")

    assert job.project_update.scm_branch == "feature"


def test_only_git_projects_with_a_network_url_are_updated(world: World) -> None:
    project = world.project({"site.yml": ""})
    for field, value in (("scm_url", "/etc"), ("scm_type", "")):
        setattr(project, field, value)
        with pytest.raises(InvalidInput) as refused:
            update_project(project, user=world.admin)
        assert refused.value.field == field


def test_a_relaunch_repeats_the_prompts_and_may_take_the_failed_hosts_only(world: World) -> None:
    from gantry.resources.models import Job, JobHostSummary

    template = world.template(ask_limit_on_launch=True, ask_variables_on_launch=True)
    job = world.launch(template, limit="all", extra_vars={"a": 1})
    with pytest.raises(InvalidInput) as none_failed:
        relaunch_job(job, user=world.admin, hosts="failed")
    for name in ("alpha", "beta", "gamma"):
        JobHostSummary.objects.create(job=job, host_name=name, failed=name != "alpha")

    again = relaunch_job(job, user=world.admin)
    failed = relaunch_job(job, user=world.admin, hosts="failed")

    assert none_failed.value.sentence == (
        "Cannot relaunch because previous job had 0 failed hosts."
    )
    assert (again.limit, again.extra_vars, again.launch_type) == ("all", job.extra_vars, "relaunch")
    assert set(failed.limit.split(",")) == {"beta", "gamma"}
    assert Job.objects.count() == 3


def test_a_cancel_marks_active_jobs_and_refuses_others(world: World) -> None:
    from gantry.path import states

    job = world.launch(world.template())
    cancel_job(job, user=world.admin)
    job.refresh_from_db()
    assert job.cancel_flag is True
    states.end(job, status="canceled")

    with pytest.raises(NotCancelable):
        cancel_job(job, user=world.admin)
