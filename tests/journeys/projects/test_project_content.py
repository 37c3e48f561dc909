"""What a job finds of its project: requirements, the right revision, nothing from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from gantry.images.podman_cli import Podman
from tests.journeys.git_server import GitServer, Repository
from tests.journeys.outcome import ended, output, run, told, until
from tests.journeys.projects.projects import SITE, collection, project, sync, synced, template_of
from tests.journeys.world import World


async def test_roles_and_collections_are_installed_at_the_sync_and_found_by_the_job(
    world: World, control: Any, ground: Path, http: GitServer
) -> None:
    role = Repository(ground, "role-hello")
    role.commit("role", {"tasks/main.yml": "- debug: {msg: 'the role speaks'}\n",
                         "meta/main.yml": "galaxy_info: {author: tests}\n"})  # fmt: skip
    archive = http.add_file("tests-thing-1.0.0.tar.gz", collection(ground))
    wants = Repository(ground, "wants")
    wants.commit(
        "wants",
        {
            "roles/requirements.yml": f"- {{src: 'git+{http.of(role)}', name: hello}}\n",
            "collections/requirements.yml": f"collections:\n  - {{name: '{archive}', type: url}}\n",
            "site.yml": "- hosts: all\n  gather_facts: false\n  roles: [hello]\n  tasks:\n"
            "    - debug: {msg: \"{{ 'x' | tests.thing.shout }}\"}\n",
        },
    )

    update = await sync(world, http.of(wants))
    snapshot = await synced(update)
    job = await run(world, await in_thread(lambda: world.template(project=update.project))())

    assert snapshot.playbooks == ["site.yml"]
    assert job.status == "successful", told(job)
    assert "the role speaks" in await output(job)
    assert "X!" in await output(job)


async def test_requirements_that_cannot_be_had_fail_the_sync_and_the_job_that_waits(
    world: World, control: Any, ground: Path, http: GitServer
) -> None:
    lacks = Repository(ground, "lacks")
    lacks.commit("lacks", {
        "site.yml": SITE % "never",
        "roles/requirements.yml": f"- {{src: 'git+{http.url}/absent.git', name: absent}}\n",
    })  # fmt: skip

    def launch() -> Any:
        return world.launch(world.template(project=project(world, http.of(lacks))))

    job = await ended(await in_thread(launch)())
    update = await in_thread(lambda: job.dependencies.get())()

    assert (update.status, update.failure_class) == ("failed", "requirements_failed"), told(update)
    assert "roles/requirements.yml" in update.job_explanation
    assert (job.status, job.failure_class) == ("failed", "dependency_failed")
    assert job.job_explanation.startswith("Previous Task Failed: {")
    assert "requirements.yml" in job.failure_cure
    assert job.pod_name == ""


async def test_one_update_serves_two_jobs_and_a_fresh_tree_needs_none(
    world: World, control: Any, demo: Repository, http: GitServer
) -> None:
    from gantry.resources.models import ProjectUpdate

    def launch_two() -> list[Any]:
        mine = project(world, http.of(demo), scm_update_on_launch=True,
                       scm_update_cache_timeout=3600)  # fmt: skip
        return [world.launch(world.template(project=mine)) for _ in range(2)]

    jobs = [await ended(job) for job in await in_thread(launch_two)()]
    template = await in_thread(lambda: jobs[0].job_template)()
    later = await run(world, template)
    updates = await in_thread(lambda: list(ProjectUpdate.objects.all()))()

    assert [job.status for job in (*jobs, later)] == ["successful"] * 3, told(jobs[0])
    assert {job.scm_revision for job in (*jobs, later)} == {demo.commits["main"]}
    assert [(u.launch_type, u.status) for u in updates] == [("dependency", "successful")]
    assert [job.project_update_id for job in (*jobs, later)] == [updates[0].pk] * 2 + [None]


async def test_without_a_cache_every_launch_takes_what_the_branch_is_now(
    world: World, control: Any, ground: Path, http: GitServer
) -> None:
    moving = Repository(ground, "moving")
    moving.commit("one", {"site.yml": SITE % "one"})
    template = await in_thread(lambda: world.template(
        project=project(world, http.of(moving), scm_update_on_launch=True)))()  # fmt: skip

    first = await run(world, template)
    moving.commit("two", {"site.yml": SITE % "two"})
    second = await run(world, template)

    assert first.scm_revision == moving.commits["one"], told(first)
    assert second.scm_revision == moving.commits["two"], told(second)
    assert "this is two" in await output(second)


async def test_a_launch_may_take_another_branch_where_the_project_allows_it(
    world: World, control: Any, demo: Repository, http: GitServer
) -> None:
    def template() -> Any:
        mine = project(world, http.of(demo), allow_override=True)
        return template_of(world, mine, "only-here.yml", ask_scm_branch_on_launch=True)

    made = await in_thread(template)()
    job = await run(world, made, scm_branch="feature/x")
    missing = await run(world, made)
    main = await in_thread(lambda: made.project.snapshot)()

    assert job.scm_revision == demo.commits["feature"], told(job)
    assert "this is extra" in await output(job)
    assert missing.failure_class == "playbook_missing"
    assert "site.yml" in missing.failure_cure
    assert main is None or main.revision == demo.commits["main"]


async def test_a_playbook_that_links_out_of_the_project_is_refused(
    world: World, control: Any, demo: Repository, http: GitServer
) -> None:
    def template(playbook: str) -> Any:
        return template_of(world, update.project, playbook)

    update = await sync(world, http.of(demo))
    await synced(update)
    jobs = {
        name: await run(world, await in_thread(template)(name))
        for name in ("outside.yml", "way-out/site.yml", "inside.yml")
    }

    for name in ("outside.yml", "way-out/site.yml"):
        assert jobs[name].failure_class == "playbook_outside_project", told(jobs[name])
        assert "repository" in jobs[name].failure_cure
        assert jobs[name].pod_name == ""
    assert jobs["inside.yml"].status == "successful", told(jobs["inside.yml"])


async def test_a_large_project_lies_on_the_pods_disk_which_goes_with_it(
    world: World,
    control: Any,
    demo: Repository,
    http: GitServer,
    podman: Podman,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from gantry.base.config import settings

    update = await sync(world, http.of(demo))
    await synced(update)
    before = set(podman.run("volume", "ls", "--quiet").split())
    small = settings().__class__(**{**vars(settings()), "project_in_memory": 10})
    monkeypatch.setattr("gantry.path.inject.settings", lambda: small)
    play = ("- hosts: alpha\n  gather_facts: false\n  tasks:\n"
            "    - command: grep -E ' /runner(/project)? ' /proc/mounts\n      register: m\n"
            "    - copy: {dest: \"{{ playbook_dir }}/made\", content: x, mode: '0600'}\n"
            "    - debug: {var: m.stdout_lines}\n"
            "    - pause:\n      when: false\n")  # fmt: skip
    template = await in_thread(lambda: world.template(play))()
    job = await run(world, template)
    seen = await output(job)

    assert job.status == "successful", f"{told(job)}\n{seen}"
    assert "/runner/project " in seen, seen
    assert job.cleanup["removed"] is True
    await until(
        lambda: set(podman.run("volume", "ls", "--quiet").split()) <= before, "the volume to go"
    )
