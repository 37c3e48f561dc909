"""Journeys: jobs that really run, in real pods of the starter EE, on a real engine and PostgreSQL.

`engine_url` is a podman service of Gantry's own; `world` makes the rows a job needs;
`controller` is a `gantry controller` process that can be killed; `control` is the loop in this
process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.journeys.cloud import Cloud, running_cloud
from tests.journeys.counting import CountingServer, counting
from tests.journeys.world import World

IMAGE = "localhost/gantry/starter-ee:latest"


@pytest.fixture(scope="session")
def engine_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Podman's; GANTRY_TEST_ENGINE names another that has the starter EE, such as Docker's."""
    from gantry.base.engine_probe import probe_engine, start_service

    if other := os.environ.get("GANTRY_TEST_ENGINE"):
        os.environ["GANTRY_ENGINE_URL"] = other
        yield other
        return
    service = start_service(Path(f"/tmp/gantry-engine-{os.getpid()}"), probe_engine())
    os.environ["GANTRY_ENGINE_URL"] = service.url
    yield service.url
    service.stop()


@pytest.fixture(scope="session")
def ee_image(engine_url: str) -> str:
    """The starter EE: built once on a machine, found again afterwards."""
    from gantry.base.engine_probe import probe_engine
    from gantry.images.starter import build_starter_ee

    if "GANTRY_TEST_ENGINE" in os.environ:
        return IMAGE
    return build_starter_ee(probe_engine(), log=print)


@pytest.fixture
def world(db: str, ee_image: str) -> World:
    return World.make(ee_image)


@pytest.fixture
async def control(world: World, engine_url: str) -> AsyncIterator[object]:
    """A running controller in this process; removed pods and all at the end."""
    from gantry.base.bridge import in_thread
    from gantry.base.config import settings
    from gantry.control.main import Control
    from gantry.pods.docker_api import DockerEngine
    from gantry.resources.jobs import Installation

    instance = str((await in_thread(Installation.objects.get)()).uuid)
    control = Control(settings(), DockerEngine(engine_url), instance)
    task = asyncio.create_task(control.run())
    yield control
    control.stopping.set()
    control.wake.set()
    await task


class ControllerProcess:
    """`gantry controller` as a process of its own, to be killed."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gantry.cli.main", "controller"],
            env=self.environment, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=30)


@pytest.fixture
def controller(world: World, engine_url: str) -> Iterator[ControllerProcess]:
    """Not started yet; its lease is short so that an adoption is quick."""
    environment = {**os.environ, "GANTRY_ENGINE_URL": engine_url, "GANTRY_LEASE": "3"}
    made = ControllerProcess(environment)
    yield made
    with contextlib.suppress(Exception):
        made.stop()


def wait_for(condition: Callable[[], object], *, seconds: float = 90, what: str = "") -> None:
    """Until `condition()` is true; fails with the last value it had."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what or condition}: {value!r}")
        time.sleep(0.05)


@pytest.fixture(scope="session")
def cloud(ee_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture
def outside() -> Iterator[CountingServer]:
    """A place outside every pod where plays leave marks and wait at gates."""
    with counting() as server:
        yield server
