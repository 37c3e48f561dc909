"""What a job hangs on goes away and comes back: its engine, PostgreSQL, its controller."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from gantry.base.bridge import in_thread, waiting_for_database
from gantry.pods.docker_api import DockerEngine
from tests.journeys.conftest import ControllerProcess
from tests.journeys.controlling import controlling
from tests.journeys.counting import CountingServer
from tests.journeys.outages import Database, is_busy
from tests.journeys.outcome import told, until
from tests.journeys.raw import asking, printing, project
from tests.journeys.record import faults_of_record, is_cleaned
from tests.journeys.world import World, stdout


class OwnService:
    """A podman service of this test alone, to be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.url = f"unix://{directory}/podman.sock"
        self._service: Any = None

    def start(self) -> None:
        from gantry.base.engine_probe import probe_engine, start_service

        self._service = start_service(self.directory, probe_engine())

    def kill(self) -> None:
        process = self._service and self._service.process
        if process is not None:
            process.send_signal(signal.SIGKILL)
            process.wait()
        self._service = None


@pytest.fixture
def service(ee_image: str) -> Iterator[OwnService]:
    directory = Path(tempfile.mkdtemp(prefix="gantry-cut-"))
    made = OwnService(directory)
    yield made
    made.kill()
    shutil.rmtree(directory)


async def ended(job: Any, seconds: float = 90) -> Any:
    """As in outcome.py, but PostgreSQL may be away meanwhile."""

    def over() -> bool:
        waiting_for_database(job.refresh_from_db)
        return not job.active

    await until(over, f"the end of job {job.pk}", seconds)
    return job


async def faults(job: Any) -> list[str]:
    """Of a job that should have gone on as if nothing had happened."""
    found = await in_thread(faults_of_record)(job)
    if job.status != "successful" or not is_cleaned(job):
        found.append(f"{told(job)} {job.evidence} {job.cleanup}")
    return found


def at_the_gate(outside: CountingServer, path: str = "/gate") -> Callable[[], bool]:
    return lambda: outside.counts[path] > 0


async def reach(outside: CountingServer, path: str, job: Any) -> None:
    """Until the play asks for `path`; tells how far the job has come when it does not."""
    try:
        await until(at_the_gate(outside, path), f"the play at {path}")
    except AssertionError as error:
        await in_thread(lambda: waiting_for_database(job.refresh_from_db))()
        where = f"{job.status} {job.stage} {job.waiting_for!r} attempt {job.attempt}"
        said = (await in_thread(lambda: waiting_for_database(lambda: stdout(job)))())[-500:]
        raise AssertionError(f"{error}; {where} {job.stage_times} {told(job)} {said}") from error


# -- the engine -----------------------------------------------------------------------------------


async def test_a_job_goes_on_while_the_engines_service_is_killed_and_restarted(
    world: World, service: OwnService, outside: CountingServer
) -> None:
    gate = outside.hold("/gate")
    files = project(asking(f"{outside.url}/gate"), printing("b'after\\n'"),
                    asking(f"{outside.url}/end"))  # fmt: skip
    service.start()
    async with controlling(DockerEngine(service.url)):
        job = await in_thread(lambda: world.launch(world.template(files)))()
        await until(at_the_gate(outside), "the play")

        service.kill()
        gate.set()
        await until(at_the_gate(outside, "/end"), "the play's end while the engine is away")
        await in_thread(job.refresh_from_db)()
        assert job.status == "running", told(job)
        service.start()
        await ended(job)

    assert await faults(job) == []
    assert "after" in await in_thread(stdout)(job)
    assert job.attempt == 1


async def test_without_an_engine_a_job_ends_with_the_cure(
    world: World, service: OwnService
) -> None:
    async with controlling(DockerEngine(service.url), engine_patience=0):
        job = await ended(await in_thread(lambda: world.launch(world.template()))())

    assert (job.status, job.failure_class) == ("error", "engine_unreachable")
    assert "did not answer" in job.job_explanation
    assert "gantry doctor" in job.failure_cure


async def test_a_job_waits_for_an_engine_that_is_not_there_yet_and_says_so(
    world: World, service: OwnService
) -> None:
    async with controlling(DockerEngine(service.url)):
        job = await in_thread(lambda: world.launch(world.template()))()
        waits = await until(lambda: reason_to_wait(job), "the reason why it waits")
        service.start()
        await ended(job)

    assert "engine did not answer" in waits
    assert await faults(job) == []
    assert job.waiting_for == ""


def reason_to_wait(job: Any) -> str:
    job.refresh_from_db()
    return str(job.waiting_for)


class DyingEngine(DockerEngine):
    """The real engine, whose service is killed the first time that a verb is used."""

    def __init__(self, service: OwnService, verb: str, *, after: bool) -> None:
        super().__init__(service.url)
        self.died = False
        real, uses = getattr(self, verb), iter([True])

        def die() -> None:
            service.kill()
            self.died = True

        async def dying(*arguments: Any) -> Any:
            first = next(uses, False)
            if first and not after:
                die()
            result = await real(*arguments)
            if first and after:
                die()
            return result

        setattr(self, verb, dying)


