"""A project's tree as far as preflight reads it: the names of all files, the text of the small ones
that can name a plugin. From a snapshot's tar.gz or from a folder; bounded either way.

Nothing is unpacked to disk: what is looked up is a key of a dict, and a link another key.
"""

from __future__ import annotations

import functools
import io
import os
import posixpath
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MOST_FILES = 100_000
MOST_LINKS = 20
MOST_TEXT = 64 << 20  # bytes kept
MOST_UNPACKED = 2 << 30  # bytes passed over
MOST_OF_ONE = 2 << 20
READ = re.compile(
    r"(\.ya?ml|/(filter|test)_plugins/[^/]+\.py|\.info/GALAXY\.yml|/MANIFEST\.json"
    r"|/(tasks|handlers|meta|defaults|vars)/main|requirements[^/]*\.txt)$"
)
INSTALLED = re.compile(r"(?:^|/)ansible_collections/([a-z_]\w*)/([a-z_]\w*)/")
LIBRARY = re.compile(
    r"(?:^|/)(?:library|action_plugins|modules|action)/(?:[^/]+/)*(\w+)\.(?:py|ps1)$"
)
LOOKUP = re.compile(r"(?:^|/)(?:lookup_plugins|lookup)/(\w+)\.py$")


class TreeUnreadable(ValueError):
    """The archive is damaged; its text says how."""


@dataclass
class Tree:
    """`texts`: path -> bytes; paths begin with project/ or requirements_roles/ and the like."""

    paths: set[str] = field(default_factory=set)
    texts: dict[str, bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)  # path -> path, inside the tree
    cut: str = ""  # why not all of it was read
    modules: set[str] = field(default_factory=set)  # short names that the project brings itself
    lookups: set[str] = field(default_factory=set)
    collections: set[str] = field(default_factory=set)  # namespace.name that lie in it
    _kept: int = 0

    def add(self, path: str) -> None:
        self.paths.add(path)
        if found := INSTALLED.search(path):
            self.collections.add(f"{found[1]}.{found[2]}")
        elif found := LIBRARY.search(path):
            self.modules.add(found[1].removeprefix("_"))
        elif found := LOOKUP.search(path):
            self.lookups.add(found[1])

    def keep(self, path: str, data: bytes) -> None:
        self._kept += len(data)
        self.texts[path] = data

    def has_room(self, size: int) -> bool:
        return size <= MOST_OF_ONE and self._kept + size <= MOST_TEXT

    def link(self, path: str, target: str) -> None:
        where = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if not target.startswith("/") and not where.startswith(".."):
            self.links[path] = where

    def find(self, path: str) -> str:
        """The path under which a file's text is kept, links followed; "" for none."""
        path = posixpath.normpath(path)
        found = path if path in self.texts else self._behind_links(path)
        return found if found in self.texts else ""

    def _behind_links(self, path: str) -> str:
        for _ in range(MOST_LINKS if self.links else 0):
            parts = path.split("/")
            prefixes = ("/".join(parts[: n + 1]) for n in range(len(parts)))
            link = next((p for p in prefixes if p in self.links), None)
            if link is None:
                break
            path = posixpath.normpath(self.links[link] + path[len(link) :])
        return path

    def has_folder(self, path: str) -> bool:
        """Whether a folder, or a link to one, stands at that path."""
        return self._behind_links(posixpath.normpath(path)) in self._folders

    @functools.cached_property
    def _folders(self) -> set[str]:
        known: set[str] = set()
        for each in self.paths:
            at = posixpath.dirname(each)
            while at and at not in known:
                known.add(at)
                at = posixpath.dirname(at)
        return known

    @property
    def own_jinja(self) -> str:
        """The text of the project's own filter and test plugins: a name in it may be theirs."""
        plugins = (text for path, text in self.texts.items() if path.endswith(".py"))
        return b"\n".join(plugins).decode("utf-8", "replace")


class _Pieces(io.RawIOBase):
    """An iterator of bytes as a file that can be read once."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces, self._left = iter(pieces), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece
        size = min(len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


def read_archive(pieces: Iterable[bytes]) -> Tree:
    """Of a snapshot's tar.gz, as gantry.path.project.tree gives it. Raises TreeUnreadable."""
    tree, passed = Tree(), 0
    try:
        source: Any = io.BufferedReader(_Pieces(pieces), 1 << 18)
        with tarfile.open(fileobj=source, mode="r|*") as packed:
            for member in packed:
                passed += member.size
                if len(tree.paths) >= MOST_FILES or passed > MOST_UNPACKED:
                    tree.cut = "The project is too large to be read whole."
                    break
                if member.isreg():
                    _take(tree, packed, member)
                elif member.issym():
                    tree.link(posixpath.normpath(member.name), member.linkname)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise TreeUnreadable(f"The project's tree cannot be read: {error}") from error
    return tree


def _take(tree: Tree, packed: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    path = posixpath.normpath(member.name)
    tree.add(path)
    if not READ.search(path):
        return
    if not tree.has_room(member.size):
        tree.cut = "The project is too large to be read whole."
        return
    file = packed.extractfile(member)
    if file is not None:
        tree.keep(path, file.read())


def read_folder(folder: Path) -> Tree:
    """Of a checkout on this machine: the same as its sync would send, without requirements."""
    tree = Tree()
    for path, file in _files(folder):
        if len(tree.paths) >= MOST_FILES:
            tree.cut = "The project is too large to be read whole."
            break
        if file.is_symlink():
            tree.link(path, os.readlink(file))
        elif file.is_file():
            tree.add(path)
            if READ.search(path) and tree.has_room(file.stat().st_size):
                tree.keep(path, file.read_bytes())
    return tree


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for directory, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if f != ".git")
        for name in sorted(names) + [f for f in folders if Path(directory, f).is_symlink()]:
            file = Path(directory, name)
            yield "project/" + file.relative_to(folder).as_posix(), file
