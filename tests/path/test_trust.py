"""What an organization demands of images, and of whom it does not."""

from __future__ import annotations

from typing import Any

import pytest

from gantry.base.errors import JobFailure
from gantry.path.pull import PullRequest
from gantry.path.trust import Proof, SignatureChecker, Trust, check_registry, trust_of
from gantry.pods.contract import RegistryLogin
from gantry.resources.models import ExecutionEnvironment
from tests.images.conftest import shelf
from tests.images.docker_registry import Shelf
from tests.images.signing import new_key, public_pem, sign
from tests.journeys.world import World

__all__ = ["shelf"]
DIGEST = "sha256:" + "7" * 64


def request(image: str, *elsewhere: str) -> PullRequest:
    return PullRequest(image, "", RegistryLogin("", "", "", False), DIGEST, elsewhere)


async def never(digest: str, keys: str) -> Proof | None:
    return None


def trusting(world: World, **rules: Any) -> Trust:
    for name, value in rules.items():
        setattr(world.organization, name, value)
    return trust_of(world.organization, world.environment)


def test_an_image_of_a_registry_that_is_not_allowed_is_refused_with_its_cure(world: World) -> None:
    trust = trusting(world, allowed_registries=["quay.io/acme"])

    with pytest.raises(JobFailure) as refused:
        check_registry(trust, request("quay.io/other/ee:1"))

    assert refused.value.code == "registry_not_allowed"
    assert "Acme" in refused.value.sentence
    assert "quay.io/acme" in refused.value.sentence
    assert "allowed registries" in refused.value.cure


def test_a_digest_is_not_taken_from_a_place_that_is_not_allowed(world: World) -> None:
    trust = trusting(world, allowed_registries=["quay.io"])

    kept = check_registry(trust, request("quay.io/a/ee", "evil.example/a/ee", "quay.io/b/ee"))

    assert kept.elsewhere == ("quay.io/b/ee",)


def test_without_rules_and_for_the_control_plane_everything_runs(world: World) -> None:
    rules: dict[str, Any] = {
        "allowed_registries": ["quay.io"], "signature_keys": public_pem(new_key())
    }  # fmt: skip
    strict = trusting(world, **rules)
    control_plane = ExecutionEnvironment.objects.get(managed=True)

    assert strict.keys
    assert trust_of(world.organization, control_plane) == Trust()
    assert trust_of(None, world.environment) == Trust()


def test_keys_that_cannot_be_read_stop_the_job_not_the_controller(world: World) -> None:
    with pytest.raises(JobFailure) as failure:
        trusting(world, signature_keys="no key")

    assert failure.value.code == "signature_keys"


async def test_a_proof_is_looked_for_once(world: World, shelf: Shelf) -> None:
    key = new_key()
    image = shelf.variant("linux", "amd64", tag="1")
    sign(shelf, key, image)
    trust = trusting(world, signature_keys=public_pem(key))
    checker = SignatureChecker()

    proof = await checker.check(trust, request(shelf.image("1")), image, never)
    # Nobody answers there, so it is not asked.
    again = await checker.check(trust, request("127.0.0.1:1/x"), image, never)

    assert proof is not None
    assert proof["digest"] == image
    assert again == proof


async def test_an_earlier_jobs_proof_needs_no_registry_and_other_keys_need_another(
    world: World,
) -> None:
    trust = trusting(world, signature_keys=public_pem(new_key()))
    known = {"digest": DIGEST, "key": "sha256:k", "identity": "", "keys": trust.fingerprint}

    async def earlier(digest: str, keys: str) -> Proof | None:
        return known if (digest, keys) == (DIGEST, trust.fingerprint) else None

    nobody = request("127.0.0.1:1/x")
    assert await SignatureChecker().check(trust, nobody, DIGEST, earlier) == known
    other = trusting(world, signature_keys=public_pem(new_key()))
    with pytest.raises(JobFailure) as failure:
        await SignatureChecker().check(other, nobody, DIGEST, earlier)

    assert failure.value.code == "registry_unreachable"
    assert "could not be found out" in failure.value.sentence


async def test_an_image_of_this_machine_can_have_no_signature(world: World) -> None:
    trust = trusting(world, signature_keys=public_pem(new_key()))

    with pytest.raises(JobFailure) as failure:
        await SignatureChecker().check(trust, request("localhost/gantry/ee"), DIGEST, never)

    assert failure.value.code == "signature_missing"
    assert "no registry" in failure.value.sentence
    assert "cosign sign" in failure.value.cure


async def test_the_repository_where_a_digest_was_seen_may_keep_its_signature(
    world: World, shelf: Shelf
) -> None:
    key = new_key()
    image = shelf.variant("linux", "amd64", tag="1")
    sign(shelf, key, image)
    trust = trusting(world, signature_keys=public_pem(key))
    asked = request("localhost/renamed", shelf.image("1"))

    assert await SignatureChecker().check(trust, asked, image, never) is not None
