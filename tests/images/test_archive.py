"""The archive of an EE: changed, cut off or smuggled into, it is refused before an engine sees it.

The images here are OCI layouts made by hand, as small as the specification allows; those of a real
engine are in test_carry.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gantry.images import archive
from gantry.images.archive import (
    LOCK,
    MANIFEST,
    REF_NAME,
    SBOM,
    About,
    ArchiveRefused,
    complete,
    renamed,
    sealed,
    verify,
)

ABOUT = About("EE", "reg.example.org/ee:1", "sha256:" + "a" * 64, "", "linux/amd64", "2026-11-24")
Entries = dict[str, bytes]


def blob(entries: Entries, data: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    entries[f"blobs/sha256/{digest}"] = data
    return {"digest": f"sha256:{digest}", "size": len(data)}


def layout(**changed: Any) -> Entries:
    """What `podman save --format oci-archive` has; `changed` are keys of its manifest or index."""
    entries: Entries = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
    config = blob(entries, b'{"architecture": "amd64", "os": "linux"}')
    layers = [blob(entries, b"layer one"), blob(entries, b"layer two" * 1000)]
    manifest = {"schemaVersion": 2, "config": config, "layers": layers}
    described = blob(entries, json.dumps(manifest | changed.get("manifest", {})).encode())
    described["annotations"] = {REF_NAME: "localhost/victim:latest"}
    index = {"schemaVersion": 2, "manifests": [described]} | changed.get("index", {})
    entries["index.json"] = json.dumps(index).encode()
    return entries


def write(path: Path, entries: Entries, *more: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as packed:
        for name, data in entries.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
        for member in more:
            packed.addfile(member)
    return path


def read(path: Path) -> Entries:
    with tarfile.open(path) as packed:
        return {m.name: packed.extractfile(m).read() for m in packed}  # type: ignore[union-attr]


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = write(tmp_path / "ee.tar", layout())
    complete(path, About(**vars(ABOUT)), {LOCK: b"version: 1\n", SBOM: b"{}"})
    return path


def test_what_was_written_is_read_back(whole: Path) -> None:
    found = verify(whole)

    config = hashlib.sha256(b'{"architecture": "amd64", "os": "linux"}').hexdigest()
    assert found.about == About(**vars(ABOUT) | {"image_id": f"sha256:{config}"})
    assert found.parts == {LOCK: b"version: 1\n", SBOM: b"{}"}
    assert {"oci-layout", "index.json", MANIFEST, LOCK} < set(found.sums)


async def test_an_engine_is_given_the_image_alone_under_our_name(
    whole: Path, tmp_path: Path
) -> None:
    given = tmp_path / "given.tar"
    given.write_bytes(b"".join([piece async for piece in renamed(verify(whole), "localhost/x:1")]))

    entries = read(given)
    [described] = json.loads(entries["index.json"])["manifests"]
    assert described["annotations"] == {REF_NAME: "localhost/x:1"}
    assert b"victim" not in given.read_bytes()
    rest = {k: v for k, v in read(whole).items() if not k.startswith("gantry/")}
    assert {**entries, "index.json": b""} == {**rest, "index.json": b""}


def change(name: str) -> Callable[[Entries], None]:
    def do(entries: Entries) -> None:
        entries[name] = entries[name][:-1] + b"?"

    return do


def change_blob(entries: Entries) -> None:
    change(next(n for n, d in entries.items() if d == b"layer one"))(entries)


def change_both(entries: Entries) -> None:
    """A layer and its sum in our manifest: the image's own chain still tells."""
    old = next(n for n, d in entries.items() if d == b"layer one")
    new = blob(entries, b"layer 1.5")["digest"].removeprefix("sha256:")
    del entries[old]
    manifest = json.loads(entries[MANIFEST])
    del manifest["parts"][old]
    manifest["parts"][f"blobs/sha256/{new}"] = {"sha256": new}
    entries[MANIFEST] = sealed(manifest)


def other_id(entries: Entries) -> None:
    manifest = json.loads(entries[MANIFEST]) | {"image_id": "sha256:" + "0" * 64}
    entries[MANIFEST] = sealed(manifest)


