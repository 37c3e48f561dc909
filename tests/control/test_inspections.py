"""Inspections by controllers: each digest once, by one, whatever dies meanwhile."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from gantry.base.bridge import in_thread
from gantry.base.config import settings
from gantry.control import sweep
from gantry.control.inspections import Inspections
from gantry.images.inspect.request import request_inspection
from gantry.pods.contract import LABEL_INSTANCE, LABEL_JOB, Image, PodSpec
from gantry.pods.docker_api import DockerEngine
from gantry.pods.docker_images import DockerImages
from gantry.resources.images import ImageContents

INSTANCE = "1a5bec70-0000-4000-8000-000000000001"
Make = Callable[..., Inspections]


@pytest.fixture
async def engine(engine_url: str) -> AsyncIterator[DockerEngine]:
    engine = DockerEngine(engine_url)
    yield engine
    for pod in await engine.find(INSTANCE):
        await engine.remove(pod.id)
    await engine.close()


@pytest.fixture
async def image(engine: DockerEngine, ee_image: str) -> Image:
    found = await engine.image(ee_image)
    assert found is not None
    return found


@pytest.fixture
async def controller(engine: DockerEngine, db: str) -> AsyncIterator[Make]:
    """Makes one controller's part; `lease` in seconds."""
    made: list[Inspections] = []
    images = DockerImages(engine.name)

    def make(lease: int = 9) -> Inspections:
        s = dataclasses.replace(settings(), lease=lease)
        made.append(Inspections(s, INSTANCE, engine, images))
        return made[-1]

    yield make
    for each in made:
        await each.close()
    await images.close()


def asking(image: Image, **values: Any) -> Awaitable[ImageContents]:
    given = {"digest": image.digest, "platform": image.platform, "image_id": image.id,
             "reference": "localhost/gantry/starter-ee:latest"} | values  # fmt: skip
    return in_thread(lambda: request_inspection(**given))()


async def row() -> ImageContents:
    return await in_thread(ImageContents.objects.get)()


async def done(part: Inspections) -> None:
    assert part._task is not None
    await part._task


async def pods(engine: DockerEngine) -> list[str]:
    return [pod.name for pod in await engine.find(INSTANCE)]


async def test_a_digest_is_looked_into_once(
    controller: Make, engine: DockerEngine, image: Image
) -> None:
    await asking(image)
    first = controller()
    await first.turn(quiet=True)
    await done(first)

    known = await row()
    assert (known.state, known.error) == ("inspected", "")
    assert known.ansible_core
    assert known.inspected is not None
    assert {p["kind"] for p in known.packages} == {"collection", "python", "deb"}
    assert await pods(engine) == []

    assert (await asking(image)).state == "inspected"
    second = controller()
    await second.turn(quiet=True)
    assert second._task is None


async def test_of_two_controllers_one_looks(controller: Make, image: Image) -> None:
    await asking(image)
    one, other = controller(), controller()
    await asyncio.gather(one.turn(quiet=True), other.turn(quiet=True))

    assert [part._task is None for part in (one, other)].count(True) == 1


async def test_jobs_that_are_about_to_start_come_first_for_a_minute(
    controller: Make, image: Image
) -> None:
    await asking(image)
    part = controller()
    await part.turn(quiet=False)
    assert part._task is None

    an_age_ago = timezone.now() - timedelta(seconds=61)
    await in_thread(ImageContents.objects.update)(requested=an_age_ago)
    await part.turn(quiet=False)
    assert part._task is not None
    await done(part)
    assert (await row()).state == "inspected"


async def lose(pod_name: str, *, expired: bool) -> None:
    """As a controller leaves the row that was killed while its pod ran."""
    off = timedelta(seconds=-1 if expired else 60)
    await in_thread(ImageContents.objects.update)(
        state="running", attempts=1, pod_name=pod_name, lease_expires=timezone.now() + off
    )


async def make_pod(engine: DockerEngine, image: Image, name: str) -> None:
    labels = {LABEL_INSTANCE: INSTANCE, LABEL_JOB: "0"}
    await engine.create(PodSpec(name, image.id, ("sleep", "600"), labels, "1000:0", {}))


