"""Builds for the journeys: a site's package index, and an EE with a definition."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from gantry.base.engine_probe import probe_engine
from gantry.images.podman_cli import Podman
from gantry.images.starter.wheels import download, pip_target
from tests.journeys.package_index import PackageIndex
from tests.journeys.world import World

BASE = "localhost/gantry/starter-ee:latest"
IMAGE = "localhost/gantry-test/build:1"
# What ansible-builder itself installs in every build.
TOOLS = ("bindep", "pyyaml", "packaging", "dumb-init==1.2.5")
DEFINITION = """
version: 3
images:
  base_image: {name: %(base)s}
options:
  skip_ansible_check: true
  container_init: {}
"""
STEP = """
additional_build_steps:
  prepend_final: |
    %s
"""


def definition(more: str = "", base: str = BASE, step: str = "") -> str:
    return DEFINITION % {"base": base} + more + (STEP % step if step else "")


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PackageIndex]:
    folder = tmp_path_factory.mktemp("index") / "wheels"
    folder.mkdir()
    target = pip_target()
    assert target is not None
    download(TOOLS, folder, target)
    index = PackageIndex(folder).start()
    yield index
    index.stop()


@pytest.fixture
def site(packages: PackageIndex, monkeypatch: pytest.MonkeyPatch) -> PackageIndex:
    """This machine as one of an air-gapped site: pip knows the site's index alone, and its CA."""
    for name in [n for n in os.environ if n.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", packages.url)
    monkeypatch.setenv("SSL_CERT_FILE", str(packages.ca))
    return packages


async def defined(world: World, text: str, image: str, **fields: Any) -> Any:
    """An EE with this definition."""
    from gantry.resources.models import EnvironmentDefinition, ExecutionEnvironment

    def make() -> Any:
        made = ExecutionEnvironment.objects.create(
            name=f"EE {image}", image=image, organization=world.organization
        )
        EnvironmentDefinition.objects.create(environment=made, text=text, **fields)
        return made

    return await in_thread(make)()


async def start_build(world: World, environment: Any, **options: Any) -> Any:
    """Without the cache unless said: one layer a stage is quicker than a layer a step."""
    from gantry.path.build import build_environment
    from gantry.resources.models import ExecutionEnvironment

    def make() -> Any:
        row = ExecutionEnvironment.objects.get(pk=environment.pk)
        return build_environment(row, user=world.admin, **{"use_cache": False, **options})

    return await in_thread(make)()


def everything_of(podman: Podman, image: str, into: Path) -> bytes:
    """Each byte of an image as it would be pushed: manifest, configuration, history, layers."""
    archive = into / "image.tar"
    archive.unlink(missing_ok=True)
    podman.run("save", "--format=docker-archive", "--output", str(archive), image)
    return archive.read_bytes()


async def cancel(world: World, build: Any) -> None:
    from gantry.path.launch import cancel_job

    await in_thread(lambda: cancel_job(build, user=world.admin))()


@pytest.fixture
def podman(engine_url: str, tmp_path_factory: pytest.TempPathFactory) -> Podman:
    return Podman.of(probe_engine(), tmp_path_factory.mktemp("podman"))


@pytest.fixture
def nothing_half_made(db: str, podman: Podman) -> Iterator[None]:
    """After every test: no scratch name and no pod of its builds is left on the engine."""
    from gantry.control.build_walk import SCRATCH
    from gantry.resources.models import EnvironmentBuild, Installation

    yield
    podman.succeeds("image", "rm", IMAGE)
    instance = str(Installation.objects.get().uuid)[:8]
    for build in EnvironmentBuild.objects.all():
        for epoch in range(1, build.lease_epoch + 1):
            name = f"{SCRATCH}:{instance}-{build.pk}-{epoch}"
            assert not podman.succeeds("image", "exists", name), name
        pod = f"gantry-{instance}-{build.pk}-look"
        assert not podman.succeeds("container", "exists", pod), pod
