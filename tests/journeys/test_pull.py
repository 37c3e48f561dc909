"""Pulling: by policy, with a login, told in the registry's own words, once for all who wait.

The images here hold one file and no python3, so a job that got its image ends right after the pull
with `image_without_python`: that class means that the pull did all it had to.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from gantry.base.engine_probe import probe_engine, start_service
from gantry.cli.demo import keys
from gantry.images.podman_cli import Podman
from tests.journeys.outcome import ended, run, told, until
from tests.journeys.registry import PASSWORD, USER, Images, Registry, SlowProxy
from tests.journeys.world import World

GOT_IT = "image_without_python"


@pytest.fixture(scope="session")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("registries")


@pytest.fixture(scope="session")
def certificates(yard: Path) -> dict[str, Any]:
    """Two self-made authorities, each with a server certificate; only the first is trusted."""
    made: dict[str, Any] = {}
    for name in ("trusted", "stranger"):
        folder = yard / name
        folder.mkdir()
        made[name] = (folder, keys.server_certificate(folder, folder, "localhost", "127.0.0.1"))
    return made


@pytest.fixture(scope="session")
def engine_url(certificates: dict[str, Any]) -> Iterator[str]:
    """An engine on a machine whose administrator trusts the first authority."""
    folder, _ = certificates["trusted"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))
        home = Path(f"/tmp/gantry-engine-tls-{os.getpid()}")  # a socket's name must be short
        service = start_service(home, probe_engine())
    yield service.url
    service.stop()
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def images(yard: Path) -> Iterator[Images]:
    made = Images(Podman.of(probe_engine(), yard), yard)
    yield made
    made.forget_all()


@pytest.fixture(scope="session")
def registry(yard: Path, certificates: dict[str, Any]) -> Iterator[Registry]:
    """Open to everyone, over TLS that the engine trusts."""
    folder, ca = certificates["trusted"]
    running = Registry(yard / "open", tls=folder, ca=ca).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def private(yard: Path, certificates: dict[str, Any]) -> Iterator[Registry]:
    """Asks for a password, over TLS that the engine trusts."""
    folder, ca = certificates["trusted"]
    running = Registry(yard / "private", tls=folder, password=True, ca=ca).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def strange(yard: Path, certificates: dict[str, Any]) -> Iterator[Registry]:
    """Its certificate is of an authority that nobody here knows."""
    folder, ca = certificates["stranger"]
    running = Registry(yard / "strange", tls=folder, ca=ca).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def plain(yard: Path) -> Iterator[Registry]:
    """Without TLS."""
    running = Registry(yard / "plain").start()
    yield running
    running.stop()


def use(world: World, image: str, pull: str = "", **login: Any) -> Any:
    """A template on an execution environment of this image, policy and registry login."""
    environment = world.environment
    environment.image, environment.pull = image, pull
    if login:
        environment.credential = world.credential("registry", {"host": "", **login})
    environment.save()
    return world.template()


async def pulled(world: World, image: str, pull: str = "", **login: Any) -> Any:
    return await run(world, await in_thread(lambda: use(world, image, pull, **login))())


@pytest.mark.parametrize("policy", ["", "missing"])
async def test_an_absent_image_is_pulled_once_and_then_taken_as_it_is(
    world: World, control: Any, registry: Registry, images: Images, policy: str
) -> None:
    image = images.push(registry, f"cargo/once{policy}:1")

    first = await pulled(world, image, policy)
    second = await pulled(world, image, policy)

    assert (first.failure_class, second.failure_class) == (GOT_IT, GOT_IT), told(first)
    assert first.ee_digest == registry.digest(f"cargo/once{policy}", "1") == second.ee_digest
    assert len(registry.fetched("manifests", f"cargo/once{policy}")) == 1


async def test_always_takes_what_the_tag_means_now_and_missing_what_it_meant(
    world: World, control: Any, registry: Registry, images: Images
) -> None:
    image = images.push(registry, "cargo/moving:1")
    old = await pulled(world, image)
    before = registry.digest("cargo/moving", "1")
    images.podman.run("tag", image, "localhost/gantry-test/kept:1")
    images.push(registry, "cargo/moving:1", seed="a new build")
    after = registry.digest("cargo/moving", "1")
    images.podman.run("tag", "localhost/gantry-test/kept:1", image)
    images.forget("localhost/gantry-test/kept:1")

    kept = await pulled(world, image, "missing")
    fresh = await pulled(world, image, "always")
    images.forget(old.ee_image_id)  # it lost its name

    assert before != after
    assert (old.ee_digest, kept.ee_digest, fresh.ee_digest) == (before, before, after)
    environment = await in_thread(lambda: type(world.environment).objects.get(
        pk=world.environment.pk))()  # fmt: skip
    assert environment.last_digest == after


async def test_never_takes_what_is_there_and_refuses_to_fetch(
    world: World, control: Any, registry: Registry, images: Images
) -> None:
    image = images.push(registry, "cargo/never:1")

    refused = await pulled(world, image, "never")
    images.podman.run("pull", "--tls-verify=false", image)
    taken = await pulled(world, image, "never")

    assert (refused.status, refused.failure_class) == ("error", "image_not_present")
    assert "not present" in refused.job_explanation
    assert "missing" in refused.failure_cure
    assert taken.failure_class == GOT_IT


async def test_a_reference_pinned_by_digest_runs_exactly_that_digest(
    world: World, control: Any, registry: Registry, images: Images
) -> None:
    images.push(registry, "cargo/pinned:1")
    digest = registry.digest("cargo/pinned", "1")
    images.push(registry, "cargo/pinned:1", seed="moved on")

    job = await pulled(world, registry.image(f"cargo/pinned@{digest}"))

    assert job.failure_class == GOT_IT, told(job)
    assert job.ee_digest == digest != registry.digest("cargo/pinned", "1")


async def test_a_registry_credential_opens_a_private_registry(
    world: World, control: Any, private: Registry, images: Images
) -> None:
    image = images.push(private, "cargo/private:1")

    job = await pulled(world, image, host=private.address, username=USER, password=PASSWORD)

    assert job.failure_class == GOT_IT, told(job)
    assert job.ee_digest.startswith("sha256:")


async def test_a_credential_may_name_its_host_as_a_url(
    world: World, control: Any, private: Registry, images: Images
) -> None:
    image = images.push(private, "cargo/url:1")

    job = await pulled(
        world, image, host=f"https://{private.address}/", username=USER, password=PASSWORD
    )

    assert job.failure_class == GOT_IT, told(job)


@pytest.mark.parametrize("password", ["wrong", None])
async def test_a_wrong_or_missing_password_is_told_in_the_registrys_words(
    world: World, control: Any, private: Registry, images: Images, password: str | None
) -> None:
    image = images.push(private, "cargo/locked:1")
    login = {"host": private.address, "username": USER, "password": password} if password else {}

    job = await pulled(world, image, **login)

    assert (job.status, job.failure_class) == ("error", "registry_denied"), told(job)
    assert image in job.job_explanation
    assert "authentication required" in job.job_explanation.lower() or (
        "unauthorized" in job.job_explanation.lower()
    )
    assert "password" in job.failure_cure
    assert "harbour" not in told(job)


@pytest.mark.parametrize("name", ["cargo/nobody:1", "cargo/known:nosuchtag"])
async def test_an_unknown_image_or_tag_says_so(
    world: World, control: Any, registry: Registry, images: Images, name: str
) -> None:
    images.push(registry, "cargo/known:1")

    job = await pulled(world, registry.image(name))

    assert (job.status, job.failure_class) == ("error", "image_unknown"), told(job)
    assert "manifest unknown" in job.job_explanation
    assert "name and tag" in job.failure_cure


async def test_a_registry_that_is_down_is_unreachable(
    world: World, control: Any, yard: Path
) -> None:
    gone = Registry(yard / "gone").start()
    gone.stop()

    job = await pulled(world, gone.image("cargo/any:1"))

    assert (job.status, job.failure_class) == ("error", "registry_unreachable"), told(job)
    assert "connection refused" in job.job_explanation
    assert "address" in job.failure_cure


async def test_an_unknown_certificate_is_refused_unless_verify_ssl_is_off(
    world: World, control: Any, strange: Registry, images: Images
) -> None:
    image = images.push(strange, "cargo/strange:1")

    refused = await pulled(world, image)
    trusted = await pulled(world, image, host=strange.address, verify_ssl=False)

    assert (refused.status, refused.failure_class) == ("error", "registry_tls"), told(refused)
    assert "Verify SSL" in refused.failure_cure
    assert trusted.failure_class == GOT_IT, told(trusted)


async def test_a_registry_without_tls_needs_verify_ssl_off(
    world: World, control: Any, plain: Registry, images: Images
) -> None:
    image = images.push(plain, "cargo/plain:1")

    refused = await pulled(world, image)
    pulled_now = await pulled(world, image, host=plain.address, verify_ssl=False)

    assert refused.failure_class == "registry_tls", told(refused)
    assert pulled_now.failure_class == GOT_IT, told(pulled_now)


async def test_bytes_are_seen_on_the_row_and_jobs_that_wait_share_one_pull(
    world: World, control: Any, registry: Registry, images: Images
) -> None:
    images.push(registry, "cargo/big:1", size=8 << 20)
    proxy = SlowProxy(registry.port)
    image = f"{proxy.address}/cargo/big:1"

    def launch_three() -> list[Any]:
        use(world, image, "always")
        return [world.launch(world.template()) for _ in range(3)]

    def bytes_seen() -> bool:
        for job in jobs:
            job.refresh_from_db()
        seen = [job.pull_progress or {} for job in jobs]
        return all(0 < p.get("current", 0) < p.get("total", 0) for p in seen)

    try:
        jobs = await in_thread(launch_three)()
        await until(bytes_seen, "bytes on the rows of all three jobs")
        proxy.hurry()
        jobs = [await ended(job) for job in jobs]
    finally:
        proxy.close()
        images.forget(image)

    assert {job.failure_class for job in jobs} == {GOT_IT}
    assert [job.pull_progress for job in jobs] == [None] * 3
    assert {job.ee_digest for job in jobs} == {registry.digest("cargo/big", "1")}
    manifests, blobs = (registry.fetched(kind, "cargo/big") for kind in ("manifests", "blobs"))
    assert len(manifests) == 1
    assert len(blobs) == len(set(blobs)) == 2  # its configuration and its one layer


async def test_a_canceled_job_does_not_end_the_pull_that_another_waits_for(
    world: World, control: Any, registry: Registry, images: Images
) -> None:
    from gantry.path.launch import cancel_job

    images.push(registry, "cargo/shared:1", size=8 << 20)
    proxy = SlowProxy(registry.port)
    image = f"{proxy.address}/cargo/shared:1"

    def launch_two() -> list[Any]:
        use(world, image)
        return [world.launch(world.template()) for _ in range(2)]

    def both_wait() -> bool:
        for job in (first, second):
            job.refresh_from_db()
        return first.stage == second.stage == "pulling" and len(registry.fetched(
            "blobs", "cargo/shared")) > 0  # fmt: skip

    try:
        first, second = await in_thread(launch_two)()
        await until(both_wait, "both jobs at the pull")
        await in_thread(lambda: cancel_job(first, user=world.admin))()
        first = await ended(first)
        proxy.hurry()
        second = await ended(second)
    finally:
        proxy.close()
        images.forget(image)

    assert first.status == "canceled"
    assert second.failure_class == GOT_IT, told(second)


async def test_an_image_from_a_registry_runs_a_job(
    world: World, control: Any, registry: Registry, images: Images, ee_image: str
) -> None:
    image = registry.image("ees/starter:1")
    images.podman.run("tag", ee_image, image)
    images.podman.run(
        "push", "--tls-verify=false", "--compression-format=zstd", "--format=oci", image
    )
    images.forget(image)

    job = await pulled(world, image, "always")
    images.forget(image)

    assert job.status == "successful", told(job)
    assert job.ee_digest == registry.digest("ees/starter", "1")
