"""Images that lack something or mean ill, made of the starter EE and its base; and a look into one.

`rpmdb.sqlite.gz` is the database that Debian's rpm 4.18 made of two packages of rpmbuild's.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from gantry.base.engine_probe import probe_engine
from gantry.images.inspect.contents import Contents
from gantry.images.inspect.pod import look, pod_spec
from gantry.images.podman_cli import Podman
from gantry.pods.contract import LABEL_INSTANCE, LABEL_JOB
from gantry.pods.docker_api import DockerEngine
from gantry.pods.docker_images import DockerImages
from tests.journeys.conftest import ee_image, engine_url

__all__ = ["ee_image", "engine_url"]
INSTANCE = "1a5bec70-0000-4000-8000-000000000002"
BASE, STARTER = "localhost/gantry/base:latest", "localhost/gantry/starter-ee:latest"
Build = Callable[..., str]
Look = Callable[[str], Awaitable[Contents]]


@pytest.fixture(scope="package")
def build(tmp_path_factory: pytest.TempPathFactory, ee_image: str) -> Iterator[Build]:
    """Makes an image of a Containerfile and files (name -> text or bytes); gone in the end."""
    home = tmp_path_factory.mktemp("inspect")
    podman = Podman.of(probe_engine(), home)
    made: list[str] = []

    def make(name: str, containerfile: str, **files: Any) -> str:
        context = home / name
        context.mkdir()
        (context / "Containerfile").write_text(containerfile)
        for file, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            (context / file).write_bytes(data)
            (context / file).chmod(0o755)
        tag = f"localhost/gantry-test/inspect-{name}-{os.getpid()}:latest"
        podman.build(tag, context, name)
        made.append(tag)
        return tag

    yield make
    for tag in made:
        podman.succeeds("image", "rm", "--force", tag)


@pytest.fixture
async def engine(engine_url: str) -> AsyncIterator[DockerEngine]:
    engine = DockerEngine(engine_url)
    yield engine
    await engine.close()


@pytest.fixture
async def look_into(engine: DockerEngine, ee_image: str) -> AsyncIterator[Look]:
    """An inspection as the controller and `gantry ee inspect` make it; no pod is left of any."""
    images = DockerImages(engine.name)

    async def into(reference: str) -> Contents:
        image = await engine.image(reference)
        assert image is not None
        labels = {LABEL_INSTANCE: INSTANCE, LABEL_JOB: "0"}
        spec = pod_spec(f"gantry-look-{os.getpid()}", image.id, labels, "1000:0")
        return await look(engine, images, image, spec)

    yield into
    left = [pod.name for pod in await engine.find(INSTANCE)]
    await images.close()
    assert left == []
