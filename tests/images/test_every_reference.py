"""What is done with references holds for every form of the grammar."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from gantry.base.image_reference import parse_reference
from gantry.images.allowed import allowed
from gantry.images.login import login_for
from gantry.images.mirrors import DOCKER_HUB, normalized, places
from gantry.images.pull_errors import PULL_ERRORS, explain
from gantry.path.pull import at_digest, with_tag
from gantry.pods.contract import RegistryLogin
from tests.base.references import DIGESTS, PATHS, references

REAL = {needles[0]: code for needles, code, *_ in PULL_ERRORS}


@given(references())
def test_a_normal_form_is_whole_and_its_own_normal_form(image: str) -> None:
    found = normalized(image)

    assert found.domain
    assert found.tag or found.digest
    assert normalized(str(found)) == found
    assert found.domain not in DOCKER_HUB[1:]


@given(references(), DIGESTS)
def test_a_digest_takes_the_place_of_tag_and_digest(image: str, digest: str) -> None:
    pinned = parse_reference(at_digest(image, digest))

    assert (pinned.repository, pinned.tag, pinned.digest) == (
        parse_reference(image).repository, "", digest,
    )  # fmt: skip


@given(references())
def test_only_a_reference_without_tag_and_digest_gets_one(image: str) -> None:
    before, after = parse_reference(image), parse_reference(with_tag(image))

    assert (after.repository, after.digest) == (before.repository, before.digest)
    assert after.tag == (before.tag or ("" if before.digest else "latest"))


@given(references(), PATHS)
def test_an_image_is_allowed_by_its_own_registry_and_by_no_other(image: str, path: str) -> None:
    own = normalized(image)

    assert allowed(image, [own.domain])
    assert allowed(image, [own.repository])
    assert not allowed(image, ["another.example"])
    assert not allowed(f"another.example/{own.path}", [own.domain])
    assert not allowed(image, [f"{own.repository}/deeper"])
    assume(path != own.path)
    assert not own.path.startswith(f"{path}/") or allowed(image, [f"{own.domain}/{path}"])


@given(references())
def test_a_mirror_gets_the_same_path_and_version_and_the_registry_comes_last(image: str) -> None:
    own = normalized(image)
    assume(own.domain != "localhost")

    mirrored, last = places(image, [f"{own.domain}=mirror.example:5000/below"])

    there = parse_reference(mirrored)
    assert last == image
    assert (there.domain, there.path) == ("mirror.example:5000", f"below/{own.path}")
    assert (there.tag, there.digest) == (own.tag, own.digest)


@given(references(), st.booleans())
def test_a_password_goes_to_the_host_it_names_and_to_no_other(image: str, own: bool) -> None:
    domain = normalized(image).domain
    mine = RegistryLogin(f"https://{domain}/v2/", "captain", "secret")
    others = RegistryLogin(f"{domain}.example", "captain", "secret")

    assert login_for(image, mine, own=own) == mine
    given_away = login_for(image, others, own=own)
    assert given_away is None or (given_away.username, given_away.password) == ("", "")


@given(references(), st.sampled_from(sorted(REAL)))
def test_a_failures_class_is_not_that_of_the_images_name(image: str, needle: str) -> None:
    assume(parse_reference(image).domain != "localhost")
    whole = normalized(image)
    said = f"initializing source docker://{whole}: reading manifest of {whole}: "

    assert explain(image, f"{said}nobody knows").code == "pull_failed"
    assert explain(image, said + needle).code == REAL[needle]
