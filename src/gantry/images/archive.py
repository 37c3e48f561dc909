"""The file that carries an EE across an air gap: an OCI archive, with what Gantry knows beside it.

It is an OCI image layout in a tar (`podman load -i` takes it as it is); entries under `gantry/`
hold the lock, the bill of materials, the definition and, last of all, `gantry/manifest.json` with
the SHA-256 of every other entry and of itself. A file without it is cut off.

An archive comes from elsewhere and is not trusted: its entries are read in place and never
unpacked, only names from the list below are taken, and the image's own chain (index, manifest,
configuration, layers) is followed digest by digest before an engine sees a byte.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gantry.base.errors import GantryError

FORMAT = "gantry-environment/1"
MANIFEST = "gantry/manifest.json"
DEFINITION, LOCK, SBOM = "gantry/definition.yml", "gantry/lock.yml", "gantry/sbom.cdx.json"
PARTS = (DEFINITION, LOCK, SBOM)
REF_NAME = "org.opencontainers.image.ref.name"  # of the OCI image specification
_ENTRY = re.compile(r"oci-layout|index\.json|blobs/sha256/[0-9a-f]{64}|gantry/[a-z0-9.]+")
_BLOB = "blobs/sha256/"
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
MOST_ENTRIES = 5_000
MOST_OF_JSON = 64 << 20
PIECE = 1 << 20


class ArchiveRefused(GantryError):
    """The file is damaged, was changed on the way, or is no archive of an EE."""

    code = "archive_refused"


@dataclass
class About:
    """What the manifest says. `digest` is what the exporting side ran the image under (a registry's
    or its own), `image_id` the digest of the image's configuration, the same on every engine;
    `pinned_digest` says that it was pinned there, and is no order to pin it here."""

    name: str
    image: str
    digest: str
    image_id: str
    platform: str
    created: str
    pinned_digest: str = ""
    description: str = ""


@dataclass
class Archive:
    """One that was verified. `parts` are the small ones by name; `index` is the OCI index."""

    path: Path
    about: About
    size: int
    parts: dict[str, bytes] = field(default_factory=dict)
    index: dict[str, Any] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)  # entry -> SHA-256


def complete(path: Path, about: About, parts: dict[str, bytes]) -> Archive:
    """Make an archive of what an engine saved at `path`: add the parts and the manifest.
    Raises ArchiveRefused where the engine saved no OCI layout."""
    try:
        with tarfile.open(path, "a:") as packed:
            if "oci-layout" not in packed.getnames():
                raise _no_layout()
            for name, data in parts.items():
                _add(packed, name, data)
    except tarfile.TarError as error:
        raise ArchiveRefused(f"The engine saved no archive: {error}") from error
    archive = _read(path, whole=False)
    about.image_id = _check_image(archive)
    sums = {name: {"sha256": digest} for name, digest in sorted(archive.sums.items())}
    document = {"format": FORMAT, **vars(about), "parts": sums}
    with tarfile.open(path, "a:") as packed:
        _add(packed, MANIFEST, sealed(document))
    archive.about = about
    return archive


def sealed(document: dict[str, Any]) -> bytes:
    """A manifest as it is written: with the sum of all else that is in it."""
    rest = {name: value for name, value in document.items() if name != "sha256"}
    return json.dumps({**rest, "sha256": _sum_of(rest)}, indent=1).encode()


def _sum_of(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def verify(path: Path) -> Archive:
    """Read the file through and check every digest in it. Raises ArchiveRefused."""
    return _read(path, whole=True)


def _add(packed: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), 0o644
    packed.addfile(member, io.BytesIO(data))


# -- reading --------------------------------------------------------------------------------------


def _read(path: Path, *, whole: bool) -> Archive:
    archive = Archive(path, About("", "", "", "", "", ""), path.stat().st_size)
    kept: dict[str, bytes] = {}
    try:
        with tarfile.open(path, "r:") as packed:
            for member in _members(packed):
                file = packed.extractfile(member)
                assert file is not None, "_members gives regular files"
                digest, data = _hash(file, member)
                archive.sums[member.name] = digest
                if data is not None:
                    kept[member.name] = data
    except (tarfile.TarError, EOFError) as error:
        raise ArchiveRefused(
            f"{path.name} is cut off or damaged: {error}", cure="Copy it again."
        ) from error
    archive.parts = {name: data for name, data in kept.items() if name in PARTS}
    archive.index = _json(kept.get("index.json"), "index.json")
    if whole:
        _check_manifest(archive, kept.get(MANIFEST))
        image_id = _check_image(archive)
        if image_id != archive.about.image_id:
            raise _mismatch("the image's configuration", archive.about.image_id, image_id)
    return archive


def _members(packed: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    """Its files, each name once and known. Raises ArchiveRefused for any trick."""
    seen: set[str] = set()
    for member in packed:
        name = member.name
        if member.isdir() and re.fullmatch(r"(\./?)?|blobs(/sha256)?|gantry", name.rstrip("/")):
            continue
        if not member.isreg() or member.issparse() or not _ENTRY.fullmatch(name):
            kind = "" if member.isreg() else " (not a regular file)"
            raise ArchiveRefused(f"The archive has an entry {name[:200]!r}{kind}: refused.")
        if name in seen or len(seen) >= MOST_ENTRIES:
            raise ArchiveRefused(f"The archive has {name} twice, or too many entries: refused.")
        seen.add(name)
        yield member


def _hash(file: Any, member: tarfile.TarInfo) -> tuple[str, bytes | None]:
    """The SHA-256, and the bytes of what is not a blob. A blob must be what its name says."""
    digest, pieces, blob = hashlib.sha256(), [], member.name.startswith(_BLOB)
    if not blob and member.size > MOST_OF_JSON:
        raise ArchiveRefused(f"{member.name} is too large: {member.size} bytes.")
    left = member.size
    while left:
        piece = file.read(min(PIECE, left))
        if not piece:
            raise tarfile.ReadError("unexpected end of data")
        left -= len(piece)
        digest.update(piece)
        if not blob:
            pieces.append(piece)
    found = digest.hexdigest()
    if blob and found != member.name.removeprefix(_BLOB):
        raise _mismatch(member.name, member.name.removeprefix(_BLOB), found)
    return found, None if blob else b"".join(pieces)


def _check_manifest(archive: Archive, data: bytes | None) -> None:
    if data is None:
        raise ArchiveRefused(
            f"{archive.path.name} has no {MANIFEST}: it is cut off, or no archive of `gantry ee "
            "export`.",
            cure="Export or copy it again; `podman load -i` takes archives of other makers.",
        )
    manifest = _json(data, MANIFEST)
    if manifest.get("format") != FORMAT:
        raise ArchiveRefused(
            f"The archive's format is {manifest.get('format')!r}, known is {FORMAT}.",
            cure="Import it with the version of Gantry that exported it, or a newer one.",
        )
    listed = manifest.get("parts")
    listed = listed if isinstance(listed, dict) else {}
    found = {name: digest for name, digest in archive.sums.items() if name != MANIFEST}
    for name in sorted({*listed, *found}):
        entry = listed.get(name)
        wanted = entry.get("sha256") if isinstance(entry, dict) else None
        if wanted != found.get(name):
            raise _mismatch(name, str(wanted or "not listed"), found.get(name, "missing"))
    wanted, found_here = str(manifest.pop("sha256", "")), _sum_of(manifest)
    if wanted != found_here:
        raise _mismatch(MANIFEST, wanted or "not listed", found_here)
    values = {name: manifest.get(name) for name in About.__dataclass_fields__}
    archive.about = About(**{k: v if isinstance(v, str) else "" for k, v in values.items()})


# -- the image ------------------------------------------------------------------------------------


def _check_image(archive: Archive) -> str:
    """Follow the index to the manifest, its configuration and layers; returns the image's id."""
    if "oci-layout" not in archive.sums:
        raise _no_layout()
    listed = archive.index.get("manifests")
    if not isinstance(listed, list) or len(listed) != 1:
        raise ArchiveRefused("The archive must hold exactly one image.")
    manifest = _json(_blob(archive, listed[0]), "the image's manifest")
    layers = manifest.get("layers")
    if not isinstance(layers, list) or not layers:
        raise ArchiveRefused("The image's manifest names no layers.")
    for each in (manifest.get("config"), *layers):
        _present(archive, each)
    return f"sha256:{_present(archive, manifest.get('config'))}"


