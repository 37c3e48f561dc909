"""The grammar of image references, as AWX and the registries read it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantry.base.image_reference import InvalidReference, parse_reference
from tests.base.references import DIGESTS, DOMAINS, PATHS, TAGS, references

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("alpine", ("", "alpine", "", "")),
        ("a/b", ("", "a/b", "", "")),
        ("quay.io/ansible/awx-ee:latest", ("quay.io", "ansible/awx-ee", "latest", "")),
        ("localhost/gantry/ee", ("localhost", "gantry/ee", "", "")),
        ("registry:5000/ee:1.0", ("registry:5000", "ee", "1.0", "")),
        (f"quay.io/a/b:1@{DIGEST}", ("quay.io", "a/b", "1", DIGEST)),
        ("[::1]:5000/ee", ("[::1]:5000", "ee", "", "")),
    ],
)
def test_a_reference_is_taken_apart_and_put_together(
    text: str, parts: tuple[str, str, str, str]
) -> None:
    found = parse_reference(text)

    assert (found.domain, found.path, found.tag, found.digest) == parts
    assert str(found) == text


@pytest.mark.parametrize(
    "text",
    ["", "https://example.org/x", "a b", "Quay.io/Ansible/ee", "UPPER/path", "a/b:", "a@sha256:12",
     "a//b", "-x", "a/b:" + "t" * 129],
)  # fmt: skip
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(InvalidReference):
        parse_reference(text)


@given(st.text(max_size=60))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidReference):
        assert str(parse_reference(text)) == text


@given(references())
def test_every_form_of_the_grammar_is_read_and_written_as_it_was(text: str) -> None:
    found = parse_reference(text)

    assert str(found) == text
    assert found.repository + text.removeprefix(found.repository) == text
    assert bool(found.digest) == ("@" in text)


@given(DOMAINS, PATHS, TAGS, DIGESTS)
def test_each_part_is_where_it_was_put(domain: str, path: str, tag: str, digest: str) -> None:
    found = parse_reference(f"{domain}/{path}:{tag}@{digest}")

    assert (found.domain, found.path, found.tag, found.digest) == (domain, path, tag, digest)
    assert found.registry == domain


@given(PATHS, TAGS)
def test_a_first_part_without_a_dot_or_a_port_is_no_host(path: str, tag: str) -> None:
    first = path.partition("/")[0]

    found = parse_reference(f"{path}:{tag}")

    # An underscore is in no host's name.
    host = "/" in path and "_" not in first and ("." in first or first == "localhost")
    assert found.domain == (first if host else "")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: f" {text}", lambda text: f"{text} ", lambda text: f"{text}\n",
        lambda text: f"https://{text}", lambda text: f"/{text}", lambda text: f"{text}/",
        lambda text: f"{text}@", lambda text: f"{text}@sha256:abc", lambda text: f"{text}\0",
        lambda text: text.replace("/", "//") if "/" in text else f"//{text}",
        lambda text: f"../{text}", lambda text: f"user@{text}", lambda text: f"{text}?x=1",
        lambda text: f"{text}#x", lambda text: f"{text}%2e", lambda text: "ä" + text,
    ],
)  # fmt: skip
@given(text=references())
def test_a_reference_with_anything_around_it_is_none(
    spoil: Callable[[str], str], text: str
) -> None:
    with pytest.raises(InvalidReference):
        parse_reference(spoil(text))


def test_a_reference_is_not_longer_than_a_thousand_and_some() -> None:
    assert parse_reference("a" * 1024).path == "a" * 1024
    with pytest.raises(InvalidReference):
        parse_reference("a" * 1025)
