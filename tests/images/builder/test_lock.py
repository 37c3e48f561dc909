"""Locks: written, read, compared with a definition, an index, an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gantry.images.builder.agree import disagreements
from gantry.images.builder.context import pin_collections
from gantry.images.builder.definition import definition_hash, read_definition
from gantry.images.builder.index import File
from gantry.images.builder.lock import (
    Base,
    InvalidLock,
    Lock,
    differences,
    gone,
    make_lock,
    pins,
    python_added,
    read_lock,
)
from gantry.images.inspect.contents import Contents

BASE = Base("registry.example.org/base:1", "sha256:" + "0" * 64, "linux/amd64")
OF_BASE = [
    {"kind": "python", "name": "PyYAML", "version": "6.0"},
    {"kind": "python", "name": "six", "version": "1.16.0"},
    {"kind": "deb", "name": "tar", "version": "1.34+dfsg-1", "arch": "amd64"},
]
ADDED: list[dict[str, Any]] = [
    {"kind": "collection", "name": "acme.tools", "version": "1.2.3", "manifest_sha256": "a" * 64},
    {"kind": "collection", "name": "acme.web", "version": "2.0.0", "manifest_sha256": "b" * 64,
     "source": "https://galaxy.example.org/acme-web-2.0.0.tar.gz"},
    {"kind": "python", "name": "toml", "version": "0.10.2"},
    {"kind": "deb", "name": "tree", "version": "2.1.0-1", "arch": "amd64"},
]  # fmt: skip
FILES = {("toml", "0.10.2"): [File("toml-0.10.2-py2.py3-none-any.whl", "c" * 64),
                              File("toml-0.10.2.tar.gz", "d" * 64)]}  # fmt: skip
TEXT = """\
version: 3
images: {base_image: {name: 'registry.example.org/base:1'}}
dependencies:
  python: [toml>=0.10]
  galaxy: {collections: [{name: acme.web, version: '>=2.0'}]}
