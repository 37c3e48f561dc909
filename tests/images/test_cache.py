"""Which of an engine's images may go: what is used, wanted or somebody else's never does.

The last tests remove real images from a real podman.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gantry.base.bridge import in_thread
from gantry.base.engine_probe import probe_engine
from gantry.images.cache import CachedImage, Policy, Pruned, known, prune, to_go
from gantry.images.podman_cli import Podman
from gantry.pods.contract import PodSpec
from gantry.pods.docker_api import DockerEngine
from gantry.pods.docker_images import DockerImages
from gantry.pods.image_store import HeldImage
from gantry.resources.models import EnvironmentDigest, ExecutionEnvironment, UnifiedJob

NOW = datetime(2026, 11, 24, tzinfo=UTC)
A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
IMAGE = "quay.io/acme/ee"


def held(digest: str = A, name: str = f"{IMAGE}:1", **more: Any) -> HeldImage:
    values: dict[str, Any] = {"size": 100, "created": None, "containers": 0, **more}
    names = (name,) if name else ()
    return HeldImage("sha256:" + "1" * 64, names, (f"{IMAGE}@{digest}",), **values)


def environment(**fields: Any) -> ExecutionEnvironment:
    values = {"name": "Other", "image": f"{IMAGE}:2", "last_digest": B}
    return ExecutionEnvironment.objects.create(**(values | fields))


def ran(digest: str = A, days: float = 90, **fields: Any) -> UnifiedJob:
    values: dict[str, Any] = {
        "kind": "job", "status": "successful", "ee_digest": digest, "ee_image": f"{IMAGE}:1",
        "finished": datetime.now(UTC) - timedelta(days=days),
    }  # fmt: skip
    return UnifiedJob.objects.create(**(values | fields))


def one(image: HeldImage) -> CachedImage:
    (found,) = known([image])
    return found


def test_an_image_that_a_job_ran_long_ago_and_nothing_wants_may_go(db: str) -> None:
    job = ran()

    found = one(held())

    assert found.may_go
    assert found.last_used == job.finished


def test_an_image_that_gantry_does_not_know_is_somebody_elses(db: str) -> None:
    assert not one(held()).ours
    assert not one(held()).may_go


def test_a_name_that_gantry_did_not_give_keeps_an_image(db: str) -> None:
    ran()

    found = one(held(name="localhost/somebody/needs-this:1"))

    assert found.ours
    assert not found.may_go
    assert "somebody/needs-this" in found.kept


def test_a_name_by_digest_keeps_no_image_of_a_repository_that_gantry_asks(db: str) -> None:
    ran()

    assert one(held(name=f"{IMAGE}@{A}")).may_go  # podman's name for what was pulled by digest
    assert "somebody/has" in one(held(name=f"quay.io/somebody/has@{A}")).kept


WANTED = {
    "runs": lambda: held(containers=1),
    "is pinned": lambda: environment(pinned_digest=A) and held(),
    "is accepted": lambda: environment(accepted_digest=A, drift_policy="hold") and held(),
    "ran last": lambda: environment(last_digest=A) and held(),
    "is what the tag means": lambda: environment(registry_digest=A) and held(),
    "is an EE's image here": lambda: environment(image=f"{IMAGE}:1") and held(),
    "is the newest of an EE": lambda: EnvironmentDigest.objects.create(
        environment=environment(), digest=A, reference=IMAGE, origin="imported"
    ) and held(),
    "is what a job waits for": lambda: ran(B, status="pending", ee_wanted_digest=A) and held(),
    "is a waiting job's image": lambda: ran(B, status="waiting", ee_image=f"{IMAGE}:1") and held(),
}  # fmt: skip


@pytest.mark.parametrize("why", WANTED)
def test_an_image_stays_that(db: str, why: str) -> None:
    ran()

    found = one(WANTED[why]())

    assert found.ours
    assert found.kept
    assert to_go([found], Policy(days=1, size=1), datetime.now(UTC)) == []


def cached(days: float, size: int = 100, kept: str = "", ours: bool = True) -> CachedImage:
    image = held(size=size)
    return CachedImage(image, ours, NOW - timedelta(days=days), kept)


def test_by_age_goes_what_was_not_used_for_so_long() -> None:
    old, young = cached(31), cached(29)

    assert to_go([young, old], Policy(days=30), NOW) == [old]
    assert to_go([young, old], Policy(), NOW) == []


def test_by_size_the_longest_unused_go_until_it_is_enough() -> None:
    oldest, old, young = cached(30), cached(20), cached(10)
    foreign, needed = cached(99, 10_000, ours=False), cached(98, 50, kept="it is pinned")

    assert to_go([young, old, oldest, foreign, needed], Policy(size=150), NOW) == [oldest, old]
    assert to_go([young, old, oldest], Policy(size=300), NOW) == []


@pytest.fixture
async def store(engine_url: str) -> AsyncIterator[DockerImages]:
    opened = DockerImages(engine_url)
    yield opened
    await opened.close()


@pytest.fixture
def make(tmp_path: Path, engine_url: str) -> Iterator[Callable[[], str]]:
    """Makes images of one file on the engine; gone afterwards."""
    podman = Podman.of(probe_engine(), tmp_path)
    made = []

    def image() -> str:
        with tarfile.open(tmp_path / "layer.tar", "w") as layer:
            content = uuid4().hex.encode()
            member = tarfile.TarInfo("cargo")
            member.size = len(content)
            layer.addfile(member, io.BytesIO(content))
        name = f"localhost/gantry-test/cache:{uuid4().hex[:8]}"
        podman.run("import", str(tmp_path / "layer.tar"), name)
        made.append(podman.image_id(name))
        return name

    yield image
    for identity in made:
        podman.succeeds("image", "rm", "--force", identity)


class Only:
    """The engine, but with no other images than these: the machine's own stay out of it."""

    def __init__(self, store: DockerImages, *names: str) -> None:
        self.store, self.names = store, names
        self.after_deletion: Callable[[], Any] = lambda: None

    async def held(self) -> list[HeldImage]:
        return [i for i in await self.store.held() if {*self.names} & {*i.names}]

    async def delete(self, reference: str) -> None:
        await self.store.delete(reference)
        await in_thread(self.after_deletion)()


