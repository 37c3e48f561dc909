"""A playbook's needs against what an execution environment has."""

from __future__ import annotations

from typing import Any

import pytest

from gantry.images.inspect.contents import Contents
from gantry.images.preflight.compare import compare, fits, has
from gantry.images.preflight.needs import Need, Needs
from tests.images.preflight.trees import needs


def ee(*collections: str, core: str = "2.16.3", **more: Any) -> Contents:
    """Collections as `name version`."""
    packages: list[dict[str, Any]] = [
        {"kind": "collection", "name": name, "version": version}
        for name, version in (c.split() for c in collections)
    ]
    return Contents("x", ansible_core=core, packages=packages + more.get("packages", []))


def wanting(*found: Need) -> Needs:
    wanted = Needs("site.yml")
    for need in found:
        wanted.add(need)
    return wanted


def test_a_missing_collection_is_told_with_what_needs_it_and_where() -> None:
    found = needs("- hosts: all\n  tasks: [{docker_container: }, {ansible.posix.mount: }]\n")

    result = compare(found, ee("ansible.posix 1.5.4"))

    [missing] = result.missing
    assert missing.certain
    assert missing.sentence == (
        "Collection community.docker, which site.yml needs for "
        "community.docker.docker_container, is missing."
    )
    assert missing.json()["found"] == ""
    assert result.unsure == []


def test_what_the_project_s_own_requirements_installed_is_not_missing() -> None:
    wanted = wanting(Need("collection", "a.b", ">=9", "load", "x", ["a.b.c"]))
    wanted.here = ["a.b"]

    assert compare(wanted, ee("a.b 1.0.0")).missing == []


def test_a_version_that_does_not_fit_is_told_with_the_one_found() -> None:
    wanted = wanting(
        Need("collection", "a.b", ">=2.0,<3", "load", "site.yml", ["a.b.c"]),
        Need("ansible-core", "ansible-core", ">=2.17", "run", "roles/r/meta/main.yml"),
        Need("python", "Boto_3", ">=1.34", "run", "amazon.aws"),
    )
    boto = {"kind": "python", "name": "boto-3", "version": "1.20.0"}

    result = compare(wanted, ee("a.b 1.9.0", packages=[boto]))

    assert [(m.need.kind, m.found) for m in result.missing] == [
        ("collection", "1.9.0"), ("ansible-core", "2.16.3"), ("python", "1.20.0"),
    ]  # fmt: skip
    assert result.missing[0].sentence.endswith("a.b >=2.0,<3, which site.yml needs for a.b.c, is "
                                               "1.9.0.")  # fmt: skip
    assert "wants ansible-core >=2.17, found is 2.16.3" in result.missing[1].sentence


@pytest.mark.parametrize(
    ("version", "wanted", "fit"),
    [
        ("1.2.3", "", True),
        ("1.2.3", "1.2.3", True),
        ("1.2.4", "1.2.3", False),
        ("2.0.0", ">=1,<2", False),
        ("1.0.0-beta.1", ">=1.0.0-alpha", True),
        ("main", ">=1", None),
        ("1.0", "feature/x", None),
        ("", ">=1", None),
    ],
)
def test_ranges(version: str, wanted: str, fit: bool | None) -> None:
    assert fits(version, wanted) is fit


def test_what_cannot_be_compared_is_a_doubt() -> None:
    wanted = wanting(
        Need("collection", "a.b", "main", "load", "x", ["a.b.c"]),
        Need("role", "somewhere", "", "load", "x"),
        Need("collection", "c.d", "", "load", "x", ["c.d.e"], ["my.own"]),
    )

    result = compare(wanted, ee("a.b 1.0.0", "my.own 1.0.0"))

    assert result.missing == []
    assert len(result.unsure) == 3


def test_a_role_is_missing_where_the_ee_s_roles_are_known() -> None:
    wanted = wanting(Need("role", "there", "", "load"), Need("role", "nowhere", "", "load"))
    role = {"kind": "role", "name": "there", "version": ""}

    [missing] = compare(wanted, ee(packages=[role])).missing

    assert missing.need.name == "nowhere"


def test_python_that_the_ee_s_own_collection_asks_for() -> None:
    aws = {"kind": "collection", "name": "amazon.aws", "version": "9.0.0",
           "requires_python": ["boto3>=1.28", "old; python_version<'3'", "=bad="]}  # fmt: skip
    wanted = wanting(Need("collection", "amazon.aws", "", "load", "site.yml", ["amazon.aws.x"]))

    [missing] = compare(wanted, ee(packages=[aws])).missing

    assert (missing.need.kind, missing.need.name, missing.certain) == ("python", "boto3", False)


def test_a_collection_that_another_copy_hides_is_not_counted() -> None:
    hidden = {"kind": "collection", "name": "a.b", "version": "2.0.0", "shadowed": True}
    need = Need("collection", "a.b", ">=2", "load")

    assert not has(ee("a.b 1.0.0", packages=[hidden]), need)
    assert has(ee("a.b 2.1.0", packages=[hidden]), need)