@pytest.mark.parametrize(
    ("verb", "after"),
    [("image", False), ("create", False), ("create", True), ("start", False), ("start", True)],
)
async def test_an_engine_that_dies_before_the_play_began_costs_a_pod_and_no_job(
    world: World, service: OwnService, outside: CountingServer, verb: str, after: bool
) -> None:
    files = project(asking(f"{outside.url}/begun"))
    service.start()
    engine = DyingEngine(service, verb, after=after)
    async with controlling(engine) as control:
        job = await in_thread(lambda: world.launch(world.template(files)))()
        await until(lambda: engine.died, "the engine's death")
        await asyncio.to_thread(service.start)
        await ended(job)
        await until_swept(control)

    assert await faults(job) == []
    assert outside.counts["/begun"] == 1


async def until_swept(control: Any) -> None:
    from gantry.control.sweep import sweep_pods

    instance = control.world.instance
    await sweep_pods(control.world.engine, instance)
    assert await control.world.engine.find(instance) == []


# -- a controller that sleeps ---------------------------------------------------------------------


async def test_a_controller_that_slept_beyond_its_lease_touches_nothing_more(
    world: World, controller: ControllerProcess, engine_url: str, outside: CountingServer
) -> None:
    gate = outside.hold("/gate")
    files = project(asking(f"{outside.url}/gate"), printing("b'after\\n'"))
    job = await in_thread(lambda: world.launch(world.template(files)))()
    controller.start()
    await until(at_the_gate(outside), "the play")
    assert controller.process is not None
    sleeper = controller.process

    sleeper.send_signal(signal.SIGSTOP)
    try:
        async with controlling(DockerEngine(engine_url)) as control:
            await until(lambda: holder_of(job) == control.holder.uuid, "the adoption")
            heartbeat = await in_thread(heartbeat_of)(sleeper.pid)
            sleeper.send_signal(signal.SIGCONT)
            await until(lambda: heartbeat_of(sleeper.pid) > heartbeat, "the sleeper's next turn")
            gate.set()
            await ended(job)
    finally:
        sleeper.send_signal(signal.SIGCONT)

    assert await faults(job) == []
    assert (job.attempt, job.lease_epoch) == (1, 2)
    assert "after" in await in_thread(stdout)(job)


def holder_of(job: Any) -> object:
    job.refresh_from_db()
    return job.lease_owner


def heartbeat_of(pid: int) -> Any:
    from gantry.resources.models import Instance

    return Instance.objects.get(pid=pid).last_seen


# -- PostgreSQL -----------------------------------------------------------------------------------


@pytest.fixture
def postgres_server(database: str) -> Iterator[Database]:
    server = Database()
    yield server
    server.start()


async def test_a_job_goes_on_while_postgres_is_restarted(
    world: World,
    controller: ControllerProcess,
    postgres_server: Database,
    outside: CountingServer,
) -> None:
    gate = outside.hold("/gate")
    files = project(asking(f"{outside.url}/gate"), printing("b'after\\n'"),
                    asking(f"{outside.url}/end"))  # fmt: skip
    job = await in_thread(lambda: world.launch(world.template(files)))()
    controller.start()
    await until(at_the_gate(outside), "the play")

    await asyncio.to_thread(postgres_server.stop)
    gate.set()
    await until(at_the_gate(outside, "/end"), "the play's end while PostgreSQL is away")
    await in_thread(postgres_server.start)()
    await ended(job)

    assert await faults(job) == []
    assert "after" in await in_thread(stdout)(job)
    assert job.attempt == 1


async def test_a_play_that_prints_more_than_fits_waits_until_postgres_is_back(
    world: World,
    controller: ControllerProcess,
    postgres_server: Database,
    outside: CountingServer,
) -> None:
    controller.environment["GANTRY_SPOOL"] = str(1 << 20)
    lines = 300_000
    gate = outside.hold("/gate")
    files = project(
        asking(f"{outside.url}/gate"),
        printing("b'%099d\\n' % number", times=1000),
        asking(f"{outside.url}/some"),
        printing("b'%099d\\n' % (1000 + number)", times=lines - 1000),
        asking(f"{outside.url}/all"),
    )
    job = await in_thread(lambda: world.launch(world.template(files)))()
    controller.start()
    await until(at_the_gate(outside), "the play")

    await asyncio.to_thread(postgres_server.stop)
    gate.set()
    await until(at_the_gate(outside, "/some"), "the play going on without PostgreSQL")
    await until(lambda: not is_busy(job), "the play waiting for room")
    assert outside.counts["/all"] == 0
    await in_thread(postgres_server.start)()
    await ended(job)

    assert await faults(job) == []
    printed = [int(x) for x in (await in_thread(stdout)(job)).split() if len(x) == 99]
    assert printed == list(range(lines))


async def test_a_job_goes_on_while_its_controllers_connections_are_cut(
    world: World,
    controller: ControllerProcess,
    postgres_server: Database,
    outside: CountingServer,
) -> None:
    lines = 30_000
    files = project(
        *(
            printing(f"b'%099d\\n' % ({n * lines // 10} + number)", times=lines // 10)
            + asking(f"{outside.url}/{n}")
            for n in range(10)
        )
    )
    job = await in_thread(lambda: world.launch(world.template(files)))()
    controller.start()

    for n in range(10):
        await reach(outside, f"/{n}", job)
        await asyncio.to_thread(terminate_backends, postgres_server.url)
    await ended(job)

    assert await faults(job) == []
    printed = [int(x) for x in (await in_thread(stdout)(job)).split() if len(x) == 99]
    assert printed == list(range(lines))


def terminate_backends(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