async def test_what_a_dead_controller_was_at_another_takes_over(
    controller: Make, engine: DockerEngine, image: Image
) -> None:
    await asking(image)
    await lose("gantry-dead-look", expired=True)
    await make_pod(engine, image, "gantry-dead-look")
    part = controller()
    await part.turn(quiet=True)
    await done(part)

    known = await row()
    assert (known.state, known.attempts) == ("inspected", 2)
    assert await sweep.sweep_pods(engine, INSTANCE) == ["gantry-dead-look"]
    assert await pods(engine) == []


async def test_the_sweep_leaves_the_pod_of_a_controller_that_lives(
    controller: Make, engine: DockerEngine, image: Image
) -> None:
    await asking(image)
    await lose("gantry-live-look", expired=False)
    await make_pod(engine, image, "gantry-live-look")
    part = controller()
    await part.turn(quiet=True)

    assert part._task is None
    assert await sweep.sweep_pods(engine, INSTANCE) == []
    assert await pods(engine) == ["gantry-live-look"]


async def test_a_controller_that_stops_gives_back_what_it_was_at(
    controller: Make, engine: DockerEngine, image: Image
) -> None:
    await asking(image)
    part = controller()
    await part.turn(quiet=True)
    while not await pods(engine) and not part._task.done():  # type: ignore[union-attr]
        await asyncio.sleep(0.01)
    await part.close()

    assert (await row()).state == "pending"
    assert await pods(engine) == []


async def test_a_lost_lease_ends_the_pod_and_writes_nothing(
    controller: Make, engine: DockerEngine, image: Image
) -> None:
    """The engine hangs; meanwhile another has taken over."""
    await asking(image)
    part = controller(lease=1)
    held = asyncio.Event()
    part._images.config = lambda reference: held.wait()  # type: ignore
    await part.turn(quiet=True)
    await in_thread(ImageContents.objects.update)(pod_name="of-another", lease_owner=None)
    await done(part)

    known = await row()
    assert (known.state, known.pod_name, known.packages) == ("running", "of-another", [])
    assert await pods(engine) == []


async def test_an_image_that_is_on_no_engine_says_so_in_the_end(
    controller: Make, image: Image
) -> None:
    gone = Image("sha256:" + "0" * 64, "sha256:" + "1" * 64, image.platform)
    await asking(gone, reference="localhost/none/of-these:1")
    for _ in range(2):
        part = controller()
        await part.turn(quiet=True)
        await done(part)
        assert (await row()).state == "pending"
        await part.turn(quiet=True)
        assert part._task.done()  # type: ignore[union-attr]  # another controller's turn first
    part = controller()
    await part.turn(quiet=True)
    await done(part)

    known = await row()
    assert known.state == "failed"
    assert "is not on the engine" in known.error
    assert known.cure


async def test_an_image_that_ends_every_controller_is_given_up(
    controller: Make, image: Image
) -> None:
    await asking(image)
    await lose("gantry-dead-look", expired=True)
    await in_thread(ImageContents.objects.update)(attempts=3)
    part = controller()
    await part.turn(quiet=True)
    await done(part)

    known = await row()
    assert known.state == "failed"
    assert "3 times a controller ended" in known.error


async def test_what_failed_is_looked_into_again_when_asked(controller: Make, image: Image) -> None:
    await asking(image)
    await in_thread(ImageContents.objects.update)(state="failed", error="It was so.", attempts=3)
    assert (await asking(image)).state == "failed"
    assert (await asking(image, again=True)).state == "pending"
    part = controller()
    await part.turn(quiet=True)
    await done(part)
    assert (await row()).state == "inspected"


async def test_a_digest_has_one_row_whether_its_platform_was_known_or_not(
    controller: Make, image: Image
) -> None:
    await asking(image, platform="")
    await asking(image)
    part = controller()
    for _ in range(2):
        await part.turn(quiet=True)
        await done(part)

    known = await row()
    assert (known.state, known.platform) == ("inspected", image.platform)


async def test_an_image_is_found_by_its_digest_when_its_id_is_not_known(
    controller: Make, image: Image
) -> None:
    await asking(image, image_id="", reference="")
    part = controller()
    await part.turn(quiet=True)
    await done(part)
    known = await row()
    assert (known.state, known.image_id) == ("inspected", image.id)
