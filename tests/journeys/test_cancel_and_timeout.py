"""Ending a job before its own end: Ansible is told first, its last events are kept."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from gantry.pods.docker_api import DockerEngine
from tests.journeys.conftest import ControllerProcess
from tests.journeys.controlling import controlling
from tests.journeys.counting import CountingServer
from tests.journeys.outcome import ended, output, told, until
from tests.journeys.raw import asking, project
from tests.journeys.record import faults_of_record, is_cleaned
from tests.journeys.world import World

# A plug-in of the project that lets ansible-playbook ignore what it is told.
DEAF = """
import signal
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "deaf"

    def v2_playbook_on_start(self, playbook):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
"""


async def launch(world: World, files: dict[str, str], **fields: Any) -> Any:
    return await in_thread(lambda: world.launch(world.template(files, **fields)))()


async def cancel(world: World, job: Any) -> None:
    from gantry.path.launch import cancel_job

    await in_thread(lambda: cancel_job(job, user=world.admin))()


def waiting_play(outside: CountingServer) -> dict[str, str]:
    outside.hold("/gate")
    return project("    - debug: {msg: before}\n", asking(f"{outside.url}/gate"),
                   "    - debug: {msg: after}\n")  # fmt: skip


async def test_a_pending_job_ends_at_once(world: World, engine_url: str) -> None:
    async with controlling(DockerEngine(engine_url), capacity=0):
        job = await launch(world, project())
        await cancel(world, job)
        await ended(job)

    assert (job.status, job.failure_class) == ("canceled", "canceled")
    assert job.job_explanation == "The job was canceled before it started."
    assert job.canceled_on is not None
    assert job.pod_name == ""


@pytest.fixture
def silent_registry() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


async def test_a_job_is_canceled_while_its_image_is_pulled(
    world: World, control: Any, silent_registry: str
) -> None:
    def make() -> Any:
        from gantry.resources.models import ExecutionEnvironment

        environment = ExecutionEnvironment.objects.create(
            name="Far", image=f"{silent_registry}/far/ee:1"
        )
        return world.launch(world.template(execution_environment=environment))

    job = await in_thread(make)()
    await until(lambda: at_stage(job, "pulling"), "the pull")

    await cancel(world, job)
    await ended(job)

    assert (job.status, job.job_explanation) == ("canceled", "The job was canceled.")
    assert job.pod_name == ""


def at_stage(job: Any, stage: str) -> bool:
    job.refresh_from_db()
    return str(job.stage) == stage


async def test_a_running_play_is_told_first_and_its_last_events_are_kept(
    world: World, control: Any, outside: CountingServer
) -> None:
    job = await launch(world, waiting_play(outside))
    await until(lambda: outside.counts["/gate"], "the play")

    await cancel(world, job)
    await ended(job)

    assert (job.status, job.failure_class) == ("canceled", "canceled"), told(job)
    assert "user interrupted execution" in (await output(job)).lower(), await output(job)
    assert '"msg": "after"' not in await output(job)
    assert job.exit["reason"] == "canceled"
    assert job.exit["rc"] == 99 or job.exit["rc"] < 0
    assert await in_thread(faults_of_record)(job) == []
    assert is_cleaned(job)


async def test_a_play_that_ignores_the_signal_is_killed_after_the_grace(
    world: World, controller: ControllerProcess, outside: CountingServer
) -> None:
    controller.environment["GANTRY_CANCEL_GRACE"] = "2"
    files = waiting_play(outside) | {"callback_plugins/deaf.py": DEAF}
    job = await launch(world, files)
    controller.start()
    await until(lambda: outside.counts["/gate"], "the play")

    await cancel(world, job)
    await ended(job)

    assert (job.status, job.failure_class) == ("canceled", "canceled"), told(job)
    assert job.exit["rc"] == -9
    assert '"msg": "before"' in await output(job)
    assert await in_thread(faults_of_record)(job) == []
    assert is_cleaned(job)


async def test_a_job_that_runs_longer_than_its_template_allows_is_ended(
    world: World, control: Any, outside: CountingServer
) -> None:
    job = await ended(await launch(world, waiting_play(outside), timeout=8))

    assert (job.status, job.failure_class) == ("failed", "timeout"), told(job)
    assert job.job_explanation == "Job terminated due to timeout"
    assert job.failure_cure
    assert await in_thread(faults_of_record)(job) == []
    assert is_cleaned(job)


async def test_the_pod_keeps_the_time_limit_while_no_controller_lives(
    world: World, controller: ControllerProcess, outside: CountingServer, engine_url: str
) -> None:
    job = await launch(world, waiting_play(outside), timeout=12)
    controller.start()
    await until(lambda: outside.counts["/gate"], "the play")
    controller.kill()
    await until(lambda: outside.gone["/gate"], "the play's end, with nobody there")
    async with controlling(DockerEngine(engine_url)):
        await ended(job)

    assert (job.status, job.failure_class) == ("failed", "timeout"), told(job)
    assert await in_thread(faults_of_record)(job) == []
    assert is_cleaned(job)


async def test_a_cancel_while_no_controller_lives_reaches_the_next_one(
    world: World, controller: ControllerProcess, outside: CountingServer, engine_url: str
) -> None:
    job = await launch(world, waiting_play(outside))
    controller.start()
    await until(lambda: outside.counts["/gate"], "the play")
    controller.kill()

    await cancel(world, job)
    async with controlling(DockerEngine(engine_url)):
        await ended(job)

    assert (job.status, job.exit["reason"]) == ("canceled", "canceled"), told(job)
    assert job.lease_epoch == 2
    assert await in_thread(faults_of_record)(job) == []
