"""Which digest a job runs: pinned, held, followed, repeated exactly; what is told when tags move.

A real registry, real pulls, jobs that print which build of the EE they ran in.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from gantry.base.engine_probe import probe_engine
from gantry.control import drift as schedule
from gantry.images import pins, tags
from gantry.images.drift import Drift, decide
from gantry.images.podman_cli import Podman
from gantry.path.launch import relaunch_job
from gantry.resources.models import ExecutionEnvironment, Host, Job, ProjectUpdate
from tests.journeys.outcome import ended, output, run, told
from tests.journeys.registry import Images, Registry, SlowProxy
from tests.journeys.shipyard import MARK, Shipyard
from tests.journeys.world import World


@pytest.fixture(scope="session")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shipyard")


@pytest.fixture(scope="session")
def shipyard(yard: Path, ee_image: str) -> Iterator[Shipyard]:
    made = Shipyard(Images(Podman.of(probe_engine(), yard), yard), yard)
    yield made
    made.clear()


@pytest.fixture
def front(registry: Registry) -> Iterator[SlowProxy]:
    """The registry under an address at which it can go down."""
    proxy = SlowProxy(registry.port)
    proxy.hurry()
    yield proxy
    proxy.close()


@pytest.fixture
def ee(world: World) -> Any:
    """The world's EE, with a login that takes a registry without TLS."""
    world.environment.credential = world.credential("registry", {"host": "", "verify_ssl": False})
    world.environment.save()
    return world.environment


async def use(ee: Any, **fields: Any) -> Any:
    """The EE with these fields, as a person would set them."""

    def change() -> Any:
        row = ExecutionEnvironment.objects.get(pk=ee.pk)
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()
        return row

    return await in_thread(change)()


async def ran(world: World, template: Any) -> tuple[Any, str]:
    """A job of the template, ended well, and which build it ran in."""
    job = await run(world, template)
    return await built(job)


async def last() -> Any:
    return await in_thread(Job.objects.order_by("pk").last)()


async def built(job: Any) -> tuple[Any, str]:
    text = await output(job)
    assert job.status == "successful", told(job)
    return job, text.partition("build ")[2].partition(",")[0]


async def state(ee: Any) -> Drift:
    return decide(await in_thread(lambda: ExecutionEnvironment.objects.get(pk=ee.pk))())


async def check(ee: Any) -> Drift:
    def ask() -> Any:
        return tags.check_now(ExecutionEnvironment.objects.get(pk=ee.pk))

    return decide(await in_thread(ask)())


async def test_a_pin_runs_what_the_tag_meant_when_it_was_set(
    world: World, control: Any, ee: Any, registry: Registry, shipyard: Shipyard
) -> None:
    first = shipyard.ship(registry, "ees/pin:1", "p1")
    ee = await use(ee, image=registry.image("ees/pin:1"), pull="always")
    await in_thread(lambda: pins.pin_to_tag(ee, tags.meaning_now(ee), user=world.admin))()
    moved = shipyard.ship(registry, "ees/pin:1", "p2")
    template = await in_thread(lambda: world.template(MARK))()

    job, build = await ran(world, template)

    assert build == "p1"
    assert job.ee_digest == job.ee_wanted_digest == first != moved
    assert (job.ee_name, job.ee_image) == (ee.name, ee.image)
    assert job.ee_platform.startswith("linux/")
    told_now = await check(ee)
    assert (told_now.state, told_now.moved) == ("pinned", True)
    await in_thread(lambda: pins.unpin(ee, user=world.admin))()
    assert (await ran(world, template))[1] == "p2"


async def test_a_moved_tag_is_noticed_on_the_schedule_and_by_the_next_pull(
    world: World, control: Any, ee: Any, registry: Registry, shipyard: Shipyard
) -> None:
    first = shipyard.ship(registry, "ees/follow:1", "f1")
    ee = await use(ee, image=registry.image("ees/follow:1"), pull="always")
    await in_thread(ExecutionEnvironment.objects.exclude(pk=ee.pk).delete)()
    template = await in_thread(lambda: world.template(MARK))()
    await ran(world, template)
    assert (await state(ee)).state == "in step"  # the pull itself told
    second = shipyard.ship(registry, "ees/follow:1", "f2")

    await use(ee, registry_checked=None)
    assert await schedule.turn(control.world.engine, 3600) == ee.pk
    assert await schedule.turn(control.world.engine, 3600) is None  # asked just now

    noticed = await in_thread(lambda: ExecutionEnvironment.objects.get(pk=ee.pk))()
    assert decide(noticed).state == "drifted"
    assert second[:19] in decide(noticed).sentence
    assert noticed.drifted_since is not None
    _, build = await ran(world, template)
    assert build == "f2"
    assert (await state(ee)).state == "in step"

    def history() -> Any:
        rows = ee.digests.order_by("id")
        return [(d.digest, d.first_run is not None) for d in rows]

    assert await in_thread(history)() == [(first, True), (second, True)]