async def pruned(only: Any) -> list[Pruned]:
    told: list[Pruned] = []
    await prune(only, Policy(days=30), datetime.now(UTC), told.append)
    return told


async def known_to_gantry(store: DockerImages, name: str, days: float = 90) -> str:
    config = await store.config(name)
    assert config is not None
    await in_thread(lambda: ran(config.id, days, ee_image=name))()
    return config.id


async def test_pruning_removes_from_the_engine_what_may_go(
    db: str, store: DockerImages, make: Callable[[], str]
) -> None:
    old, young = make(), make()
    identity = await known_to_gantry(store, old)
    await known_to_gantry(store, young, days=1)

    (gone,) = await pruned(Only(store, old, young))

    assert gone.error == ""
    assert await store.config(identity) is None
    assert await store.config(young) is not None


async def test_a_job_that_comes_meanwhile_keeps_its_image(
    db: str, store: DockerImages, make: Callable[[], str]
) -> None:
    """It is launched while the first image goes."""
    first, second = make(), make()
    await known_to_gantry(store, first, days=91)
    await known_to_gantry(store, second, days=90)
    only = Only(store, first, second)
    only.after_deletion = lambda: ran(B, status="pending", ee_image=second)

    (gone,) = await pruned(only)

    assert gone.cached.image.names == (first,)
    assert await store.config(second) is not None


async def test_an_image_that_the_engine_does_not_give_up_is_told(
    db: str, store: DockerImages, make: Callable[[], str], engine_url: str
) -> None:
    """A pod was made of it after its containers were counted."""
    name = make()
    await known_to_gantry(store, name)
    only = Only(store, name)
    (image,) = await only.held()
    engine = DockerEngine(engine_url)
    pod = await engine.create(
        PodSpec(f"gantry-cache-{uuid4().hex[:8]}", name, ("/cargo",), {}, "7", {})
    )

    async def counted_before() -> list[HeldImage]:
        return [image]

    only.held = counted_before  # type: ignore[method-assign]
    (told,) = await pruned(only)
    await engine.remove(pod)
    await engine.close()

    assert "in use" in told.error
    assert await store.config(name) is not None


async def test_a_system_job_removes_them_and_says_which(
    db: str, store: DockerImages, make: Callable[[], str], engine_url: str
) -> None:
    from gantry.base.config import settings
    from gantry.control.main import Control
    from gantry.resources.models import Installation
    from tests.control.test_system_jobs import launch, run, stdout

    instance = await in_thread(lambda: str(Installation.objects.get().uuid))()
    name = make()
    identity = await known_to_gantry(store, name)
    control = Control(settings(), DockerEngine(engine_url), instance)
    own, control.images = control.images, Only(store, name)
    await control.world.pool.open()
    try:
        row = await in_thread(launch)("cleanup_images", days="30", dry_run=True)
        row = await run(control, row)
        assert row.status == "successful", row.waiting_for
        assert f"{name} would be removed" in await in_thread(stdout)(row)
        assert await store.config(identity) is not None
        row = await run(control, await in_thread(launch)("cleanup_images", days="30"))
        assert row.status == "successful"
        assert f"{name} removed\nRemoved 1 images" in await in_thread(stdout)(row)
        assert await store.config(identity) is None
    finally:
        control.images = own
        await control.close()
