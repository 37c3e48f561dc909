"""An answer is judged before it is believed: shape, size, characters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantry.images.inspect.answer import LONGEST, MOST_PACKAGES, NotTold, take
from gantry.images.inspect.contents import Contents


def told(document: Any, before: bytes = b"") -> Contents:
    found = Contents(reference="a/b")
    take(before + b"\ngantry-contents:" + json.dumps(document).encode() + b"\n", found)
    return found


def answer(*packages: Any, **fields: Any) -> dict[str, Any]:
    return {"packages": list(packages), "unknown": []} | fields


def test_packages_are_sorted_by_kind_and_name() -> None:
    rows = [("deb", "b"), ("python", "Zope"), ("python", "ansible-core"), ("collection", "z.z")]
    found = told(answer(*({"kind": k, "name": n, "version": "1"} for k, n in rows)))

    assert [p["name"] for p in found.packages] == ["z.z", "ansible-core", "Zope", "b"]


def test_what_the_image_printed_before_does_not_count() -> None:
    noise = b'\ngantry-contents:{"packages": 1}\nHello from sitecustomize'
    assert told(answer(python="3.12.1"), noise).python == "3.12.1"


def test_values_are_cut_to_size_and_have_no_control_characters() -> None:
    path = "a\x00b\x1b[31m\u202ec" + "x" * 9999
    found = told(answer({"kind": "python", "name": "a", "version": 7, "path": path, "more": 1}))

    (package,) = found.packages
    assert package["path"].startswith("a b [31m c")
    assert len(package["path"]) == LONGEST
    assert package == {"kind": "python", "name": "a", "version": "", "path": package["path"]}


@pytest.mark.parametrize(
    ("kind", "name"),
    [("python", ""), ("deb", "../x"), ("rpm", "a b"), ("python", "<b>"), ("collection", "a"),
     ("collection", "a.b.c"), ("collection", "\u00e4.b")],
)  # fmt: skip
def test_a_name_that_no_package_can_have_is_left_out(kind: str, name: str) -> None:
    found = told(answer({"kind": kind, "name": name, "version": "1"}))
    assert found.packages == []
    assert found.unknown[0].startswith("1 packages were left out")


def test_too_many_packages_are_counted_in_a_sentence() -> None:
    rows = [{"kind": "deb", "name": f"p{n}", "version": "1"} for n in range(MOST_PACKAGES + 5)]
    found = told(answer(*rows, {"kind": "virus", "name": "x"}, "text"))

    assert len(found.packages) == MOST_PACKAGES
    assert [s[:42] for s in found.unknown] == ["7 packages were left out: more than 20,000"]


@pytest.mark.parametrize(
    "output",
    [
        b"", b"gantry-contents", b"\ngantry-contents:", b"\ngantry-contents:{", b"\xff\xfe",
        b"\ngantry-contents:[]", b"\ngantry-contents:{}", b"\ngantry-contents:" + b"[" * 100_000,
        b"\ngantry-contents:" + b"9" * 100_000,
        b'\ngantry-contents:{"packages": {}, "unknown": []}', b"\ngantry-contents:\xff{}",
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused(output: bytes) -> None:
    with pytest.raises(NotTold):
        take(output, Contents(reference="a/b"))


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from(["python", "deb"]),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["kind", "name", "version"]), inner)
    ),
)


@given(st.lists(values), st.lists(values), values)
def test_any_values_in_an_answer_end_as_text_that_can_be_stored(
    packages: list[Any], sentences: list[Any], version: Any
) -> None:
    found = told({"packages": packages, "unknown": sentences, "ansible_core": version})

    strings = [found.ansible_core, *found.unknown]
    for package in found.packages:
        assert package["name"]
        strings += package.values()
    for value in strings:
        assert "\x00" not in value
        assert value.encode().decode() == value
        assert len(value) <= LONGEST
