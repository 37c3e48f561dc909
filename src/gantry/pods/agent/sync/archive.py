"""A tree out of an archive that a server has: tar, packed by gzip, bzip2 or xz, or zip.

What AWX's project_archive does (one directory at the top is left out, the archive's SHA-1 is the
revision), for archives that nobody vouches for: nothing in it is followed, nothing leaves the tree,
and it unpacks to no more than half of what there is room for.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import hashlib
import lzma
import os
import posixpath
import shutil
import stat
import tarfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any

from .access import password
from .words import (
    BAD_ARCHIVE,
    DENIED,
    FAILED,
    NO_REPOSITORY,
    PROJECT,
    TLS,
    UNREACHABLE,
    SyncError,
    say,
)

PACKED = "/runner/archive"
STAGE = ".gantry-unpacked"
PIECE = 1 << 20
PATIENCE = 60.0
MOST_ENTRIES = 200_000
HTTP_CODES = {401: DENIED, 403: DENIED, 404: NO_REPOSITORY, 410: NO_REPOSITORY}
BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError,
          ValueError, NotImplementedError, RuntimeError)  # fmt: skip


def refused(sentence: str) -> SyncError:
    return SyncError("the archive is refused: " + sentence, BAD_ARCHIVE)


def download_and_unpack(wanted: dict[str, Any]) -> str:
    """The archive's tree in PROJECT. Returns the SHA-1 of the archive."""
    url, user, secret = login(wanted)
    say("Downloading %s" % url)
    room = free(os.path.dirname(PACKED)) // 2
    revision = download(url, user, secret, PACKED, room)
    unpack(PACKED, PROJECT, free(PROJECT) // 2)
    os.unlink(PACKED)
    return revision


def free(path: str) -> int:
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def login(wanted: dict[str, Any]) -> tuple[str, str, str]:
    """The URL without what logs in, a user and a password: the URL's own before the credential's,
    as AWX does."""
    parts = urllib.parse.urlsplit(wanted["url"])
    user = urllib.parse.unquote(parts.username or "") or wanted["username"]
    secret = urllib.parse.unquote(parts.password or "") or password()
    place = parts.netloc.rpartition("@")[2]
    return urllib.parse.urlunsplit(parts._replace(netloc=place)), user, secret


class SameServer(urllib.request.HTTPRedirectHandler):
    """A login is for the server it was made for: where a redirection leads elsewhere, or out of
    TLS, it stays behind."""

    def redirect_request(self, req: Any, *rest: Any) -> Any:
        made = super().redirect_request(req, *rest)
        if made is not None:
            old, new = (urllib.parse.urlsplit(r.full_url) for r in (req, made))
            if (old.scheme, old.netloc) != (new.scheme, new.netloc):
                made.headers.pop("Authorization", None)
        return made


def download(url: str, user: str, secret: str, into: str, most: int) -> str:
    """A file, of `most` bytes at the most. Returns its SHA-1. A password without a user is a
    token."""
    request = urllib.request.Request(url, headers={"User-Agent": "Gantry"})
    if user:
        pair = base64.b64encode(("%s:%s" % (user, secret)).encode()).decode()
        request.add_header("Authorization", "Basic " + pair)
    elif secret:
        request.add_header("Authorization", "Bearer " + secret)
    digest, size = hashlib.sha1(), 0
    opener = urllib.request.build_opener(SameServer())
    try:
        with opener.open(request, timeout=PATIENCE) as answer, open(into, "wb") as file:
            while piece := answer.read(PIECE):
                size += len(piece)
                if size > most:
                    raise refused("it is larger than %d bytes, half of the room here" % most)
                digest.update(piece)
                file.write(piece)
    except urllib.error.HTTPError as error:
        words = "%s answered %d %s" % (url, error.code, error.reason)
        raise SyncError(words, HTTP_CODES.get(error.code, FAILED)) from error
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = str(getattr(error, "reason", error))
        tls = "certificate" in reason.lower() or "ssl" in reason.lower()
        words = "%s could not be fetched: %s" % (url, reason)
        raise SyncError(words, TLS if tls else UNREACHABLE) from error
    return digest.hexdigest()


class Counted:
    """Reads no more than `most` bytes out of a packed stream, however small it is itself."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream, self._most, self._left = stream, most, most

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(min(size, PIECE) if size >= 0 else PIECE)
        self._left -= len(piece)
        if self._left < 0:
            raise refused("it unpacks to more than %d bytes, half of the room here" % self._most)
        return piece


def unpack(path: str, into: str, most: int) -> None:
    """All of an archive, its directory at the top left out where it is the only thing there."""
    stage = os.path.join(into, STAGE)
    os.mkdir(stage)
    tree = Tree(stage, most)
    try:
        if zipfile.is_zipfile(path):
            unpack_zip(path, tree)
        else:
            unpack_tar(path, tree)
        tree.link()
    except SyncError:
        raise
    except BROKEN as error:
        words = str(error) or type(error).__name__
        if isinstance(error, tarfile.ReadError):
            words += "; it is neither a whole tar archive (gzip, bzip2, xz) nor zip"
        raise refused(words) from error
    top = os.listdir(stage)
    if not top:
        raise refused("there is nothing in it")
    whole = os.path.join(stage, top[0])
    root = whole if len(top) == 1 and os.path.isdir(whole) and not os.path.islink(whole) else stage
    check_links(root)
    for name in os.listdir(root):
        os.rename(os.path.join(root, name), os.path.join(into, name))
    shutil.rmtree(stage)


def unpack_tar(path: str, tree: Tree) -> None:
    with unpacked(path) as stream:
        # Headers are counted too: 64 MB are those of more entries than are taken.
        counted: Any = Counted(stream, tree.most + (64 << 20))
        with tarfile.open(fileobj=counted, mode="r|", bufsize=PIECE) as packed:
            for member in packed:
                if member.isdir():
                    tree.directory(member.name)
                elif member.isreg():
                    tree.file(member.name, packed.extractfile(member), member.mode)
                elif member.issym():
                    tree.symbolic(member.name, member.linkname)
                elif member.islnk():
                    tree.hard(member.name, member.linkname)
                else:
                    raise refused("%s is a device or a pipe" % member.name)


def unpacked(path: str) -> Any:
    with open(path, "rb") as file:
        start = file.read(6)
    if start[:2] == b"\x1f\x8b":
        return gzip.open(path)
    if start[:3] == b"BZh":
        return bz2.open(path)
    if start == b"\xfd7zXZ\x00":
        return lzma.open(path)
    return open(path, "rb")


def unpack_zip(path: str, tree: Tree) -> None:
    with zipfile.ZipFile(path) as packed:
        for member in packed.infolist():
            mode = member.external_attr >> 16
            if member.is_dir():
                tree.directory(member.filename)
                continue
            if member.flag_bits & 1:
                raise refused("%s is encrypted" % member.filename)
            kind = stat.S_IFMT(mode)
            if kind not in (0, stat.S_IFREG, stat.S_IFLNK):
                raise refused("%s is a device or a pipe" % member.filename)
            with packed.open(member) as content:
                if kind == stat.S_IFLNK:
                    tree.symbolic(member.filename, content.read(4096).decode("utf-8", "replace"))
                else:
                    tree.file(member.filename, content, mode)


class Tree:
    """What is being unpacked. While files are written there is no link that one could follow."""

    def __init__(self, root: str, most: int) -> None:
        self.root, self.most = root, most
        self._left, self._entries = most, 0
        self._links: list[tuple[str, str, str]] = []
        self._copies: list[tuple[str, str, str]] = []

    def directory(self, name: str) -> None:
        path = self._place(name)
        if path != self.root:
            os.makedirs(path, exist_ok=True)

    def file(self, name: str, content: IO[bytes] | None, mode: int) -> None:
        path = self._new(name)
        assert content is not None
        with open(path, "wb") as file:
            while piece := content.read(PIECE):
                self._left -= len(piece)
                if self._left < 0:
                    raise refused(
                        "it unpacks to more than %d bytes, half of the room here" % self.most
                    )
                file.write(piece)
        os.chmod(path, 0o755 if mode & 0o111 else 0o644)

    def symbolic(self, name: str, target: str) -> None:
        self._links.append((name, self._place(name), target))

    def hard(self, name: str, target: str) -> None:
        self._copies.append((name, self._place(name), target))

    def link(self) -> None:
        """After all files: first what is the same file twice, then what points to another."""
        for name, path, target in self._copies:
            source = self._place(target)
            if not os.path.isfile(source):
                raise refused("%s is a link to %s, which is not in it" % (name, target))
            self._room(name, path)
            os.link(source, path)
        for name, path, target in self._links:
            if posixpath.isabs(target):
                raise refused("%s is a link to %s, out of the project" % (name, target))
            self._room(name, path)
            os.symlink(target, path)

    def _new(self, name: str) -> str:
        path = self._place(name)
        self._room(name, path)
        return path

    def _room(self, name: str, path: str) -> None:
        if path == self.root or os.path.lexists(path):
            raise refused("%s is in it twice" % name)
        os.makedirs(os.path.dirname(path), exist_ok=True)

    def _place(self, name: str) -> str:
        self._entries += 1
        if self._entries > MOST_ENTRIES:
            raise refused("it has more than %d entries" % MOST_ENTRIES)
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
            raise refused("%s leaves the project" % name)
        return os.path.join(self.root, *parts)


def check_links(root: str) -> None:
    inside = os.path.realpath(root)
    for name, path in _links(root):
        found = os.path.realpath(path)
        if found != inside and not found.startswith(inside + "/"):
            raise refused("%s is a link to %s, out of the project" % (name, os.readlink(path)))


def _links(root: str) -> Iterator[tuple[str, str]]:
    for directory, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(directory, name)
            if os.path.islink(path):
                yield os.path.relpath(path, root), path