async def test_warn_runs_what_the_tag_means_and_says_so_until_a_person_accepts(
    world: World, control: Any, ee: Any, registry: Registry, shipyard: Shipyard
) -> None:
    first = shipyard.ship(registry, "ees/warn:1", "w1")
    await use(ee, image=registry.image("ees/warn:1"), pull="always", drift_policy="warn")
    template = await in_thread(lambda: world.template(MARK))()
    quiet, _ = await ran(world, template)
    second = shipyard.ship(registry, "ees/warn:1", "w2")

    warned, build = await ran(world, template)

    assert (quiet.ee_warning, build) == ("", "w2")
    assert first[:19] in warned.ee_warning
    assert second[:19] in warned.ee_warning
    assert (await state(ee)).state == "drifted"
    await in_thread(lambda: pins.accept(ee, user=world.admin))()
    assert (await state(ee)).state == "in step"
    assert (await ran(world, template))[0].ee_warning == ""


async def test_hold_keeps_what_ran_even_without_a_registry_until_a_person_accepts(
    world: World, control: Any, ee: Any, registry: Registry, front: SlowProxy, shipyard: Shipyard
) -> None:
    first = shipyard.ship(registry, "ees/hold:1", "h1")
    image = f"{front.address}/ees/hold:1"
    await use(ee, image=image, pull="always", drift_policy="hold")
    template = await in_thread(lambda: world.template(MARK))()
    accepted, _ = await ran(world, template)
    second = shipyard.ship(registry, "ees/hold:1", "h2")
    held_state = await check(ee)

    held, build = await ran(world, template)

    assert held_state.state == "held"
    assert (build, held.ee_digest, held.ee_wanted_digest) == ("h1", first, first)
    assert (accepted.ee_wanted_digest, accepted.ee_digest) == ("", first)
    front.close()
    offline, build = await ran(world, template)
    assert build == "h1", told(offline)
    unknown = await check(ee)
    assert unknown.state == "held"
    assert "could not be asked again" in unknown.sentence

    await use(ee, image=registry.image("ees/hold:1"))  # where it can be reached again
    await check(ee)
    await in_thread(lambda: pins.accept(ee, user=world.admin))()
    job, build = await ran(world, template)
    assert (job.ee_digest, build) == (second, "h2")


async def test_a_pinned_digest_runs_from_whatever_has_it(
    world: World, control: Any, ee: Any, registry: Registry, front: SlowProxy, shipyard: Shipyard
) -> None:
    """From another registry, under no name on the engine at all, and under another name."""
    digest = shipyard.ship(registry, "ees/any:1", "a1")
    shipyard.ship(registry, "ees/any:1", "a2")
    ee = await use(ee, image=f"{front.address}/ees/any:1", pinned_digest=digest)
    template = await in_thread(lambda: world.template(MARK))()
    front.close()

    elsewhere = await use(ee, image=registry.image("ees/any:1"))
    assert (await ran(world, template))[1] == "a1"
    await use(elsewhere, image=ee.image)  # whose registry is down
    identity = (await last()).ee_image_id
    shipyard.podman.run("untag", identity)
    assert (await ran(world, template))[1] == "a1"
    shipyard.podman.run("tag", identity, "localhost/gantry-test/another:1")
    assert (await ran(world, template))[1] == "a1"
    shipyard.images.forget("localhost/gantry-test/another:1")

    nowhere = await run(world, template)
    assert nowhere.failure_class == "registry_unreachable", told(nowhere)
    await use(ee, image=registry.image("ees/renamed:1"))  # where only its history knows it
    assert (await ran(world, template))[1] == "a1"


