"""Bad input: each mistake ends in a class, a sentence that names it, and a cure that mends it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from tests.journeys.git_server import host_address
from tests.journeys.outcome import ended, output, run, told
from tests.journeys.registry import free_port
from tests.journeys.world import PING, World


async def failed(world: World, template: Callable[[], Any], **prompts: Any) -> Any:
    job = await run(world, await in_thread(template)(), **prompts)
    assert job.failed
    assert job.failure_cure, told(job)
    return job


async def test_a_missing_playbook_names_those_that_are_there(world: World, control: Any) -> None:
    def template() -> Any:
        made = world.template({"site.yml": PING, "deploy.yml": PING})
        made.playbook = "stie.yml"
        made.save()
        return made

    job = await failed(world, template)

    assert (job.status, job.failure_class) == ("error", "playbook_missing"), told(job)
    assert "stie.yml" in job.job_explanation
    assert "site.yml, deploy.yml" in job.failure_cure
    assert job.pod_name == ""


@pytest.mark.parametrize("path", ["../site.yml", "/etc/site.yml", "a/../../site.yml", "-i.yml"])
async def test_a_playbook_path_that_leaves_the_project_is_refused(
    world: World, control: Any, path: str
) -> None:
    def template() -> Any:
        made = world.template()
        made.playbook = path
        made.save()
        return made

    job = await failed(world, template)

    assert (job.status, job.failure_class) == ("error", "playbook_outside_project"), told(job)
    assert "inside the project" in job.failure_cure


async def test_broken_inventory_variables_name_the_host(world: World, control: Any) -> None:
    def template() -> Any:
        world.inventory.hosts.filter(name="beta").update(variables="a: [1, 2\nb: }")
        return world.template()

    job = await failed(world, template)

    assert (job.status, job.failure_class) == ("error", "inventory_broken"), told(job)
    assert "beta" in job.job_explanation


async def test_broken_extra_vars_are_refused_at_launch_or_end_the_job(
    world: World, control: Any
) -> None:
    from gantry.base.errors import InvalidInput
    from gantry.resources.models import Job

    template = await in_thread(lambda: world.template(ask_variables_on_launch=True))()
    with pytest.raises(InvalidInput) as refused:
        await in_thread(lambda: world.launch(template, extra_vars="a: [1"))()

    def broken_afterwards() -> Any:
        """As a row may be that came by another way than the launch."""
        job = world.launch(template)
        Job.objects.filter(pk=job.pk).update(extra_vars="- a\n- list")
        return job

    job = await ended(await in_thread(broken_afterwards)())

    assert refused.value.field == "extra_vars"
    assert "Cannot parse" in refused.value.sentence
    assert (job.status, job.failure_class) == ("error", "extra_vars_broken"), told(job)
    assert "extra variables" in job.failure_cure


async def test_an_unreachable_node_is_told_apart_from_a_failed_one(
    world: World, control: Any
) -> None:
    def template() -> Any:
        nobody = {"ansible_host": host_address(), "ansible_port": free_port(host_address())}
        world.inventory.hosts.filter(name="beta").update(variables=json.dumps(nobody))
        return world.template()

    job = await failed(world, template)
    dark = await in_thread(lambda: job.job_host_summaries.get(host_name="beta").dark)()

    assert (job.status, job.failure_class) == ("failed", "hosts_unreachable"), told(job)
    assert "inventory" in job.failure_cure
    assert "Machine credential" in job.failure_cure
    assert dark == 1
    assert "Connection refused" in await output(job)


async def test_a_host_that_fails_is_named_in_the_results(world: World, control: Any) -> None:
    play = ("- hosts: all\n  gather_facts: false\n  tasks:\n"
            "    - fail: {msg: 'disk of {{ inventory_hostname }} is full'}\n"
            "      when: inventory_hostname == 'beta'\n")  # fmt: skip

    job = await failed(world, lambda: world.template(play))
    failures = await in_thread(
        lambda: {s.host_name: s.failed for s in job.job_host_summaries.all()}
    )()

    assert (job.status, job.failure_class) == ("failed", "hosts_failed"), told(job)
    assert "failed task" in job.failure_cure
    assert failures == {"alpha": False, "beta": True}
    assert "disk of beta is full" in await output(job)


@pytest.mark.parametrize(
    ("play", "words"),
    [
        ("- hosts: all\n  tasks:\n   - ping:\n  - oops: [\n", "YAML"),
        ("- hosts: all\n  tasks:\n    - no_such_module: {}\n", "no_such_module"),
        ("- hosts: all\n  roles: [absent_role]\n", "absent_role"),
    ],
)
async def test_a_playbook_that_cannot_be_parsed_says_so_in_ansibles_words(
    world: World, control: Any, play: str, words: str
) -> None:
    job = await failed(world, lambda: world.template(play))

    assert job.status == "failed", told(job)
    assert job.failure_class in ("playbook_unparsable", "playbook_error"), told(job)
    assert words in job.job_explanation, f"{told(job)}\n{await output(job)}"
    assert "unreachable" not in job.job_explanation
    assert "output" in job.failure_cure


async def test_no_execution_environment_anywhere_says_where_to_choose_one(
    world: World, control: Any
) -> None:
    from gantry.resources.models import ExecutionEnvironment

    def template() -> Any:
        made = world.template()
        ExecutionEnvironment.objects.all().delete()
        return made

    job = await failed(world, template)

    assert (job.status, job.failure_class) == ("error", "no_execution_environment"), told(job)
    assert job.job_explanation == (
        "Job could not start because no Execution Environment could be found."
    )
    for place in ("template", "project", "organization", "global"):
        assert place in job.failure_cure


async def test_an_inventory_deleted_before_the_start_is_named(world: World, control: Any) -> None:
    from gantry.base.errors import InvalidInput

    def launch_and_delete() -> Any:
        from django.db import transaction

        with transaction.atomic():  # no controller sees the job in between
            job = world.launch(template)
            world.inventory.delete()
        return job

    template = await in_thread(world.template)()
    job = await ended(await in_thread(launch_and_delete)())
    await in_thread(template.refresh_from_db)()
    with pytest.raises(InvalidInput) as refused:
        await in_thread(lambda: world.launch(template))()

    assert (job.status, job.failure_class) == ("error", "inventory_missing"), told(job)
    assert "another inventory" in job.failure_cure
    assert refused.value.sentence == "Job Template inventory is missing or undefined."


async def test_a_project_never_synced_says_that_it_must_be(world: World, control: Any) -> None:
    from gantry.resources.models import Job

    def launch() -> Any:
        job = world.launch(world.template())
        Job.objects.filter(pk=job.pk).update(scm_branch="nowhere")
        return job

    job = await ended(await in_thread(launch)())

    assert (job.status, job.failure_class) == ("error", "project_missing"), told(job)
    assert "nowhere" in job.job_explanation
    assert "Sync the project" in job.failure_cure


async def test_a_limit_that_matches_no_host_is_told_in_ansibles_words(
    world: World, control: Any
) -> None:
    job = await failed(world, lambda: world.template(limit="gamma"))

    assert job.status == "failed"
    assert job.failure_class == "playbook_error", told(job)
    assert "limit" in job.job_explanation, told(job)


async def test_an_unreadable_vault_says_which_password_is_missing(
    world: World, control: Any
) -> None:
    vaulted = (
        "$ANSIBLE_VAULT;1.1;AES256\n"
        "33363965326261303234626463386265\n"
    )  # fmt: skip
    files = {"site.yml": PING.replace("  tasks", "  vars_files: [secret.yml]\n  tasks"),
             "secret.yml": vaulted}  # fmt: skip

    job = await failed(world, lambda: world.template(files))

    assert "vault" in job.job_explanation.lower() + (await output(job)).lower(), told(job)
    assert job.status == "failed"
