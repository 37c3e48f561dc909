"""Looks into images from the command line: on the engine itself, no database, no running Gantry."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gantry.base.errors import EngineError

if TYPE_CHECKING:
    from gantry.images.inspect.contents import Contents, HasContents
    from gantry.pods.docker_api import DockerEngine
    from gantry.pods.docker_images import DockerImages


def look_into(reference: str) -> Contents:
    """What is inside an image that the engine has. Raises EngineError."""
    with engine() as url:
        return asyncio.run(_look(url, reference))


@contextlib.contextmanager
def engine() -> Iterator[str]:
    """The installation's engine; when nobody answers there, a podman service for this command."""
    from gantry.base.config import settings
    from gantry.base.engine_probe import ping, probe_engine, start_service

    url = settings().engine
    if not url.startswith("unix://") or ping(Path(url.removeprefix("unix://"))):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="gantry-") as folder:
        service = start_service(Path(folder), probe_engine())
        try:
            yield service.url
        finally:
            service.stop()


async def _look(url: str, reference: str) -> Contents:
    from gantry.pods.docker_api import DockerEngine
    from gantry.pods.docker_images import DockerImages

    engine, images = DockerEngine(url), DockerImages(url)
    try:
        return await look_on(engine, images, reference)
    finally:
        await images.close()
        await engine.close()


async def look_on(engine: DockerEngine, images: DockerImages, reference: str) -> Contents:
    """What is inside an image of this engine. Raises EngineError."""
    from gantry.base.config import settings
    from gantry.images.inspect.pod import look, pod_spec
    from gantry.pods.contract import LABEL_INSTANCE, LABEL_JOB

    by_digest = await images.by_digest(reference) if reference.startswith("sha256:") else ""
    image = await engine.image(by_digest or reference)
    if image is None:
        raise EngineError(
            f"The engine {engine.name} has no image {reference}.",
            cure=f"`podman pull {reference}` gets it; `podman images` names those that are there.",
        )
    instance = f"gantry-ee-inspect@{socket.gethostname()}"
    await _sweep(engine, instance)
    name = f"gantry-inspect-{os.getpid()}-{secrets.token_hex(4)}"
    labels = {LABEL_INSTANCE: instance, LABEL_JOB: "0"}
    found = await look(engine, images, image, pod_spec(name, image.id, labels, settings().pod_user))
    found.reference = reference
    return found


async def _sweep(engine: DockerEngine, instance: str) -> None:
    """Pods of commands that were killed on this machine."""
    for pod in await engine.find(instance):
        if not Path(f"/proc/{pod.name.split('-')[2]}").exists():
            await engine.remove(pod.id)


def known(name: str) -> HasContents | None:
    """What the database knows under this name: an EE's name or id, or a digest; None when it knows
    nothing of it or does not answer."""
    from gantry.base.errors import ConfigurationError
    from gantry.cli.setup import with_database

    try:
        with_database()
    except ConfigurationError:
        return None
    from gantry.images.inspect.known import contents_of, digest_of
    from gantry.resources.models import ExecutionEnvironment

    if name.startswith("sha256:"):
        row = contents_of(name)
        return row if row is not None and row.state == "inspected" else None
    wanted = {"pk": int(name)} if name.isdecimal() else {"name": name}
    environment = ExecutionEnvironment.objects.filter(**wanted).first()
    if environment is None:
        return None
    digest = digest_of(environment)
    row = contents_of(digest)
    if row is not None and row.state == "inspected":
        return row
    found = look_into(digest or environment.image)
    found.reference = environment.image
    return found
