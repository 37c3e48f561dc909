"""The registry client, asked of a real docker-registry and of what stands before real ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from gantry.base.errors import JobFailure
from gantry.cli.demo import keys
from gantry.images.manifests import INDEX, MANIFEST
from gantry.images.registry import RegistryClient
from gantry.pods.contract import RegistryLogin
from tests.images.docker_registry import (
    Front,
    LimitFront,
    Shelf,
    TamperFront,
    TokenFront,
    digest,
)
from tests.journeys.registry import PASSWORD, USER, Registry

Keep = Callable[[Any], Any]
NOBODY = "127.0.0.1:1"


def open_door(host: str = "", user: str = "", password: str = "") -> RegistryLogin:
    """Plain HTTP will do."""
    return RegistryLogin(host, user, password, verify_ssl=False)


@pytest.fixture(scope="session")
def authority(docks: Path) -> tuple[Path, str]:
    folder = docks / "authority"
    folder.mkdir()
    return folder, keys.server_certificate(folder, folder, "localhost", "127.0.0.1")


@pytest.fixture(scope="session")
def private(docks: Path, authority: tuple[Path, str]) -> Iterator[Registry]:
    """TLS by an authority that this machine does not know, and a password."""
    running = Registry(docks / "private", tls=authority[0], password=True, ca=authority[1]).start()
    yield running
    running.stop()


async def refusal(call: Any) -> JobFailure:
    with pytest.raises(JobFailure) as failure:
        await call
    return failure.value


# -- what it says --------------------------------------------------------------------------------


async def test_a_tags_digest_is_that_of_the_manifest_it_means(shelf: Shelf) -> None:
    made = shelf.variant("linux", "amd64", tag="1")

    async with RegistryClient(open_door()) as registry:
        by_head = await registry.digest(shelf.image("1"))
        manifest = await registry.manifest(shelf.image("1"))
        by_digest = await registry.manifest(f"{shelf.image()}@{made}")

    assert by_head == manifest.digest == made == digest(manifest.body)
    assert by_digest == manifest
    assert manifest.media_type == MANIFEST


async def test_an_image_for_many_platforms_has_the_digest_of_its_index(shelf: Shelf) -> None:
    made = shelf.index("many", "linux/amd64", "linux/arm64/v8")

    async with RegistryClient(open_door()) as registry:
        manifest = await registry.manifest(shelf.image("many"))
        platforms = await registry.platforms(shelf.image("many"))

    assert (manifest.digest, manifest.media_type, manifest.is_index) == (made, INDEX, True)
    assert [p.name for p in platforms] == ["linux/amd64", "linux/arm64/v8"]
    listed = [m["digest"] for m in manifest.document["manifests"]]
    assert [p.digest for p in platforms] == listed


async def test_an_image_without_an_index_has_the_platform_of_its_configuration(
    shelf: Shelf,
) -> None:
    made = shelf.variant("linux", "arm", "v7", tag="one")

    async with RegistryClient(open_door()) as registry:
        (platform,) = await registry.platforms(shelf.image("one"))

    assert (platform.name, platform.digest) == ("linux/arm/v7", made)


async def test_tags_are_listed_page_by_page(shelf: Shelf, before: Keep) -> None:
    for number in range(5):
        shelf.variant("linux", "amd64", tag=f"v{number}")

    class Pages(Front):
        def answer(self, method: str, path: str, headers: dict[str, str]) -> Any:
            """docker-registry 2 makes no pages; Quay and Docker Hub do, two and two here."""
            split = urlsplit(path)
            last = parse_qs(split.query).get("last", [""])[0]
            status, given, body = self.passed_on(method, split.path, headers)
            tags = [t for t in sorted(json.loads(body)["tags"]) if t > last]
            given["Content-Length"] = str(len(page := json.dumps({"tags": tags[:2]}).encode()))
            if tags[2:]:
                given["Link"] = f'<{split.path}?n=2&last={tags[1]}>; rel="next"'
            return status, given, page

    front = before(Pages(shelf.registry))

    async with RegistryClient(open_door()) as registry:
        tags = await registry.tags(front.image(shelf.repository))

    assert tags == [f"v{n}" for n in range(5)]
    assert len(front.seen) == 3


async def test_referrers_are_found_under_their_tag_where_the_call_is_not_known(
    shelf: Shelf,
) -> None:
    """Debian's docker-registry (2.8) has no referrers call."""
    subject = shelf.variant("linux", "amd64", tag="1")
    entry = {"mediaType": MANIFEST, "digest": digest(b"x"), "size": 1, "artifactType": "a/sbom"}
    other = {**entry, "artifactType": "a/other"}
    attached = {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
    async with RegistryClient(open_door()) as registry:
        nothing = await registry.referrers(shelf.image("1"), subject)
        fallback = json.dumps({**attached, "manifests": [entry, other]}).encode()

        class WithList(Front):
            """An index may only name what is there, and these are not: it answers itself."""

            def answer(self, method: str, path: str, headers: dict[str, str]) -> Any:
                if path.endswith(f"/manifests/{subject.replace(':', '-')}"):
                    return 200, {"Content-Type": INDEX}, fallback
                return self.passed_on(method, path, headers)

        front = WithList(shelf.registry)
        image = front.image(f"{shelf.repository}:1")
        everything = await registry.referrers(image, subject)
        sbom = await registry.referrers(image, subject, "a/sbom")
        front.close()

    assert (nothing, everything, sbom) == ([], [entry, other], [entry])


async def test_a_blob_is_checked_and_bounded(shelf: Shelf) -> None:
    data = b"cargo" * 1000
    made = shelf.blob(data)["digest"]

    async with RegistryClient(open_door()) as registry:
        assert await registry.blob(shelf.image(), made) == data
        failure = await refusal(registry.blob(shelf.image(), made, limit=4999))

    assert "larger than 4999 bytes" in failure.sentence


async def test_a_body_of_another_digest_is_refused(shelf: Shelf, before: Keep) -> None:
    made = shelf.variant("linux", "amd64", tag="1")
    front = before(
        TamperFront(shelf.registry, lambda body: body.replace(b"amd64", b"arm64") + b" ")
    )

    async with RegistryClient(open_door()) as registry:
        by_digest = registry.manifest(f"{front.image(shelf.repository)}@{made}")
        failure = await refusal(by_digest)
        by_tag = await refusal(registry.manifest(front.image(f"{shelf.repository}:1")))

    assert made in failure.sentence
    assert "its content has the digest" in failure.sentence
    assert "its content has the digest" in by_tag.sentence


async def test_an_answer_that_is_no_json_is_told_as_such(shelf: Shelf, before: Keep) -> None:
    shelf.variant("linux", "amd64", tag="1")
    front = before(TamperFront(shelf.registry, lambda _: b"<html>welcome to the hotel</html>"))

    async with RegistryClient(open_door()) as registry:
        failure = await refusal(registry.tags(front.image(shelf.repository)))

    assert failure.code == "pull_failed"
    assert "no JSON" in failure.sentence


# -- who it is asked as ---------------------------------------------------------------------------


async def test_tls_is_verified_against_the_authorities_it_is_given(
    private: Registry, authority: tuple[Path, str]
) -> None:
    image, login = private.image("cargo/x:1"), RegistryLogin(private.address, USER, PASSWORD)

    async with RegistryClient(login) as stranger:
        untrusted = await refusal(stranger.digest(image))
    async with RegistryClient(login, authority[1]) as friend:
        trusted = await refusal(friend.digest(image))
    careless = RegistryLogin(private.address, USER, PASSWORD, verify_ssl=False)
    async with RegistryClient(careless) as registry:
        unverified = await refusal(registry.digest(image))

    assert untrusted.code == "registry_tls"
    # Reached and let in: there is just no such image.
    assert (trusted.code, unverified.code) == ("image_unknown", "image_unknown")


@pytest.mark.parametrize("password", ["", "wrong"])
async def test_a_wrong_password_is_the_registrys_refusal(
    private: Registry, authority: tuple[Path, str], password: str
) -> None:
    login = RegistryLogin(private.address, USER if password else "", password)
    async with RegistryClient(login, authority[1]) as registry:
        failure = await refusal(registry.digest(private.image("cargo/x:1")))

    assert failure.code == "registry_denied"
    assert "401" in failure.sentence


async def test_a_login_is_given_only_to_the_host_it_names(shelf: Shelf, before: Keep) -> None:
    shelf.variant("linux", "amd64", tag="1")
    front = before(TokenFront(shelf.registry))
    image = front.image(f"{shelf.repository}:1")

    async with RegistryClient(open_door("quay.io", USER, PASSWORD)) as registry:
        await registry.digest(image)

    assert not [h for _, _, h in front.seen if h.get("Authorization", "").startswith("Basic")]


@pytest.mark.parametrize("private", [False, True])
async def test_tokens_are_fetched_as_the_challenge_says_once_for_a_repository(
    shelf: Shelf, before: Keep, private: bool
) -> None:
    made = shelf.variant("linux", "amd64", tag="1")
    front = before(TokenFront(shelf.registry, password=private))
    login = open_door(front.address, USER, PASSWORD) if private else open_door()
    image = front.image(f"{shelf.repository}:1")

    async with RegistryClient(login) as registry:
        assert await registry.digest(image) == made
        assert await registry.tags(image) == ["1"]
        assert (await registry.manifest(image)).digest == made

    assert len([path for _, path, _ in front.seen if path.startswith("/token")]) == 1


async def test_a_token_server_that_refuses_the_password_is_told(shelf: Shelf, before: Keep) -> None:
    shelf.variant("linux", "amd64", tag="1")
    front = before(TokenFront(shelf.registry, password=True))

    async with RegistryClient(open_door(front.address, USER, "wrong")) as registry:
        failure = await refusal(registry.digest(front.image(f"{shelf.repository}:1")))

    assert failure.code == "registry_denied"
    assert "incorrect username or password" in failure.sentence


# -- patience -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "pauses"), [("", [1.0, 2.0]), ("7", [7.0, 7.0]), ("3600", [60.0, 60.0])]
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_registry_that_is_asked_too_often_is_asked_again_when_it_wants(
    shelf: Shelf, before: Keep, after: str, pauses: list[float], status: int
) -> None:
    made = shelf.variant("linux", "amd64", tag="1")
    front = before(LimitFront(shelf.registry, 2, status, after))
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with RegistryClient(open_door(), sleep=sleep) as registry:
        assert await registry.digest(front.image(f"{shelf.repository}:1")) == made

    assert slept == pauses


async def test_when_to_ask_again_may_be_a_date(shelf: Shelf, before: Keep) -> None:
    made = shelf.variant("linux", "amd64", tag="1")
    past = before(LimitFront(shelf.registry, 1, 429, formatdate(0, usegmt=True)))
    future = before(LimitFront(shelf.registry, 1, 429, formatdate(4e9, usegmt=True)))
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with RegistryClient(open_door(), sleep=sleep) as registry:
        for front in (past, future):
            assert await registry.digest(front.image(f"{shelf.repository}:1")) == made

    assert slept == [1.0, 60.0]


async def test_patience_ends(shelf: Shelf, before: Keep) -> None:
    front = before(LimitFront(shelf.registry, 1000))
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with RegistryClient(open_door(), sleep=sleep) as registry:
        failure = await refusal(registry.manifest(front.image("cargo/x:1")))

    assert failure.code == "registry_limited"
    assert slept == [1.0, 2.0, 4.0, 8.0]


# -- nobody there ---------------------------------------------------------------------------------


async def test_an_image_of_localhost_has_no_registry_to_ask() -> None:
    async with RegistryClient() as registry:
        failure = await refusal(registry.digest("localhost/gantry/starter-ee"))

    assert failure.code == "image_not_present"


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (f"{NOBODY}/x:1", "registry_unreachable"),
        ("registry.invalid/x:1", "registry_unreachable"),
    ],
)
async def test_a_registry_that_is_not_there(image: str, code: str) -> None:
    async with RegistryClient(open_door()) as registry:
        failure = await refusal(registry.digest(image))

    assert failure.code == code, failure.sentence


