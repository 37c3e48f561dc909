"""One connection to a Docker-compatible engine, and its errors in Gantry's words.

What `docker_api` (pods) and `docker_images` (images) have in common.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiodocker
import aiohttp
from aiodocker.exceptions import DockerError

from gantry.base.errors import EngineError, EngineUnreachable
from gantry.base.image_reference import parse_reference

NOBODY_THERE = 900  # aiodocker's own status for a connection that could not be made or broke
CONNECT = 10.0
# aiohttp ends idle keep-alive connections itself; a long pull or stream must not be cut by a total.
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=None)
SHORT = 60.0
LIBPOD = "v4.0.0/libpod"


@contextlib.asynccontextmanager
async def engine_words(doing: str, limit: float | None = SHORT) -> AsyncIterator[None]:
    """Turn the client's exceptions into EngineError with the engine's own sentence.

    `limit` in seconds; None for what takes as long as it takes.
    """
    try:
        async with asyncio.timeout(limit):
            yield
    except DockerError as error:
        if error.status == NOBODY_THERE:
            raise unreachable(doing, error) from error
        raise EngineError(
            f"The engine could not {doing}: {error.message}", code="engine"
        ) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise unreachable(doing, error) from error


def unreachable(doing: str, error: Exception) -> EngineUnreachable:
    words = error.message if isinstance(error, DockerError) else str(error)
    return EngineUnreachable(
        f"The engine did not answer when asked to {doing}: {words or type(error).__name__}",
        cure="Check that the engine's service runs; `gantry doctor` names the socket.",
    )


def not_there(error: EngineError) -> bool:
    """Whether the engine said 404."""
    return isinstance(error.__cause__, DockerError) and error.__cause__.status == 404


class DockerClient:
    """podman or Docker behind one URL: `unix:///path`, `tcp://host:port`, `http(s)://...`."""

    def __init__(self, url: str) -> None:
        self.name = url
        self._docker = aiodocker.Docker(url=url, timeout=TIMEOUT)
        self._podman: bool | None = None

    async def close(self) -> None:
        await self._docker.close()

    async def version(self) -> dict[str, Any]:
        async with engine_words("tell its version"):
            return dict(await self._docker.version())

    async def is_podman(self) -> bool:
        if self._podman is None:
            parts = (await self.version()).get("Components") or []
            self._podman = any("podman" in p.get("Name", "").lower() for p in parts)
        return self._podman

    async def platform(self) -> str:
        """The engine's own, `os/architecture`."""
        said = await self.version()
        return f"{said.get('Os', '')}/{said.get('Arch', '')}"

    async def machine(self) -> tuple[int, int]:
        """Cores and bytes of memory of the machine that it runs pods on."""
        async with engine_words("tell of its machine"):
            said = await self._docker.system.info()
        return int(said["NCPU"]), int(said["MemTotal"])

    async def look_at_image(self, reference: str) -> dict[str, Any] | None:
        """What the engine says of one image, in the API's own words; None when it is not there."""
        try:
            async with engine_words(f"look at image {reference}"):
                return dict(await self._docker.images.inspect(reference))
        except EngineError as error:
            if not_there(error):
                return None
            raise

    async def tag(self, reference: str, name: str) -> None:
        wanted = parse_reference(name)
        async with engine_words(f"name image {reference} {name}"):
            await self._docker.images.tag(
                reference, repo=wanted.repository, tag=wanted.tag or "latest"
            )

    async def all_images(self) -> list[dict[str, Any]]:
        """What the engine says of each image it keeps, in the API's own words."""
        tries = 5
        while True:
            tries -= 1
            try:
                async with engine_words("list its images"):
                    return [dict(image) for image in await self._docker.images.list()]
            except EngineError as error:
                # podman lists first and reads then: an image removed between fails the whole list.
                if not tries or "image not known" not in error.sentence:
                    raise