"""


def contents(packages: list[dict[str, Any]]) -> Contents:
    return Contents("an:image", packages=packages, ansible_core="2.19.0", python="3.11.2")


def a_lock(text: str = TEXT) -> Lock:
    named = definition_hash(read_definition(text), None)
    return make_lock(named, BASE, None, contents(OF_BASE + ADDED), contents(OF_BASE), FILES)


def test_a_lock_says_everything_and_reads_back() -> None:
    lock = a_lock()
    assert read_lock(lock.text()) == lock
    told = yaml.safe_load(lock.text())
    assert told["version"] == 1
    assert told["base"] == vars(BASE)
    assert told["python"] == [
        {"name": "PyYAML", "version": "6.0", "base": True},
        {"name": "six", "version": "1.16.0", "base": True},
        {"name": "toml", "version": "0.10.2",
         "hashes": [f"sha256:{'c' * 64}", f"sha256:{'d' * 64}"]},
    ]  # fmt: skip
    assert told["collections"][0] == {
        "name": "acme.tools", "version": "1.2.3", "sha256": "a" * 64,
    }  # fmt: skip
    assert told["system"][1] == {
        "kind": "deb", "name": "tree", "version": "2.1.0-1", "arch": "amd64",
    }  # fmt: skip
    # A package a line.
    assert lock.text().count("\n- {") == 7
    assert python_added(contents(OF_BASE + ADDED), contents(OF_BASE)) == [("toml", "0.10.2")]


@pytest.mark.parametrize(
    ("text", "words"),
    [("a: [", "line 1"), ("{}", "no lock of Gantry's"), ("version: 2", "format 2"),
     ("version: 1\nbase: {}", "missing or misshapen"),
     ("version: 1\ndefinition: x\nbase: {reference: a, digest: b, platform: c}\npython: [x]",
      "missing or misshapen")],
)  # fmt: skip
def test_what_is_no_lock_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidLock, match=words):
        read_lock(text)


def test_the_tools_of_a_build_are_told_what_it_fixes() -> None:
    told = pins(a_lock())
    assert told.constraints == "toml==0.10.2\n"
    assert told.versions == "tree 2.1.0-1\n"
    assert told.collections == {"acme.web": "2.0.0"}  # the other came from no server
    assert told.key != pins(Lock("x", BASE)).key


def test_requirements_are_pinned_and_completed() -> None:
    text = (
        "roles: [{src: r}]\ncollections:\n- acme.web\n- {name: ./acme, type: dir}\n"
        "- {name: acme.db, version: '>=1', source: https://g}\n"
    )
    pinned = yaml.safe_load(
        pin_collections(text, {"acme.web": "2.0.0", "acme.db": "1.5.0", "acme.need": "0.1.0"})
    )
    assert pinned == {
        "roles": [{"src": "r"}],
        "collections": [
            {"name": "acme.web", "version": "==2.0.0"},
            {"name": "./acme", "type": "dir"},
            {"name": "acme.db", "version": "==1.5.0", "source": "https://g"},
            {"name": "acme.need", "version": "==0.1.0"},
        ],
    }


def test_each_difference_of_an_image_is_named() -> None:
    lock = a_lock()
    assert differences(lock, contents(OF_BASE + ADDED)) == []
    other = [dict(p) for p in OF_BASE + ADDED]
    for package in other:
        if package["name"] == "toml":
            package["version"] = "0.10.3"
        elif package["name"] == "acme.tools":
            package["manifest_sha256"] = "e" * 64
    other = [p for p in other if p["name"] != "tree"]
    other.append({"kind": "python", "name": "Py_YAML", "version": "6.0", "shadowed": True})
    other.append({"kind": "python", "name": "new", "version": "1"})
    assert differences(lock, contents(other)) == [
        "collection acme.tools 1.2.3: its MANIFEST.json is another than the lock's.",
        "deb tree:amd64: the lock has 2.1.0-1, the build none.",
        "python new: the lock has none, the build 1.",
        "python toml: the lock has 0.10.2, the build 0.10.3.",
    ]


def test_what_the_index_no_longer_has_is_named() -> None:
    lock, wanted = a_lock(), ("toml", "0.10.2")
    assert gone(lock, FILES) == []
    assert gone(lock, {wanted: FILES[wanted][1:]}) == []
    assert "no longer to be had: the index has no such release" in gone(lock, {})[0]
    other = [File("toml-0.10.2.tar.gz", "e" * 64)]
    assert "no file of it whose hash is in the lock" in gone(lock, {wanted: other})[0]
    # One more wheel counts where pip could choose it.
    for name, fits in (("toml-0.10.2-cp314-cp314-win_amd64.whl", False),
                       ("toml-0.10.2-cp311-cp311-manylinux_2_28_x86_64.whl", True)):  # fmt: skip
        more = [*FILES[wanted], File(name, "e" * 64)]
        assert bool(gone(lock, {wanted: more})) == fits


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("", "", ""),
        ("toml>=0.10", "toml>=0.11", "toml>=0.11 is not met by the lock's 0.10.2"),
        ("toml>=0.10", "toml, rich", "rich is not in the lock"),
        ("'>=2.0'", "'<2.0'", "acme.web <2.0 is not met by the lock's 2.0.0"),
        ("acme.web", "acme.sea", "acme.sea is not in the lock"),
        ("base:1", "base:2", "base image is registry.example.org/base:2"),
        ("version: 3", "version: 3\noptions: {user: root}", "changed after the lock was made"),
    ],
)
def test_definition_and_lock_agree_or_the_reason_is_told(old: str, new: str, words: str) -> None:
    said = disagreements(read_definition(TEXT.replace(old, new, 1)), None, a_lock())
    assert len(said) == bool(words)
    assert words in " ".join(said)


def test_requirements_in_files_count_too(tmp_path: Path) -> None:
    text = "version: 3\ndependencies: {python: r.txt}\n"
    (tmp_path / "r.txt").write_text("toml # a comment\n-c other\n")
    read = read_definition(text)
    lock = Lock(definition_hash(read, tmp_path), Base(read.base_image, "", ""))
    assert disagreements(read, tmp_path, lock) == []
    (tmp_path / "r.txt").write_text("toml\nrich\n")
    assert disagreements(read, tmp_path, lock) == [
        "Python requirement toml is not in the lock.",
        "Python requirement rich is not in the lock.",
    ]