async def test_plain_http_is_not_spoken_with_whom_tls_must_be_verified(shelf: Shelf) -> None:
    shelf.variant("linux", "amd64", tag="1")

    async with RegistryClient() as registry:
        failure = await refusal(registry.digest(shelf.image("1")))

    assert failure.code == "registry_tls", failure.sentence


# -- mirrors --------------------------------------------------------------------------------------


async def test_a_mirror_is_asked_first(shelf: Shelf) -> None:
    made = shelf.variant("linux", "amd64", tag="1")
    organization = shelf.repository.partition("/")[0]
    mirrors = [f"registry.invalid/far={shelf.registry.address}/{organization}"]
    image = f"registry.invalid/far/{shelf.repository.partition('/')[2]}:1"

    # A mirror is not owed the login's leave to go without TLS, so this one is asked by its name.
    login = open_door(shelf.registry.address)
    async with RegistryClient(login, mirrors=mirrors) as registry:
        assert await registry.digest(image) == made


async def test_what_the_mirror_has_not_the_registry_is_asked_for(shelf: Shelf) -> None:
    made = shelf.variant("linux", "amd64", tag="1")
    mirrors = [f"{shelf.registry.address}={NOBODY}", f"{shelf.registry.address}=registry.invalid"]

    async with RegistryClient(open_door(), mirrors=mirrors) as registry:
        assert await registry.digest(shelf.image("1")) == made
        failure = await refusal(registry.digest(shelf.image("2")))

    assert failure.code == "image_unknown"
