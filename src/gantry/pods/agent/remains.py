"""After the play: artifacts to send back, secrets to erase, what the kernel knows of the pod."""

from __future__ import annotations

import json
import os
import struct

from .wire import log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

PIECE = 1 << 20
LABEL = struct.Struct(">HI")  # name length, piece number
MOST_LEFT = 100


def pieces(artifacts: dict[str, str]) -> Iterator[bytes]:
    """Bodies of ARTIFACT frames, read only as they are taken. What is no plain file is left."""
    for name, path in artifacts.items():
        if os.path.isdir(path) and not os.path.islink(path):
            yield from _packed(name, path)
        if not os.path.isfile(path):
            continue
        label = name.encode()
        try:
            with open(path, "rb") as file:
                number = 0
                while piece := file.read(PIECE):
                    yield LABEL.pack(len(label), number) + label + piece
                    number += 1
        except OSError as error:
            log(f"artifact {name}: {error}")


def _packed(name: str, folder: str) -> Iterator[bytes]:
    """The files that are new in a flat folder, as a tar.gz made while it is taken. What came with
    the payload is dated to the year 1970. `.names` tells all that are there, new or not."""
    import gzip
    import io
    import tarfile

    label, tank = name.encode(), _Tank()
    numbers = iter(range(1 << 31))
    files = sorted(f for f in os.listdir(folder) if os.path.isfile(os.path.join(folder, f)))
    try:
        with (
            gzip.GzipFile(fileobj=tank, mode="wb", compresslevel=1) as packed,
            tarfile.open(fileobj=packed, mode="w|") as tar,
        ):
            names = json.dumps(files).encode()
            member = tarfile.TarInfo(".names")
            member.size = len(names)
            tar.addfile(member, io.BytesIO(names))
            for file in files:
                path = os.path.join(folder, file)
                if not os.path.islink(path) and os.lstat(path).st_mtime >= 1:
                    tar.add(path, file)
                while len(tank.held) >= PIECE:
                    yield LABEL.pack(len(label), next(numbers)) + label + tank.take()
        while tank.held:
            yield LABEL.pack(len(label), next(numbers)) + label + tank.take()
    except OSError as error:
        log(f"artifact {name}: {error}")


class _Tank:
    """What a compressor writes until it is taken, a piece at a time."""

    def __init__(self) -> None:
        self.held = bytearray()

    def write(self, data: bytes) -> int:
        self.held += data
        return len(data)

    def flush(self) -> None:
        """Nothing is behind it."""

    def take(self) -> bytes:
        piece = bytes(self.held[:PIECE])
        del self.held[:PIECE]
        return piece


def erase(paths: list[str]) -> dict[str, Any]:
    """Secrets and project go the moment the play ends, however long the record takes."""
    left: list[str] = []
    for path in paths:
        _remove(path)
        if os.path.isdir(path) and not os.path.islink(path):
            _open_folders(path)
            _remove(path)
        left += _files(path)
    return {"paths": paths, "left": left[:MOST_LEFT]}


def _remove(path: str) -> None:
    import shutil

    # By what it is, never by trial: rmtree would open a FIFO, and wait for ever.
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        try:
            os.unlink(path)
        except OSError as error:
            log(f"erase: {error}")


def _open_folders(path: str) -> None:
    """A play may have left folders that their own owner can neither read nor empty."""
    for directory, folders, _ in os.walk(path):
        for folder in [directory, *(os.path.join(directory, f) for f in folders)]:
            if not os.path.islink(folder):
                try:
                    os.chmod(folder, 0o700)
                except OSError:
                    continue  # not ours; `left` will name what is in it


def _files(path: str) -> list[str]:
    if os.path.lexists(path) and not os.path.isdir(path):
        return [path]
    return [os.path.join(d, f) for d, _, files in os.walk(path) for f in files]


def _cgroup(*names: str) -> str:
    for name in names:
        try:
            with open("/sys/fs/cgroup/" + name) as file:
                return file.read()
        except OSError:
            continue
    return ""


def peak_memory() -> int | None:
    text = _cgroup("memory.peak", "memory/memory.max_usage_in_bytes").strip()
    return int(text) if text.isdigit() else None


def oom_kills() -> int:
    text = _cgroup("memory.events", "memory/memory.oom_control")
    found = [line.split()[1] for line in text.splitlines() if line.startswith("oom_kill ")]
    return int(found[0]) if found else 0
