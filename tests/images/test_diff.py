"""Differences of two images' contents."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gantry.images.diff import Change, diff
from gantry.images.inspect.contents import KINDS, Contents


def image(*packages: tuple[str, str, str] | dict[str, Any], **fields: Any) -> Contents:
    rows = [
        p if isinstance(p, dict) else dict(zip(("kind", "name", "version"), p, strict=True))
        for p in packages
    ]
    return Contents(reference="a/b", packages=rows, **fields)


def test_added_removed_and_changed_by_kind() -> None:
    old = image(("python", "a", "1"), ("python", "b", "1"), ("deb", "a", "7"), ("deb", "z", "1"))
    new = image(("python", "b", "2"), ("python", "c", "3"), ("deb", "a", "7"), ("deb", "z", "1"))
    found = diff(old, new)

    assert list(found.kinds) == ["python"]
    python = found.kinds["python"]
    assert python.added == [Change("c", "", "3")]
    assert python.removed == [Change("a", "1", "")]
    assert python.changed == [Change("b", "1", "2")]
    assert found.count == 3
    assert found.sentence() == "3 Python packages differ."
    one = diff(image(("deb", "a", "7")), image(("deb", "a", "8")))
    assert one.sentence() == "1 deb package differs."


def test_what_describes_the_image_counts_too() -> None:
    found = diff(image(python="3.11.2"), image(python="3.12.1", ansible_core="2.19.0"))
    assert found.facts == [
        Change("python", "3.11.2", "3.12.1"),
        Change("ansible_core", "", "2.19.0"),
    ]
    assert found.sentence() == "No package differs."


def test_a_python_package_has_many_spellings() -> None:
    assert not diff(image(("python", "Ruamel.YAML", "1")), image(("python", "ruamel-yaml", "1")))


def test_a_shadowed_collection_does_not_run() -> None:
    runs = {"kind": "collection", "name": "a.b", "version": "2"}
    hidden = {"kind": "collection", "name": "a.b", "version": "1", "shadowed": True}
    assert not diff(image(runs, hidden), image(runs))


def test_several_versions_of_one_name_are_told_together() -> None:
    old = image(("rpm", "kernel", "5"), ("rpm", "kernel", "6"))
    found = diff(old, image(("rpm", "kernel", "6"), ("rpm", "kernel", "7")))
    assert found.kinds["rpm"].changed == [Change("kernel", "5, 6", "6, 7")]


packages = st.lists(
    st.tuples(
        st.sampled_from(KINDS), st.sampled_from(["a", "b", "c-d", "C_D"]), st.text("12", max_size=2)
    )
)


@given(packages, packages)
def test_the_way_back_is_the_way_there_reversed(one: Any, other: Any) -> None:
    there, back = diff(image(*one), image(*other)), diff(image(*other), image(*one))

    assert there.count == back.count
    for kind, part in there.kinds.items():
        mirrored = back.kinds[kind]
        assert [(c.old, c.new) for c in part.added] == [(c.new, c.old) for c in mirrored.removed]
        assert [(c.old, c.new) for c in part.changed] == [(c.new, c.old) for c in mirrored.changed]
    assert not diff(image(*one), image(*reversed(one)))
