"""Definitions: what ansible-builder takes is taken, and what is wrong is named by line and key."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_builder.exceptions import DefinitionError
from ansible_builder.user_definition import UserDefinition

from gantry.images.builder.definition import (
    InvalidDefinition,
    check_files,
    definition_hash,
    read_definition,
)

WRONG = [
    ("version: 3\ndependencies:\n  pyton: []\n", 3, "dependencies.pyton"),
    ("version: 3\ndependencies:\n  python: {six: 1}\n", 3, "dependencies.python"),
    ("version: 3\ndependencies:\n  ansible_core: {}\n", 3, "dependencies.ansible_core"),
    ("version: 3\nadditional_build_files:\n- src: a\n", 3, "additional_build_files[0]"),
    ("version: 3\nadditional_build_files:\n- src: a\n  dest: ../b\n", 4,
     "additional_build_files[0].dest"),
    ("version: 3\noptions:\n  user: 1000\n", 3, "options.user"),
    ("version: 2\n\noptions: {}\n", 3, "options"),
    ("version: 2\nimages:\n  base_image: {name: fedora}\n", 3, "images.base_image.name"),
    ("images: {}\n", 1, "images"),  # no version is version 1
    ("# a\n\nversion: 4\n", 3, "version"),
    ("version: three\n", 1, "version"),
    ("- version: 3\n", 1, ""),
    ("version: 3\ndependencies: [\n", 3, ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "key"), WRONG)
def test_what_is_wrong_is_named_by_line_and_key(
    text: str, line: int, key: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidDefinition) as caught:
        read_definition(text)
    [problem] = caught.value.problems
    assert (problem.line, problem.key) == (line, key)
    assert f"Line {line}" in caught.value.sentence
    # ansible-builder refuses it as well.
    file = tmp_path / "execution-environment.yml"
    file.write_text(text)
    with pytest.raises((DefinitionError, ValueError, TypeError)):
        UserDefinition(str(file)).validate()


def test_every_problem_is_told_not_only_the_first() -> None:
    with pytest.raises(InvalidDefinition) as caught:
        read_definition("version: 3\nimage: {}\ndependencies:\n  pyton: []\n  sistem: []\n")
    assert [p.key for p in caught.value.problems] == [
        "image", "dependencies.pyton", "dependencies.sistem",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "version", "base", "builder"),
    [
        ("", 1, "quay.io/ansible/ansible-runner:latest", "quay.io/ansible/ansible-builder:latest"),
        ("build_arg_defaults: {EE_BASE_IMAGE: 'a:1'}", 1, "a:1",
         "quay.io/ansible/ansible-builder:latest"),
        ("version: 2\nimages:\n  base_image: {name: 'a:1'}", 2, "a:1", ""),
        ("version: 2\nimages:\n  base_image: {name: 'a:1'}\n  builder_image: {name: 'b:2'}", 2,
         "a:1", "b:2"),
        ("version: 3\nimages:\n  base_image: {name: 'a:1'}", 3, "a:1", ""),
        ("version: 3", 3, "quay.io/ansible/ansible-runner:latest", ""),
    ],
)  # fmt: skip
def test_versions_and_images_are_ansible_builders(
    text: str, version: int, base: str, builder: str
) -> None:
    read = read_definition(text)
    assert (read.version, read.base_image, read.builder_image) == (version, base, builder)


def test_files_that_it_names_must_be_there_and_within_its_folder(tmp_path: Path) -> None:
    text = (
        "version: 3\ndependencies:\n  python: requirements.txt\n  galaxy: /etc/hostname\n"
        "  system: ../bindep.txt\nadditional_build_files:\n- {src: 'conf/*.cfg', dest: conf}\n"
    )
    read = read_definition(text)
    with pytest.raises(InvalidDefinition) as caught:
        check_files(read, tmp_path)
    said = [(p.line, p.key) for p in caught.value.problems]
    assert said == [
        (4, "dependencies.galaxy"), (3, "dependencies.python"), (5, "dependencies.system"),
        (7, "additional_build_files[0].src"),
    ]  # fmt: skip
    with pytest.raises(InvalidDefinition, match="lies in no project"):
        check_files(read_definition("version: 3\ndependencies: {python: r.txt}"), None)
    (tmp_path / "r.txt").write_text("six\n")
    check_files(read_definition("version: 3\ndependencies: {python: r.txt}"), tmp_path)
    check_files(read_definition("version: 3\ndependencies: {python: [six]}"), None)


def test_its_hash_counts_what_it_says_and_the_files_it_names(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("six\n")
    read = read_definition("version: 3\ndependencies: {python: r.txt}")
    first = definition_hash(read, tmp_path)
    spelt = read_definition("# the same\ndependencies:\n  python: 'r.txt'\nversion: 3\n")
    assert definition_hash(spelt, tmp_path) == first
    (tmp_path / "r.txt").write_text("six==1.16\n")
    assert definition_hash(read, tmp_path) != first
