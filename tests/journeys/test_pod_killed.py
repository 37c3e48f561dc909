"""A pod that does not end by itself: what is kept of it, and what its owner is told."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from gantry.pods.docker_api import DockerEngine
from tests.journeys.controlling import controlling
from tests.journeys.counting import CountingServer
from tests.journeys.outcome import ended, output, told, until
from tests.journeys.raw import asking, printing, project
from tests.journeys.record import faults_of_record, is_cleaned
from tests.journeys.world import World


async def launch(world: World, files: dict[str, str]) -> Any:
    return await in_thread(lambda: world.launch(world.template(files)))()


def waiting_play(outside: CountingServer) -> dict[str, str]:
    """Says something, then waits at a gate that nobody opens."""
    outside.hold("/gate")
    return project(printing("b'the last words\\n'"), asking(f"{outside.url}/gate"))


def recorded(job: Any, words: str) -> bool:
    from tests.journeys.world import stdout

    job.refresh_from_db()
    return words in stdout(job)


def podman(*arguments: str) -> str:
    from gantry.base.engine_probe import engine_environment, probe_engine

    setup = probe_engine()
    done = subprocess.run(
        [setup.executable, *arguments], env=engine_environment(setup, None),
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


# Removing is killing first: what the engine says of the pod depends on the moment it is asked.
KILLED = {"pod_killed": "killed from outside (signal 9)", "pod_gone": "disappeared"}


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (("kill",), {"pod_killed": KILLED["pod_killed"]}),
        (("kill", "-s", "TERM"), {"pod_stopped": "stopped from outside"}),
        (("rm", "-f", "-t", "0"), KILLED),
    ],
    ids=["killed", "stopped", "removed"],
)
async def test_a_pod_ended_from_outside_is_explained(
    world: World, control: Any, outside: CountingServer,
    how: tuple[str, ...], said: dict[str, str],
) -> None:  # fmt: skip
    job = await launch(world, waiting_play(outside))
    await until(lambda: outside.counts["/gate"], "the play")
    await until(lambda: recorded(job, "the last words"), "its output in the record")

    await in_thread(lambda: podman(*how, job.pod_name))()
    await ended(job)

    assert job.status == "error", told(job)
    assert said[job.failure_class] in job.job_explanation
    assert job.failure_cure
    assert "the last words" in await output(job)
    assert await in_thread(faults_of_record)(job) == []
    assert is_cleaned(job)


async def test_the_evidence_of_a_killed_pod_is_kept(
    world: World, control: Any, outside: CountingServer
) -> None:
    job = await launch(world, waiting_play(outside))
    await until(lambda: outside.counts["/gate"], "the play")
    await until(lambda: recorded(job, "the last words"), "its output in the record")

    await in_thread(lambda: podman("kill", job.pod_name))()
    await ended(job)

    assert job.evidence["exit_code"] == 137
    assert job.evidence["oom_killed"] is False
    assert "died with exit code 137" in job.evidence["engine_events"]
    assert "the last words" in job.evidence["last_output"]
    assert job.evidence["finished"] > job.evidence["started"]


EATING = """
- hosts: alpha
  gather_facts: false
  tasks:
    - debug: {msg: the last words}
    - command: python3 -c "print(len(bytearray(900 << 20)))"
"""


async def test_a_task_that_eats_the_pods_memory_is_told_of_as_such(
    world: World, engine_url: str
) -> None:
    async with controlling(DockerEngine(engine_url), pod_memory=256 << 20):
        job = await launch(world, {"site.yml": EATING})
        await ended(job)

    assert job.failure_class == "out_of_memory", (told(job), job.evidence)
    assert job.status in ("failed", "error")
    assert "memory" in job.job_explanation
    assert "GANTRY_POD_MEMORY" in job.failure_cure
    assert job.evidence.get("oom_kills") or job.evidence.get("oom_killed")
    assert "the last words" in await output(job)
    assert is_cleaned(job)


async def test_a_pod_killed_before_it_printed_anything_is_explained_too(
    world: World, engine_url: str
) -> None:
    """ "Failed, no output" cannot happen."""
    engine = KillingEngine(engine_url)
    async with controlling(engine):
        job = await launch(world, project(printing("b'never'")))
        await ended(job)

    assert (job.status, job.failure_class) == ("error", "pod_killed"), told(job)
    assert job.job_explanation
    assert job.failure_cure
    assert job.evidence["exit_code"] == 137
    assert await output(job) == ""


class KillingEngine(DockerEngine):
    """Kills each pod as soon as it has started."""

    async def start(self, pod: str) -> Any:
        stream = await super().start(pod)
        await self._docker.containers.container(pod).kill()
        return stream


async def test_an_engine_that_writes_its_events_late_is_waited_for(
    world: World, engine_url: str, outside: CountingServer
) -> None:
    engine = LateEngine(engine_url)
    async with controlling(engine):
        job = await launch(world, waiting_play(outside))
        await until(lambda: recorded(job, "the last words"), "its output in the record")
        await in_thread(lambda: podman("kill", job.pod_name))()
        await ended(job)

    assert "died with exit code 137" in job.evidence["engine_events"]


class LateEngine(DockerEngine):
    """Knows nothing of a pod's end the first time it is asked."""

    asked = 0

    async def events(self, pod: str, since: float) -> list[str]:
        self.asked += 1
        return [] if self.asked == 1 else await super().events(pod, since)
