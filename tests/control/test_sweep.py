"""Orphaned pods on a real engine: those that no job needs go, those that one needs stay."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from gantry.pods.contract import LABEL_ATTEMPT, LABEL_INSTANCE, LABEL_JOB, PodSpec
from gantry.pods.docker_api import DockerEngine
from tests.control.conftest import Make

INSTANCE = "5eed5eed-0000-4000-8000-00000000000%d"
MakePod = Callable[..., Awaitable[str]]


@pytest.fixture
async def engine(engine_url: str) -> AsyncIterator[DockerEngine]:
    engine = DockerEngine(engine_url)
    yield engine
    for number in (1, 2):
        for pod in await engine.find(INSTANCE % number):
            await engine.remove(pod.id)
    await engine.close()


@pytest.fixture
def make_pod(engine: DockerEngine, ee_image: str) -> MakePod:
    async def make(job: int, attempt: int, *, instance: int = 1) -> str:
        name = f"gantry-sweep-{instance}-job-{job}-{attempt}"
        labels = {
            LABEL_JOB: str(job),
            LABEL_INSTANCE: INSTANCE % instance,
            LABEL_ATTEMPT: str(attempt),
        }
        spec = PodSpec(name, ee_image, ("sleep", "600"), labels, "1000:0", {"/runner": 1 << 20})
        await engine.create(spec)
        return name

    return make


async def sweep(engine: DockerEngine) -> list[str]:
    from gantry.control.sweep import sweep_pods

    return await sweep_pods(engine, INSTANCE % 1)


async def left(engine: DockerEngine, instance: int = 1) -> set[str]:
    return {pod.name for pod in await engine.find(INSTANCE % instance)}


async def test_a_pod_is_needed_from_the_moment_its_name_is_written(
    make_job: Make, make_pod: MakePod, engine: DockerEngine
) -> None:
    """Made just now; its job's row does not have the engine's id for it yet."""
    name = "gantry-sweep-1-job-1-1"
    job = await in_thread(
        lambda: make_job(status="running", stage="starting", pod_name=name, pod_id="")
    )()
    assert await make_pod(job.pk, 1) == name

    assert await sweep(engine) == []
    assert await left(engine) == {name}


async def test_what_no_job_needs_is_removed(
    make_job: Make, make_pod: MakePod, engine: DockerEngine
) -> None:
    def jobs() -> tuple[Any, Any]:
        second = "gantry-sweep-1-job-1-2"
        return (
            make_job(status="running", stage="running", pod_name=second),
            make_job(status="waiting", stage="resolving"),
        )

    replaced, starting_over = await in_thread(jobs)()
    orphans = {
        await make_pod(replaced.pk, 1),
        await make_pod(starting_over.pk, 1),
        await make_pod(999, 1),
    }
    needed = await make_pod(replaced.pk, 2)

    assert set(await sweep(engine)) == orphans
    assert await left(engine) == {needed}


async def test_the_pods_of_another_installation_are_not_touched(
    make_pod: MakePod, engine: DockerEngine, db: str
) -> None:
    name = await make_pod(999, 1, instance=2)

    assert await sweep(engine) == []
    assert await left(engine, 2) == {name}


async def test_a_pod_that_could_not_be_removed_when_its_job_ended_is_proven_gone_later(
    make_job: Make, make_pod: MakePod, engine: DockerEngine
) -> None:
    name = "gantry-sweep-1-job-1-1"
    job = await in_thread(
        lambda: make_job(
            status="successful", stage="done", pod_name=name,
            cleanup={"pod": name, "removed": False, "error": "The engine did not answer."},
        )
    )()  # fmt: skip
    await make_pod(job.pk, 1)

    assert await sweep(engine) == [name]
    await in_thread(job.refresh_from_db)()
    assert job.cleanup["removed"] is True
    assert job.cleanup["swept"] is True
