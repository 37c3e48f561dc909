"""An EE carried from one engine to another: exported, its image deleted, imported. Real podman."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from gantry.base.engine_probe import probe_engine
from gantry.base.errors import EngineError, Forbidden, InvalidInput
from gantry.images.archive import DEFINITION, LOCK, SBOM, ArchiveRefused, verify
from gantry.images.carry import Wish, export, import_
from gantry.images.inspect.contents import Contents
from gantry.images.podman_cli import Podman
from gantry.pods.contract import Image
from gantry.pods.docker_api import DockerEngine
from gantry.pods.docker_images import DockerImages
from gantry.resources.models import (
    EnvironmentDefinition,
    EnvironmentDigest,
    ExecutionEnvironment,
    ImageContents,
    Organization,
    User,
)

pytestmark = pytest.mark.engine
NAME = f"localhost/gantry-test/carry-{os.getpid()}"
FIRST, SECOND = f"{NAME}:1", f"{NAME}:2"


@pytest.fixture(scope="module")
def podman(engine_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """With FIRST and SECOND, images of one file each."""
    home = tmp_path_factory.mktemp("carry")
    podman = Podman.of(probe_engine(), home)
    yield podman
    for name in set(podman.run("images", "--format={{.Repository}}:{{.Tag}}").split()):
        if name.startswith(NAME):
            podman.succeeds("image", "rm", "--force", name)


@pytest.fixture
def images(podman: Podman, tmp_path: Path) -> None:
    for name in (FIRST, SECOND):
        context = tmp_path / name[-1]
        context.mkdir()
        (context / "cargo").write_text(name)
        (context / "Containerfile").write_text("FROM scratch\nCOPY cargo /cargo\nUSER 1000\n")
        podman.build(name, context, name)


@pytest.fixture
async def engine(engine_url: str) -> AsyncIterator[DockerEngine]:
    engine = DockerEngine(engine_url)
    yield engine
    await engine.close()


@pytest.fixture
async def store(engine_url: str) -> AsyncIterator[DockerImages]:
    store = DockerImages(engine_url)
    yield store
    await store.close()


@pytest.fixture
def row(db: str, images: None) -> ExecutionEnvironment:
    row = ExecutionEnvironment.objects.create(name="Carried", image=FIRST, description="For nets")
    EnvironmentDefinition.objects.create(environment=row, text="version: 3\n", lock="lock: 1\n")
    return row


async def look(image: Image) -> Contents:
    return Contents(FIRST, image.digest, image.platform, ansible_core="2.16.3")


@pytest.fixture
async def carried(
    row: ExecutionEnvironment, engine: DockerEngine, store: DockerImages, tmp_path: Path
) -> Path:
    """Exported, and then neither EE nor image are here any more."""
    target = tmp_path / "ee.tar"
    await export(row, target, engine, store, look)
    await in_thread(row.delete)()
    await store.delete(FIRST)
    assert await engine.image(FIRST) is None
    return target


async def test_a_round_trip_brings_the_same_image_and_all_that_was_known(
    row: ExecutionEnvironment,
    engine: DockerEngine,
    store: DockerImages,
    podman: Podman,
    tmp_path: Path,
) -> None:
    before, config = await engine.image(FIRST), await store.config(FIRST)
    assert before is not None
    archive = await export(row, tmp_path / "ee.tar", engine, store, look)
    await in_thread(row.delete)()
    await store.delete(FIRST)

    done = await import_(tmp_path / "ee.tar", Wish(), None, engine, store)

    after = await engine.image(FIRST)
    assert after is not None
    assert after.id == before.id == archive.about.image_id
    again = await store.config(FIRST)
    assert config is not None
    assert again is not None
    assert replace(again, size=config.size) == config  # podman counts the manifest too
    assert (done.made, done.digest, done.notes) == (True, after.digest, [])
    kept = await in_thread(ExecutionEnvironment.objects.get)(name="Carried")
    assert (kept.image, kept.pull, kept.description) == (FIRST, "missing", "For nets")
    assert (kept.pinned_digest, kept.accepted_digest) == ("", "")
    history = await in_thread(EnvironmentDigest.objects.get)(environment=kept)
    assert (history.digest, history.origin, history.reference) == (
        after.digest, "imported", FIRST,
    )  # fmt: skip
    own = await in_thread(EnvironmentDefinition.objects.get)(environment=kept)
    assert (own.text, own.lock) == ("version: 3\n", "lock: 1\n")
    asked = await in_thread(ImageContents.objects.get)(digest=after.digest)
    assert asked.state == "pending"
    assert podman.run("image", "inspect", "--format={{.RepoTags}}", after.id) == f"[{FIRST}]"
    assert list(tmp_path.glob(".ee.tar*")) == []


async def test_the_archive_has_its_parts_and_podman_loads_it_by_hand(
    carried: Path, podman: Podman
) -> None:
    found = verify(carried)
    said = podman.run("load", "-i", str(carried))

    assert set(found.parts) == {DEFINITION, LOCK, SBOM}
    assert b'"bomFormat": "CycloneDX"' in found.parts[SBOM]
    assert FIRST in said


async def test_another_name_owner_and_image(
    carried: Path, engine: DockerEngine, store: DockerImages
) -> None:
    owner = await in_thread(Organization.objects.create)(name="Network")
    wish = Wish("Ours", owner, f"{NAME}:ours")

    done = await import_(carried, wish, None, engine, store)

    row = done.environment
    assert (row.name, row.image, row.organization_id) == ("Ours", f"{NAME}:ours", owner.pk)
    assert await engine.image(FIRST) is None
    await store.delete(f"{NAME}:ours")


async def test_a_name_that_means_another_image_here_is_not_taken_unasked(
    carried: Path, engine: DockerEngine, store: DockerImages
) -> None:
    other = await engine.image(SECOND)
    assert other is not None

    with pytest.raises(InvalidInput, match="another image under") as refused:
        await import_(carried, Wish(image=SECOND), None, engine, store)
    still = await engine.image(SECOND)
    assert await in_thread(ExecutionEnvironment.objects.filter(name="Carried").exists)() is False
    await import_(carried, Wish(image=SECOND, replace=True), None, engine, store)
    taken = await engine.image(SECOND)

    assert refused.value.field == "image"
    assert still == other
    assert taken is not None
    assert taken.id == verify(carried).about.image_id


async def test_an_ee_that_is_here_is_updated_and_its_own_things_stay(
    carried: Path, engine: DockerEngine, store: DockerImages
) -> None:
    pinned = "sha256:" + "1" * 64

    def here() -> ExecutionEnvironment:
        row = ExecutionEnvironment.objects.create(
            name="Carried", image="x/y:1", pull="always", pinned_digest=pinned
        )
        EnvironmentDefinition.objects.create(environment=row, text="mine")
        return row

    row = await in_thread(here)()
    done = await import_(carried, Wish(), None, engine, store)
    await in_thread(row.refresh_from_db)()

    notes = " ".join(done.notes)
    assert done.made is False
    assert (row.image, row.pinned_digest, row.pull) == (FIRST, pinned, "always")
    for words in ("Its image was x/y:1", f"goes on running {pinned}", "own definition was kept",
                  "policy is `always`"):  # fmt: skip
        assert words in notes


async def test_a_pinned_ee_exports_the_digest_that_runs_and_pins_nothing_where_it_comes(
    row: ExecutionEnvironment, engine: DockerEngine, store: DockerImages, tmp_path: Path
) -> None:
    image = await engine.image(FIRST)
    assert image is not None
    row.pinned_digest = image.digest
    await in_thread(row.save)()
    await store.tag(FIRST, f"{NAME}:kept")
    await store.tag(SECOND, FIRST)  # the tag has moved since

    archive = await export(row, tmp_path / "ee.tar", engine, store)
    await in_thread(row.delete)()
    done = await import_(tmp_path / "ee.tar", Wish(replace=True), None, engine, store)

    assert archive.about.image_id == image.id
    assert archive.about.pinned_digest == image.digest
    assert SBOM not in archive.parts
    assert done.environment.pinned_digest == ""
    assert "Nothing is pinned here" in " ".join(done.notes)


@pytest.mark.parametrize("fault", ["a blob", "cut off", "not an archive"])
async def test_what_was_changed_on_the_way_is_refused_and_nothing_is_loaded(
    carried: Path, engine: DockerEngine, store: DockerImages, fault: str
) -> None:
    data, identity = carried.read_bytes(), verify(carried).about.image_id
    changed = {"a blob": data.replace(FIRST.encode(), FIRST.upper().encode(), 1),
               "cut off": data[: len(data) // 2], "not an archive": b"PK" + data[2:]}  # fmt: skip
    carried.write_bytes(changed[fault])

    with pytest.raises(ArchiveRefused):
        await import_(carried, Wish(), None, engine, store)

    assert await store.by_digest(identity) == ""
    assert await in_thread(ExecutionEnvironment.objects.filter(name="Carried").exists)() is False


async def test_an_image_that_is_not_here_is_not_exported(
    row: ExecutionEnvironment, engine: DockerEngine, store: DockerImages, tmp_path: Path
) -> None:
    for image, pinned in ((f"{NAME}:none", ""), (FIRST, "sha256:" + "2" * 64)):
        row.image, row.pinned_digest = image, pinned
        await in_thread(row.save)()
        with pytest.raises(EngineError) as refused:
            await export(row, tmp_path / "none.tar", engine, store)
        assert refused.value.code == "image_not_present"
    assert list(tmp_path.glob("*none.tar*")) == []


async def test_who_may_import(carried: Path, engine: DockerEngine, store: DockerImages) -> None:
    def people() -> tuple[User, Organization, Any]:
        owner = Organization.objects.create(name="Network")
        user = User.objects.create_user("chief")
        owner.admins.add(user)
        managed = ExecutionEnvironment.objects.get(managed=True)
        return user, owner, managed

    user, owner, managed = await in_thread(people)()

    with pytest.raises(Forbidden):
        await import_(carried, Wish(), user, engine, store)
    with pytest.raises(InvalidInput, match="control plane"):
        await import_(carried, Wish(managed.name), None, engine, store)
    done = await import_(carried, Wish("Theirs", owner), user, engine, store)
    other = await in_thread(Organization.objects.create)(name="Other")
    with pytest.raises(InvalidInput, match="another owner"):
        await import_(carried, Wish("Theirs", other), None, engine, store)

    assert done.environment.created_by_id == user.pk
