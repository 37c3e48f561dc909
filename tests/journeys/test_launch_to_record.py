"""A job from Launch to its record: what a person sees when everything goes well."""

from __future__ import annotations

import asyncio
from typing import Any

from gantry.base.bridge import in_thread
from tests.journeys.world import World, stdout


async def ended(job: Any, seconds: float = 90) -> Any:
    """The job's row once it has ended."""
    for _ in range(int(seconds * 10)):
        await in_thread(job.refresh_from_db)()
        if not job.active:
            return job
        await asyncio.sleep(0.1)
    raise AssertionError(f"job {job.pk} still {job.status} at {job.stage}")


async def test_a_job_runs_in_a_pod_of_its_own_and_leaves_its_record(
    world: World, control: Any
) -> None:
    job = await in_thread(lambda: world.launch(world.template()))()

    job = await ended(job)

    assert job.status == "successful", (job.job_explanation, job.evidence)
    assert "TASK [ping]" in await in_thread(stdout)(job)
    hosts = await in_thread(lambda: {s.host_name: s.ok for s in job.job_host_summaries.all()})()
    assert hosts == {"alpha": 1, "beta": 1}
    assert job.ee_digest.startswith("sha256:")
    assert job.ee_reason == "organization default of Acme"
    assert job.cleanup["removed"] is True
    assert set(job.stage_times) >= {
        "queued", "resolving", "pulling", "preparing", "starting", "running", "cleaning", "done",
    }  # fmt: skip
    assert await control.world.engine.find(control.world.instance) == []


async def test_a_project_keeps_its_roles_where_its_ansible_cfg_says(
    world: World, control: Any
) -> None:
    project = {
        "ansible.cfg": "[defaults]\nroles_path = shared/roles\n",
        "site.yml": "- hosts: alpha\n  gather_facts: false\n  roles: [greeting]\n",
        "shared/roles/greeting/tasks/main.yml": "- debug: {msg: from the shared role}\n",
    }
    template = await in_thread(lambda: world.template(project))()

    job = await ended(await in_thread(lambda: world.launch(template))())

    assert job.status == "successful", (job.job_explanation, job.evidence)
    assert "from the shared role" in await in_thread(stdout)(job)