def _present(archive: Archive, described: Any) -> str:
    """The hex digest of a blob that a descriptor names and that is in the archive."""
    named = described.get("digest") if isinstance(described, dict) else None
    found = _DIGEST.fullmatch(named) if isinstance(named, str) else None
    if found is None or described.get("urls"):
        raise ArchiveRefused(f"The image names a part that no archive can hold: {named!r}.")
    if f"{_BLOB}{found[1]}" not in archive.sums:
        raise ArchiveRefused(f"The image's {named} is missing in the archive.")
    return found[1]


def _blob(archive: Archive, described: Any) -> bytes:
    name = f"{_BLOB}{_present(archive, described)}"
    with tarfile.open(archive.path, "r:") as packed:
        member = packed.getmember(name)
        file = packed.extractfile(member)
        assert file is not None, "it was read before"
        if member.size > MOST_OF_JSON:
            raise ArchiveRefused(f"{name} is too large for a manifest.")
        return file.read()


def _json(data: bytes | None, name: str) -> dict[str, Any]:
    try:
        document = json.loads(data or b"")
    except (ValueError, RecursionError) as error:
        raise ArchiveRefused(f"{name} is not JSON, or missing.") from error
    if not isinstance(document, dict):
        raise ArchiveRefused(f"{name} is not an object.")
    return document


def _no_layout() -> ArchiveRefused:
    return ArchiveRefused(
        "This is no OCI archive.",
        cure="Export with podman, or Docker 25 and newer: older ones save another format.",
    )


def _mismatch(name: str, wanted: str, found: str) -> ArchiveRefused:
    return ArchiveRefused(
        f"The archive was changed: {name} should be {wanted} and is {found}.",
        cure="Get it again from where it was exported; nothing was loaded.",
    )


# -- for the engine -------------------------------------------------------------------------------


async def renamed(archive: Archive, name: str) -> AsyncIterator[bytes]:
    """The image alone, under one name of ours: an archive does not choose what is overwritten."""
    index = dict(archive.index)
    index["manifests"] = [
        {k: v for k, v in described.items() if k != "annotations"}
        | {"annotations": {REF_NAME: name}}
        for described in index["manifests"]
    ]
    with tarfile.open(archive.path, "r:") as packed:
        for member in _members(packed):
            if member.name.startswith("gantry/"):
                continue
            clean = tarfile.TarInfo(member.name)
            clean.mode, clean.size = 0o644, member.size
            file = packed.extractfile(member)
            assert file is not None, "_members gives regular files"
            if member.name == "index.json":
                data = json.dumps(index).encode()
                clean.size, file = len(data), io.BytesIO(data)
            yield clean.tobuf(tarfile.USTAR_FORMAT)
            while piece := file.read(PIECE):
                yield piece
            yield b"\0" * (-clean.size % tarfile.BLOCKSIZE)
    yield b"\0" * 2 * tarfile.BLOCKSIZE
