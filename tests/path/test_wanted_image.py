"""A wanted digest is found on the engine by what is known of it, before anything is listed. Real
podman."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from gantry.base.errors import JobFailure
from gantry.path.pull import Puller, PullRequest
from gantry.pods.contract import Image, PullProgress
from gantry.pods.docker_api import DockerEngine
from tests.journeys.conftest import ee_image, engine_url

__all__ = ["ee_image", "engine_url"]
NOBODY = "127.0.0.1:1/nobody/ee:1"
UNSEEN = f"sha256:{'5' * 64}"  # no engine has it by this digest


class CountingEngine(DockerEngine):
    """Counts what costs an engine time."""

    looks = lists = 0

    async def look_at_image(self, reference: str) -> dict[str, Any] | None:
        self.looks += 1
        return await super().look_at_image(reference)

    async def all_images(self) -> list[dict[str, Any]]:
        self.lists += 1
        return await super().all_images()


@pytest.fixture
async def engine(engine_url: str) -> AsyncIterator[CountingEngine]:
    made = CountingEngine(engine_url)
    yield made
    await made.close()


@pytest.fixture
async def here(engine: CountingEngine, ee_image: str) -> Image:
    image = await engine.image(ee_image)
    assert image is not None
    engine.looks = 0
    return image


def wanted(digest: str, *known: Image) -> PullRequest:
    return PullRequest(NOBODY, "never", None, digest, known=known)


def quiet(_: PullProgress) -> None:
    pass


async def test_the_image_that_had_it_in_an_earlier_job_is_taken_without_a_look(
    engine: CountingEngine, here: Image
) -> None:
    had = replace(here, digest=UNSEEN)

    assert await Puller(engine).ensure(wanted(UNSEEN, had), quiet) == had

    assert (engine.looks, engine.lists) == (0, 0)


async def test_what_ran_once_is_not_looked_at_again(engine: CountingEngine, here: Image) -> None:
    puller = Puller(engine)
    first = await puller.ensure(wanted(here.digest), quiet)
    looks, lists = engine.looks, engine.lists

    assert await puller.ensure(wanted(here.digest), quiet) == first

    assert looks > 0
    assert (engine.looks, engine.lists) == (looks, lists)


async def test_a_known_image_that_is_gone_is_looked_for_as_if_none_were_known(
    engine: CountingEngine, here: Image
) -> None:
    gone = replace(here, id=f"sha256:{'6' * 64}")

    assert (await Puller(engine).ensure(wanted(here.digest, gone), quiet)).id == here.id


async def test_what_is_not_here_under_any_name_is_listed_for_and_refused(
    engine: CountingEngine, here: Image
) -> None:
    with pytest.raises(JobFailure) as failure:
        await Puller(engine).ensure(wanted(UNSEEN), quiet)

    assert failure.value.code == "image_not_present"
    assert engine.lists == 1


async def test_a_name_is_read_again_only_when_it_means_another_image(
    engine: CountingEngine, here: Image
) -> None:
    name = f"localhost/gantry-test/named-{os.getpid()}:1"
    other = next(i["Id"] for i in await engine.all_images() if i["Id"] not in here.id)
    puller, request = Puller(engine), PullRequest(name, "missing", None)
    try:
        await engine.tag(here.id, name)
        first = await puller.ensure(request, quiet)
        assert (await puller.ensure(request, quiet), engine.looks) == (first, 1)
        assert first.id == here.id

        await engine.tag(other, name)
        assert (await puller.ensure(request, quiet)).id.removeprefix("sha256:") in other
        assert engine.looks == 2
    finally:
        await engine._docker.images.delete(name)