async def test_an_index_of_platforms_is_one_digest_for_registry_engine_and_job(
    world: World, control: Any, ee: Any, registry: Registry, front: SlowProxy, shipyard: Shipyard
) -> None:
    shipyard.ship_index(registry, "ees/index:1", "i1")
    await use(ee, image=f"{front.address}/ees/index:1", pull="always", drift_policy="hold")
    template = await in_thread(lambda: world.template(MARK))()

    first, _ = await ran(world, template)

    asked = await check(ee)
    assert asked.state == "in step", asked.sentence
    shipyard.podman.run("untag", first.ee_image_id)
    front.close()
    second, build = await ran(world, template)
    assert (build, second.ee_digest) == ("i1", first.ee_digest)


async def test_a_job_is_repeated_exactly_whatever_became_of_everything_since(
    world: World, control: Any, ee: Any, registry: Registry, shipyard: Shipyard
) -> None:
    shipyard.ship(registry, "ees/again:1", "x1")
    await use(ee, image=registry.image("ees/again:1"), pull="always")
    template = await in_thread(lambda: world.template(MARK, extra_vars='{"cargo": "tea"}'))()
    first, _ = await ran(world, template)
    shipyard.ship(registry, "ees/again:1", "x2")

    def move_on() -> None:
        newer = world.project({"site.yml": MARK.replace("build", "new play, build")}, "Newer")
        snapshot = newer.snapshot
        snapshot.project, snapshot.scm_url = template.project, template.project.scm_url
        snapshot.save()
        template.project.scm_update_on_launch = True
        template.project.save()
        template.extra_vars = '{"cargo": "coffee"}'
        template.save()
        Host.objects.filter(name="beta").update(name="gamma")

    await in_thread(move_on)()
    syncs = await in_thread(ProjectUpdate.objects.count)()

    again = await in_thread(lambda: relaunch_job(first, user=world.admin, exactly=True))()
    again, build = await built(await ended(again))

    assert build == "x1"
    assert (again.ee_digest, again.ee_wanted_digest) == (first.ee_digest, first.ee_digest)
    for name in ("scm_revision", "project_snapshot_id", "inventory_snapshot_id", "extra_vars"):
        assert getattr(again, name) == getattr(first, name), name
    assert await in_thread(ProjectUpdate.objects.count)() == syncs
    text = await output(again)
    assert "cargo tea" in text
    assert "ok: [beta]" in text
    assert "new play" not in text
    row = await in_thread(lambda: ExecutionEnvironment.objects.get(pk=ee.pk))()
    assert row.last_digest == first.ee_digest  # x2 never ran; a repetition says nothing of today


async def test_a_deleted_environment_takes_neither_record_nor_repetition_away(
    world: World, control: Any, ee: Any, registry: Registry, shipyard: Shipyard
) -> None:
    digest = shipyard.ship(registry, "ees/deleted:1", "d1")
    ee = await use(ee, image=registry.image("ees/deleted:1"))
    template = await in_thread(lambda: world.template(MARK))()
    first, _ = await ran(world, template)
    await in_thread(ee.delete)()

    again = await in_thread(
        lambda: relaunch_job(type(first).objects.get(pk=first.pk), user=world.admin, exactly=True)
    )()
    again, build = await built(await ended(again))

    assert build == "d1"
    assert (again.ee_name, again.ee_image, again.ee_digest) == ("Test EE", ee.image, digest)
    assert again.execution_environment_id is None


async def test_a_digest_that_nobody_has_any_more_is_told_with_what_is_nearest(
    world: World, control: Any, ee: Any, registry: Registry, shipyard: Shipyard
) -> None:
    image = shipyard.build(registry.image("ees/gone:1"), "g1")  # never pushed
    await use(ee, image=image)
    template = await in_thread(lambda: world.template(MARK))()
    first, _ = await ran(world, template)
    shipyard.images.forget(image)
    newer = shipyard.ship(registry, "ees/gone:1", "g2")
    await ran(world, template)

    again = await in_thread(lambda: relaunch_job(first, user=world.admin, exactly=True))()
    again = await ended(again)

    assert (again.status, again.failure_class) == ("error", "digest_gone"), told(again)
    assert "can no longer be had" in again.job_explanation
    assert first.ee_digest in again.job_explanation
    assert "manifest unknown" in again.job_explanation
    assert f"still holds {newer[:19]}" in again.failure_cure
    assert "Relaunch plainly" in again.failure_cure
    await in_thread(lambda: pins.pin(ee, first.ee_digest, user=world.admin))()
    pinned = await run(world, template)
    assert pinned.failure_class == "digest_gone", told(pinned)
    assert "unpin" in pinned.failure_cure
    assert "Relaunch" not in pinned.failure_cure
