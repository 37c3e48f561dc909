"""A name for the pod's user: ssh runs for no uid that /etc/passwd does not know.

podman adds the missing line itself; for Docker `docker_api` does it with this, between a pod's
creation and its start.
"""

from __future__ import annotations

import io
import tarfile

from aiodocker.containers import DockerContainer
from aiodocker.exceptions import DockerError

PATH = "/etc/passwd"


async def passwd(container: DockerContainer) -> str:
    """The image's own file; empty when it has none."""
    try:
        archive = await container.get_archive(PATH)
    except DockerError as error:
        if error.status == 404:
            return ""
        raise
    file = archive.extractfile("passwd")
    return file.read().decode("utf-8", "replace") if file else ""


def knows(text: str, user: str) -> bool:
    """Whether the file has a line for the numeric `uid:gid`."""
    uid = user.partition(":")[0]
    return any(line.split(":")[2:3] == [uid] for line in text.splitlines())


async def add(container: DockerContainer, text: str, user: str) -> None:
    """Write the file with a line for the user; the container's image must be writable."""
    uid, _, gid = user.partition(":")
    line = f"gantry:x:{uid}:{gid or 0}:Gantry:/runner:/bin/sh\n"
    data = (text + ("\n" if text and not text.endswith("\n") else "") + line).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("passwd")
        member.size, member.mode = len(data), 0o644
        archive.addfile(member, io.BytesIO(data))
    await container.put_archive("/etc", buffer.getvalue())  # type: ignore[no-untyped-call]
