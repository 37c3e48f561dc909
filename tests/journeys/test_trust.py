"""Jobs under an organization's rules for images: real podman, a real registry, real signatures.

The images hold no python3: a job that got past the rules ends with `image_without_python`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gantry.base.bridge import in_thread
from gantry.base.engine_probe import probe_engine
from gantry.images.podman_cli import Podman
from tests.images.docker_registry import Shelf
from tests.images.signing import new_key, public_pem, sign
from tests.journeys.outcome import run, told
from tests.journeys.registry import Images, Registry
from tests.journeys.world import World

GOT_PAST = "image_without_python"


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trust")


@pytest.fixture(scope="module")
def images(yard: Path, engine_url: str) -> Iterator[Images]:
    made = Images(Podman.of(probe_engine(), yard), yard)
    yield made
    made.forget_all()


@pytest.fixture
def shelf(registry: Registry, images: Images) -> Shelf:
    """With an image that nobody else has, under the tag `1`."""
    made = Shelf(registry, f"cargo/{uuid4().hex[:10]}")
    images.push(registry, f"{made.repository}:1", seed=made.repository)
    return made


async def job_of(world: World, image: str, **rules: Any) -> Any:
    def template() -> Any:
        environment, organization = world.environment, world.organization
        environment.image = image
        environment.credential = environment.credential or world.credential(
            "registry", {"host": "", "username": "", "password": "", "verify_ssl": False}
        )
        environment.save()
        for name, value in rules.items():
            setattr(organization, name, value)
        organization.save()
        return world.template()

    return await run(world, await in_thread(template)())


async def test_an_image_that_a_trusted_key_signed_runs_and_the_job_says_which(
    world: World, control: Any, shelf: Shelf
) -> None:
    key = new_key()
    digest = shelf.registry.digest(shelf.repository, "1")
    sign(shelf, key, digest)

    job = await job_of(world, shelf.image("1"), signature_keys=public_pem(key))

    assert job.failure_class == GOT_PAST, told(job)
    assert job.ee_digest == job.ee_signature["digest"] == digest
    assert job.ee_signature["key"].startswith("sha256:")


@pytest.mark.parametrize(
    ("signer", "code"), [(None, "signature_missing"), ("a stranger", "signature_wrong")]
)
async def test_an_image_without_a_trusted_signature_never_starts(
    world: World, control: Any, shelf: Shelf, signer: str | None, code: str
) -> None:
    digest = shelf.registry.digest(shelf.repository, "1")
    if signer:
        sign(shelf, new_key(), digest)

    job = await job_of(world, shelf.image("1"), signature_keys=public_pem(new_key()))

    assert (job.status, job.failure_class) == ("error", code), told(job)
    assert digest in job.job_explanation
    assert job.failure_cure
    assert (job.pod_name, job.ee_signature) == ("", None)


async def test_a_tag_that_moved_to_an_unsigned_image_does_not_run(
    world: World, control: Any, shelf: Shelf, images: Images
) -> None:
    key = new_key()
    sign(shelf, key, shelf.registry.digest(shelf.repository, "1"))
    first = await job_of(world, shelf.image("1"), signature_keys=public_pem(key))
    images.forget(first.ee_image_id)
    images.push(shelf.registry, f"{shelf.repository}:1", seed="somebody else's")

    second = await run(world, await in_thread(lambda: first.job_template)())

    assert (first.failure_class, second.failure_class) == (GOT_PAST, "signature_missing")


async def test_nothing_is_asked_of_a_registry_that_is_not_allowed(
    world: World, control: Any, shelf: Shelf
) -> None:
    job = await job_of(world, shelf.image("1"), allowed_registries=["quay.io"])

    assert (job.status, job.failure_class) == ("error", "registry_not_allowed"), told(job)
    assert shelf.registry.fetched("manifests", shelf.repository) == []


async def test_a_registry_that_is_allowed_by_its_path(
    world: World, control: Any, shelf: Shelf
) -> None:
    job = await job_of(
        world, shelf.image("1"), allowed_registries=[f"{shelf.registry.address}/cargo"]
    )

    assert job.failure_class == GOT_PAST, told(job)


async def test_an_image_without_a_variant_for_the_engine_says_so(
    world: World, control: Any, shelf: Shelf
) -> None:
    shelf.index("foreign", "linux/s390x", "linux/riscv64")

    job = await job_of(world, shelf.image("foreign"))

    assert (job.status, job.failure_class) == ("error", "wrong_platform"), told(job)
    assert "gantry ee platforms" in job.failure_cure


async def test_of_many_variants_the_engine_takes_its_own_and_the_index_is_the_digest(
    world: World, control: Any, shelf: Shelf
) -> None:
    index = shelf.index("many", "linux/s390x", "linux/amd64", "linux/arm64")

    job = await job_of(world, shelf.image("many"))

    assert job.failure_class == GOT_PAST, told(job)
    assert job.ee_digest == index
    assert job.ee_platform in ("linux/amd64", "linux/arm64")
