"""A pull asks the mirrors first; the image is known by the name that was wanted. Real podman."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from gantry.base.engine_probe import probe_engine
from gantry.base.errors import JobFailure
from gantry.images.podman_cli import Podman
from gantry.path.pull import Puller, PullRequest
from gantry.pods.contract import PullProgress, RegistryLogin
from gantry.pods.docker_api import DockerEngine
from tests.images.docker_registry import Shelf
from tests.journeys.conftest import engine_url
from tests.journeys.registry import Registry

__all__ = ["engine_url"]
NOBODY = "127.0.0.1:1"


@pytest.fixture
def shelf(registry: Registry, engine_url: str, tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(registry, f"cargo/{uuid4().hex[:10]}")
    yield made
    podman = Podman.of(probe_engine(), tmp_path)
    for place in (NOBODY, registry.address):
        podman.succeeds("image", "rm", f"{place}/{made.repository}:1")
        podman.succeeds("image", "rm", f"{place}/{made.repository}@{made.made}")


@pytest.fixture
async def puller(engine_url: str) -> AsyncIterator[Callable[..., Puller]]:
    engine = DockerEngine(engine_url)
    yield lambda *mirrors: Puller(engine, mirrors)
    await engine.close()


def login(registry: Registry) -> RegistryLogin:
    return RegistryLogin(registry.address, "", "", verify_ssl=False)


def quiet(_: PullProgress) -> None:
    pass


async def test_a_mirrors_image_has_the_name_that_was_wanted(
    shelf: Shelf, puller: Callable[..., Puller], engine_url: str
) -> None:
    made = shelf.variant("linux", "amd64", tag="1")
    wanted = f"{NOBODY}/{shelf.repository}:1"
    one = puller(f"{NOBODY}={shelf.registry.address}")

    image = await one.ensure(PullRequest(wanted, "missing", login(shelf.registry)), quiet)
    again = await one.obtain(PullRequest(wanted, "never", None), quiet)

    assert image.digest == made
    assert (again.image, again.pulled) == (image, False)


async def test_a_digest_is_taken_from_a_mirror(shelf: Shelf, puller: Callable[..., Puller]) -> None:
    made = shelf.variant("linux", "amd64", tag="1")
    request = PullRequest(
        f"{NOBODY}/{shelf.repository}:gone", "missing", login(shelf.registry), made
    )

    image = await puller(f"{NOBODY}={shelf.registry.address}").ensure(request, quiet)

    assert image.digest == made


async def test_what_no_mirror_has_comes_from_the_registry(
    shelf: Shelf, puller: Callable[..., Puller]
) -> None:
    made = shelf.variant("linux", "amd64", tag="1")
    address = shelf.registry.address
    request = PullRequest(shelf.image("1"), "missing", login(shelf.registry))

    image = await puller(f"{address}={NOBODY}", f"{address}={address}/empty").ensure(request, quiet)

    assert image.digest == made


async def test_the_failure_is_that_of_the_registry_itself(
    shelf: Shelf, puller: Callable[..., Puller]
) -> None:
    request = PullRequest(shelf.image("none"), "missing", login(shelf.registry))

    with pytest.raises(JobFailure) as failure:
        await puller(f"{shelf.registry.address}={NOBODY}").ensure(request, quiet)

    assert failure.value.code == "image_unknown"
