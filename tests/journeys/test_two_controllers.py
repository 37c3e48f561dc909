"""Two controllers on one database share the work; each job is walked by one of them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from gantry.base.bridge import in_thread
from gantry.pods.docker_api import DockerEngine
from tests.journeys.controlling import controlling
from tests.journeys.outcome import ended, told, until
from tests.journeys.record import faults_of_record
from tests.journeys.world import World

GATED = (
    "- hosts: alpha\n  gather_facts: false\n  tasks:\n"
    "    - uri: {url: '%s/{{ awx_job_id }}', timeout: 100}\n"
)


async def test_two_controllers_share_the_work(world: World, engine_url: str, outside: Any) -> None:
    def launch() -> list[Any]:
        project = world.project({"site.yml": GATED % outside.url})
        template = world.template(project=project, allow_simultaneous=True)
        jobs = [world.launch(template) for _ in range(4)]
        for job in jobs:
            outside.hold(f"/{job.pk}")
        return jobs

    jobs = await in_thread(launch)()
    async with (
        controlling(DockerEngine(engine_url), capacity=2) as one,
        controlling(DockerEngine(engine_url), capacity=2) as other,
    ):
        # Four run at once, though either controller has room for two.
        await until(lambda: len(outside.counts) == 4, "all four plays")
        holders = await in_thread(lambda: Counter(holder(job) for job in jobs))()
        for job in jobs:
            outside.hold(f"/{job.pk}").set()
        for job in jobs:
            await ended(job)

    assert holders == {one.holder.uuid: 2, other.holder.uuid: 2}
    assert [told(job) for job in jobs if job.status != "successful"] == []
    assert [outside.counts[f"/{job.pk}"] for job in jobs] == [1, 1, 1, 1]
    assert [await in_thread(faults_of_record)(job) for job in jobs] == [[], [], [], []]


def holder(job: Any) -> Any:
    job.refresh_from_db()
    return job.lease_owner