def other_format(entries: Entries) -> None:
    manifest = json.loads(entries[MANIFEST]) | {"format": "gantry-environment/2"}
    entries[MANIFEST] = sealed(manifest)


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (change_blob, "blobs/sha256/.* should be .* and is"),
        (change(LOCK), "gantry/lock.yml should be .* and is"),
        (change("oci-layout"), "oci-layout should be"),
        (change("index.json"), "index.json is not JSON"),
        (change_both, "is missing in the archive"),
        (other_id, "the image's configuration should be"),
        (other_format, "format is 'gantry-environment/2'"),
        (lambda e: e.pop(LOCK), "gantry/lock.yml should be .* and is missing"),
        (lambda e: e.pop("oci-layout"), "oci-layout should be .* and is missing"),
        (lambda e: e.pop(MANIFEST), "cut off, or no archive"),
        (lambda e: e.update({MANIFEST: b"[]"}), "not an object"),
        (lambda e: e.update({MANIFEST: b"[" * 100_000}), "not JSON"),
        (lambda e: e.update({"gantry/more.yml": b"x"}), "gantry/more.yml should be not listed"),
        (lambda e: blob(e, b"smuggled"), "should be not listed"),
    ],
)
def test_a_changed_archive_is_refused_by_the_name_of_what_was_changed(
    whole: Path, tamper: Callable[[Entries], Any], words: str
) -> None:
    entries = read(whole)
    tamper(entries)
    write(whole, entries)

    with pytest.raises(ArchiveRefused, match=words):
        verify(whole)


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    "member",
    [
        special("../../etc/cron.d/x", tarfile.REGTYPE),
        special("/etc/passwd", tarfile.REGTYPE),
        special("blobs/sha256/../../x", tarfile.REGTYPE),
        special("gantry/../x", tarfile.REGTYPE),
        special("gantry/a/b", tarfile.REGTYPE),
        special("blobs/sha256/" + "A" * 64, tarfile.REGTYPE),
        special("gantry/link.yml", tarfile.SYMTYPE, "/etc/passwd"),
        special("blobs/sha256/" + "b" * 64, tarfile.LNKTYPE, "oci-layout"),
        special("gantry/pipe", tarfile.FIFOTYPE),
        special("gantry/device", tarfile.CHRTYPE),
        special("index.json", tarfile.REGTYPE),
        special("elsewhere", tarfile.DIRTYPE),
    ],
    ids=lambda member: f"{member.name} {member.type!r}",
)
def test_tricks_with_names_and_kinds_are_refused(whole: Path, member: tarfile.TarInfo) -> None:
    write(whole, read(whole), member)

    with pytest.raises(ArchiveRefused, match="refused"):
        verify(whole)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"manifest": {"layers": []}}, "names no layers"),
        ({"manifest": {"layers": [{"digest": "sha256:" + "1" * 64}]}}, "is missing"),
        ({"manifest": {"layers": [{"digest": "md5:x"}]}}, "no archive can hold"),
        ({"manifest": {"layers": [None]}}, "no archive can hold"),
        ({"manifest": {"config": {}}}, "no archive can hold"),
        ({"index": {"manifests": []}}, "exactly one image"),
        ({"index": {"manifests": [1]}}, "no archive can hold"),
    ],
)
def test_an_image_that_is_not_whole_is_no_export(tmp_path: Path, changed: Any, words: str) -> None:
    with pytest.raises(ArchiveRefused, match=words):
        complete(write(tmp_path / "ee.tar", layout(**changed)), ABOUT, {})


def test_a_layer_that_would_be_fetched_from_elsewhere_is_refused(tmp_path: Path) -> None:
    entries = layout()
    foreign = {**blob(entries, b"layer one"), "urls": ["https://evil.example.org/layer"]}

    with pytest.raises(ArchiveRefused, match="no archive can hold"):
        complete(write(tmp_path / "x", layout(manifest={"layers": [foreign]})), ABOUT, {})


def test_docker_s_old_format_is_no_export(tmp_path: Path) -> None:
    old = write(tmp_path / "old.tar", {"manifest.json": b"[]", "repositories": b"{}"})

    with pytest.raises(ArchiveRefused, match="no OCI archive") as refused:
        complete(old, ABOUT, {})
    assert "Docker 25" in refused.value.cure


def test_a_file_that_is_cut_off_anywhere_is_refused(whole: Path) -> None:
    data = whole.read_bytes()
    end = data.rstrip(b"\0")
    for length in (*range(0, len(end), 997), 512, 1024, len(end) - 1):
        whole.write_bytes(data[:length])
        with pytest.raises(ArchiveRefused):
            verify(whole)


def test_the_manifests_own_words_are_summed_too(whole: Path, tmp_path: Path) -> None:
    entries = read(whole)
    entries[MANIFEST] = entries[MANIFEST].replace(b'"name": "', b'"name": "X', 1)

    with pytest.raises(ArchiveRefused, match=r"manifest\.json should be"):
        verify(write(tmp_path / "changed.tar", entries))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at=st.integers(0, 40_000), bit=st.integers(0, 7))
def test_a_flipped_bit_changes_nothing_that_is_taken(whole: Path, at: int, bit: int) -> None:
    """In a header's date or the padding it is nothing; anywhere else it is refused."""
    before, data = verify(whole), bytearray(whole.read_bytes())
    data[at % len(data)] ^= 1 << bit
    flipped = whole.with_name("flipped.tar")
    flipped.write_bytes(data)

    try:
        after = verify(flipped)
    except ArchiveRefused:
        return
    assert (after.about, after.parts, after.index) == (before.about, before.parts, before.index)
    assert after.sums == before.sums


def test_too_many_entries_are_refused(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MOST_ENTRIES", 3)

    with pytest.raises(ArchiveRefused, match="too many"):
        verify(whole)
