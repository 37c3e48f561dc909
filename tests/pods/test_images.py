"""What an engine does with images (pods/image_store.py), asked of a real podman and registry."""

from __future__ import annotations

import io
import tarfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from gantry.base.engine_probe import probe_engine
from gantry.base.errors import EngineError, EngineUnreachable
from gantry.images.podman_cli import Podman
from gantry.pods.contract import PodSpec, PullProgress, RegistryLogin
from gantry.pods.docker_api import DockerEngine
from gantry.pods.docker_images import DockerImages
from tests.journeys.registry import PASSWORD, USER, Registry

HERE = "localhost/gantry-test/store"


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="module")
def podman(yard: Path, engine_url: str) -> Podman:
    return Podman.of(probe_engine(), yard)


@pytest.fixture
async def store(engine_url: str) -> AsyncIterator[DockerImages]:
    opened = DockerImages(engine_url)
    yield opened
    await opened.close()


@pytest.fixture
def image(podman: Podman, yard: Path) -> Iterator[str]:
    """An image of one file that nobody else has; gone afterwards with every name it got."""
    archive = yard / "layer.tar"
    with tarfile.open(archive, "w") as layer:
        content = uuid4().hex.encode()
        member = tarfile.TarInfo("cargo")
        member.size = len(content)
        layer.addfile(member, io.BytesIO(content))
    name = f"{HERE}:{uuid4().hex[:8]}"
    podman.run(
        "import", "--change", "LABEL port=home", "--change", "USER 7",
        "--change", 'CMD ["/cargo","now"]', str(archive), name,
    )  # fmt: skip
    identity = podman.image_id(name)
    yield name
    podman.succeeds("image", "rm", "--force", identity)


async def _bytes(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _quiet(_: PullProgress) -> None:
    pass


def login(registry: Registry, password: str = PASSWORD) -> RegistryLogin:
    return RegistryLogin(registry.address, USER, password, verify_ssl=False)


async def test_what_is_held_tells_names_size_labels_and_who_stands_on_it(
    store: DockerImages, image: str, engine_url: str, podman: Podman
) -> None:
    engine = DockerEngine(engine_url)
    pod = await engine.create(
        PodSpec(f"gantry-store-{uuid4().hex[:8]}", image, ("/cargo",), {}, "7", {})
    )
    (used,) = [i for i in await store.held() if image in i.names]
    await engine.remove(pod)
    await engine.close()

    (free,) = [i for i in await store.held() if image in i.names]

    assert used.id == free.id == f"sha256:{podman.image_id(image)}"
    assert (used.containers, free.containers) == (1, 0)
    assert free.size > 32
    assert free.labels == {"port": "home"}
    assert free.created is not None
    assert {d.partition("@")[0] for d in free.digests} == {HERE}


async def test_an_image_says_what_it_is(store: DockerImages, image: str) -> None:
    config = await store.config(image)

    assert config is not None
    assert (config.user, config.command, config.entrypoint) == ("7", ("/cargo", "now"), ())
    assert config.platform.startswith("linux/")
    assert config.labels == {"port": "home"}
    assert len(config.layers) == 1
    assert config.created is not None
    assert config.created.tzinfo is not None


async def test_an_image_that_is_not_here_has_no_words(store: DockerImages) -> None:
    assert await store.config(f"{HERE}:never") is None


async def test_an_image_is_found_by_its_digest_under_any_name(
    store: DockerImages, image: str
) -> None:
    (held,) = [i for i in await store.held() if image in i.names]
    digest = held.digests[0].partition("@")[2]
    await store.tag(image, f"{HERE}-renamed:1")
    await store.delete(image)

    assert await store.by_digest(digest) == held.id
    assert await store.by_digest(held.id) == held.id
    assert await store.by_digest("sha256:" + "0" * 64) == ""


async def test_names_come_and_go_and_the_image_goes_with_the_last(
    store: DockerImages, image: str
) -> None:
    other = f"{HERE}-other:2"
    await store.tag(image, other)

    await store.delete(image)
    left = await store.config(other)
    await store.delete(other)
    await store.delete(other)

    assert left is not None
    assert await store.config(left.id) is None


async def test_an_image_that_a_container_stands_on_is_not_deleted(
    store: DockerImages, image: str, engine_url: str
) -> None:
    engine = DockerEngine(engine_url)
    pod = await engine.create(
        PodSpec(f"gantry-store-{uuid4().hex[:8]}", image, ("/cargo",), {}, "7", {})
    )
    with pytest.raises(EngineError, match="in use"):
        await store.delete(image)
    await engine.remove(pod)
    await engine.close()

    assert await store.config(image) is not None


async def test_a_push_tells_the_digest_that_the_registry_has(
    store: DockerImages, image: str, registry: Registry
) -> None:
    there = registry.image("store/pushed:1")
    await store.tag(image, there)
    said: list[str] = []

    digest = await store.push(there, login(registry), lambda p: said.append(p.message))

    assert digest == registry.digest("store/pushed", "1")
    assert said


async def test_a_push_with_the_wrong_password_is_refused(
    store: DockerImages, image: str, yard: Path
) -> None:
    private = Registry(yard / "private", password=True).start()
    there = private.image("store/private:1")
    await store.tag(image, there)
    try:
        with pytest.raises(EngineError, match=r"(?i)unauthorized|authentication"):
            await store.push(there, login(private, "wrong"), _quiet)
        assert await store.push(there, login(private), _quiet)
    finally:
        private.stop()


async def test_a_push_to_nobody_is_the_registrys_failure_not_the_engines(
    store: DockerImages, image: str
) -> None:
    there = "127.0.0.1:1/store/x:1"
    await store.tag(image, there)

    with pytest.raises(EngineError, match="refused") as failure:
        await store.push(there, None, _quiet)

    assert not isinstance(failure.value, EngineUnreachable)


async def test_an_image_survives_being_saved_deleted_and_loaded(
    store: DockerImages, image: str
) -> None:
    before = await store.config(image)
    archive = [piece async for piece in store.save(image)]
    await store.delete(image)

    loaded = await store.load(_bytes(*archive))

    after = await store.config(image)
    assert before is not None
    assert after is not None
    assert loaded == after.id == before.id
    assert (after.layers, after.labels) == (before.layers, before.labels)
    with tarfile.open(fileobj=io.BytesIO(b"".join(archive))) as saved:
        assert {"oci-layout", "index.json"} <= set(saved.getnames())


async def test_a_broken_archive_is_refused(store: DockerImages, image: str) -> None:
    archive = b"".join([piece async for piece in store.save(image)])

    with pytest.raises(EngineError, match="could not load an image"):
        await store.load(_bytes(archive[: len(archive) // 2]))


async def test_what_goes_wrong_with_the_archive_on_its_way_comes_out_as_it_is(
    store: DockerImages, image: str
) -> None:
    archive = b"".join([piece async for piece in store.save(image)])
    await store.delete(image)

    async def tampered() -> AsyncIterator[bytes]:
        yield archive[:1000]
        raise ValueError("a digest does not match")

    with pytest.raises(ValueError, match="does not match"):
        await store.load(tampered())
    assert await store.config(image) is None


async def test_saving_what_is_not_there_says_so(store: DockerImages) -> None:
    with pytest.raises(EngineError, match=r"(?i)no such image|not known|failed to find"):
        [piece async for piece in store.save(f"{HERE}:never")]
