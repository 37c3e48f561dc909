"""The grammar of image references, as AWX and the registries read it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantry.base.image_reference import InvalidReference, parse_reference

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
