"""Archives that a sync unpacks, and those that nobody should: each is a real one, made here."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gantry.pods.agent.sync import archive
from gantry.pods.agent.sync.words import BAD_ARCHIVE, SyncError

ROOM = 64 << 20
TREE = {"demo-1.0/site.yml": b"- hosts: all\n", "demo-1.0/roles/web/tasks/main.yml": b"- ping:\n"}
Entry = tuple[str, bytes | str, int]  # name; content, or what it is linked to; kind or mode


def tar(path: Path, mode: str, entries: list[Entry]) -> Path:
    with tarfile.open(path, mode) as packed:  # type: ignore[call-overload]
        for name, content, kind in entries:
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = bytes([kind]), content
                packed.addfile(member)
            else:
                member.size, member.mode = len(content), kind
                packed.addfile(member, io.BytesIO(content))
    return path


def zipped(path: Path, entries: list[Entry]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content, mode in entries:
            member = zipfile.ZipInfo(name)
            member.external_attr, member.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            packed.writestr(member, content)
    return path


def plain(files: dict[str, bytes], mode: int = 0o644) -> list[Entry]:
    return [(name, content, mode) for name, content in files.items()]


def unpack(path: Path, into: Path, room: int = ROOM) -> dict[str, bytes]:
    into.mkdir()
    archive.unpack(str(path), str(into), room)
    return {str(p.relative_to(into)): p.read_bytes() for p in into.rglob("*") if p.is_file()}


STRIPPED = {name.partition("/")[2]: content for name, content in TREE.items()}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_every_way_to_pack_a_tar_and_its_top_is_left_out(tmp_path: Path, mode: str) -> None:
    found = unpack(tar(tmp_path / "a", mode, plain(TREE)), tmp_path / "out")
    assert found == STRIPPED


def test_zip_too_and_what_is_executable_stays_so(tmp_path: Path) -> None:
    entries = [*plain(TREE), ("demo-1.0/run.sh", b"#!/bin/sh\n", stat.S_IFREG | 0o755)]
    entries += [("demo-1.0/link.yml", b"site.yml", stat.S_IFLNK | 0o777)]
    found = unpack(zipped(tmp_path / "a.zip", entries), tmp_path / "out")
    assert found == STRIPPED | {"run.sh": b"#!/bin/sh\n", "link.yml": TREE["demo-1.0/site.yml"]}
    assert os.access(tmp_path / "out/run.sh", os.X_OK)
    assert not os.access(tmp_path / "out/site.yml", os.X_OK)
    assert (tmp_path / "out/link.yml").is_symlink()


def test_without_one_directory_at_the_top_all_stays(tmp_path: Path) -> None:
    files = {"site.yml": b"a", "roles/x/tasks/main.yml": b"b"}
    assert unpack(tar(tmp_path / "a", "w:gz", plain(files)), tmp_path / "out") == files
    one = {"site.yml": b"a"}
    assert unpack(zipped(tmp_path / "b", plain(one)), tmp_path / "out2") == one


def test_links_within_the_tree_are_kept(tmp_path: Path) -> None:
    entries = [
        ("d/one/link.yml", "../site.yml", ord(tarfile.SYMTYPE)), ("d/site.yml", b"x", 0o644),
        ("d/hard.yml", "d/site.yml", ord(tarfile.LNKTYPE)),
        ("d/all", "one", ord(tarfile.SYMTYPE)),
    ]  # fmt: skip
    found = unpack(tar(tmp_path / "a", "w", entries), tmp_path / "out")
    assert found == {"site.yml": b"x", "hard.yml": b"x", "one/link.yml": b"x"}
    assert (tmp_path / "out/all/link.yml").read_bytes() == b"x"


SYMBOLIC, HARD = ord(tarfile.SYMTYPE), ord(tarfile.LNKTYPE)
HOSTILE: dict[str, tuple[list[Entry], str]] = {
    "up": ([("d/../../evil", b"x", 0o644)], "d/../../evil leaves the project"),
    "absolute": ([("/tmp/evil", b"x", 0o644)], "/tmp/evil leaves the project"),
    "absolute link": (
        [("d/x", b"x", 0o644), ("d/link", "/etc/passwd", SYMBOLIC)],
        "d/link is a link to /etc/passwd, out of the project",
    ),
    "link out of what stays of it": (
        [("d/x", b"x", 0o644), ("d/link", "../.gantry-other", SYMBOLIC)],
        "link is a link to ../.gantry-other, out of the project",
    ),
    "link by another link": (
        [("d/a/b/c", b"x", 0o644), ("d/l", "a/b", SYMBOLIC), ("d/m", "l/../../..", SYMBOLIC)],
        "m is a link to l/../../.., out of the project",
    ),
    "file through a link": (
        [("d/link", "/etc", SYMBOLIC), ("d/link/evil", b"x", 0o644)],
        "d/link is a link to /etc, out of the project",
    ),
    "file through a link inside": (
        [("d/link", "..", SYMBOLIC), ("d/link/evil", b"x", 0o644)], "d/link is in it twice",
    ),
    "hard link": (
        [("d/x", b"x", 0o644), ("d/h", "/etc/passwd", HARD)], "/etc/passwd leaves the project",
    ),
    "hard link to nothing": (
        [("d/x", b"x", 0o644), ("d/h", "d/absent", HARD)],
        "d/h is a link to d/absent, which is not in it",
    ),
    "device": ([("d/null", "", ord(tarfile.CHRTYPE))], "d/null is a device or a pipe"),
    "pipe": ([("d/fifo", "", ord(tarfile.FIFOTYPE))], "d/fifo is a device or a pipe"),
    "twice": ([("d/x", b"1", 0o644), ("d/x", b"2", 0o644)], "d/x is in it twice"),
    "nothing": ([], "there is nothing in it"),
}  # fmt: skip


def refusal(act: Callable[[], Any]) -> str:
    with pytest.raises(SyncError) as caught:
        act()
    assert caught.value.code == BAD_ARCHIVE
    return str(caught.value).removeprefix("the archive is refused: ")


@pytest.mark.parametrize("name", HOSTILE)
def test_what_leaves_the_project_or_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    entries, sentence = HOSTILE[name]
    path = tar(tmp_path / "a.tar.gz", "w:gz", entries)
    assert refusal(lambda: unpack(path, tmp_path / "out")) == sentence
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.tar.gz", "out"]


@pytest.mark.parametrize(
    ("name", "mode", "sentence"),
    [
        ("../evil", stat.S_IFREG, "../evil leaves the project"),
        ("a/link", stat.S_IFLNK, "a/link is a link to /etc, out of the project"),
        ("a/pipe", stat.S_IFIFO, "a/pipe is a device or a pipe"),
        ("..\\evil", stat.S_IFREG, "..\\evil leaves the project"),
    ],
)
def test_the_same_in_a_zip(tmp_path: Path, name: str, mode: int, sentence: str) -> None:
    path = zipped(tmp_path / "a.zip", [("a/site.yml", b"x", 0o644), (name, b"/etc", mode)])
    assert refusal(lambda: unpack(path, tmp_path / "out")) == sentence


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz", "zip"])
def test_a_bomb_is_refused_before_it_goes_off(tmp_path: Path, mode: str) -> None:
    entries = plain({"d/zeros": bytes(3 << 20), "d/more": bytes(3 << 20)})
    made = tmp_path / "bomb"
    path = zipped(made, entries) if mode == "zip" else tar(made, mode, entries)
    assert path.stat().st_size < 20_000
    assert "unpacks to more than 4194304 bytes" in refusal(
        lambda: unpack(path, tmp_path / "out", 4 << 20)
    )


def test_a_bomb_of_a_header_is_refused_too(tmp_path: Path) -> None:
    """What a tar says of an entry may be as long as one likes; it is read before the entry."""
    member = tarfile.TarInfo("././@PaxHeader")
    member.type, member.size = tarfile.XHDTYPE, 1 << 32
    path = tmp_path / "header"
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as packed:
        packed.addfile(member)
        for _ in range(80):
            packed.fileobj.write(bytes(1 << 20))  # type: ignore[union-attr]
    assert "unpacks to more than" in refusal(lambda: unpack(path, tmp_path / "out", 1 << 20))


def test_too_many_entries_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_ENTRIES", 10)
    path = tar(tmp_path / "a", "w:gz", plain({f"d/{n}": b"" for n in range(11)}))
    assert refusal(lambda: unpack(path, tmp_path / "out")) == "it has more than 10 entries"


@pytest.mark.parametrize("content", [b"", b"no archive at all\n" * 100, b"PK\x03\x04garbage"])
def test_what_is_no_archive_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    assert "neither a whole tar archive" in refusal(lambda: unpack(tmp_path / "a", tmp_path / "o"))


@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_half_an_archive_is_none(tmp_path: Path, mode: str) -> None:
    whole = tar(tmp_path / "a", mode, plain({"d/x": os.urandom(200_000)}))
    whole.write_bytes(whole.read_bytes()[:100_000])
    assert refusal(lambda: unpack(whole, tmp_path / "out"))


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", plain({"a/site.yml": b"x"}))
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(raw)
    assert refusal(lambda: unpack(path, tmp_path / "out")) == "a/site.yml is encrypted"
