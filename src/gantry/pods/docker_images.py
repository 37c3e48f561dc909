"""The ImageStore over the Docker-compatible API: what the engine holds, push, save, load.

Measured of podman 4.3: a saved image that was named by its id is loaded as `localhost/sha256:<id>`,
so it is saved by a name; a load gives the image every name that the archive says.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

from gantry.base.errors import EngineError
from gantry.pods.contract import PullProgress, RegistryLogin
from gantry.pods.docker_build import DockerBuilder
from gantry.pods.docker_client import LIBPOD, engine_words, not_there
from gantry.pods.image_store import HeldImage, ImageConfig
from gantry.pods.image_words import auth_header, take_progress

PIECE = 1 << 20
_DIGEST = re.compile(r"\bsha256:[0-9a-f]{64}\b")


class DockerImages(DockerBuilder):
    """podman's or Docker's images. Docker (before 25) saves its own archive format, not OCI's;
    both engines load either."""

    async def held(self) -> list[HeldImage]:
        images = await self.all_images()
        async with engine_words("list its pods"):
            pods = await self._docker.containers.list(all=True)
        # Docker does not count containers itself.
        standing = Counter(_identity(str(pod["ImageID"])) for pod in pods)
        return [_held(image, standing[_identity(image["Id"])]) for image in images]

    async def config(self, reference: str) -> ImageConfig | None:
        found = await self.look_at_image(reference)
        return _config(found) if found is not None else None

    async def by_digest(self, digest: str) -> str:
        for image in await self.all_images():
            known = {d.rpartition("@")[2] for d in image.get("RepoDigests") or []}
            if digest in known or digest == _identity(image["Id"]):
                return _identity(image["Id"])
        return ""

    async def delete(self, reference: str) -> None:
        try:
            async with engine_words(f"remove image {reference}"):
                await self._docker.images.delete(reference)
        except EngineError as error:
            if not not_there(error):
                raise

    async def push(
        self,
        reference: str,
        login: RegistryLogin | None,
        on_progress: Callable[[PullProgress], None],
    ) -> str:
        params, headers = {}, {}
        podman = await self.is_podman()
        if podman and login is not None and not login.verify_ssl:
            params["tlsVerify"] = "false"
        if login is not None and (login.username or login.password):
            headers["X-Registry-Auth"] = auth_header(login)
        elif not podman:
            headers["X-Registry-Auth"] = "e30="  # {}: Docker refuses a push without any
        digest = ""
        layers: dict[str, tuple[int, int]] = {}
        async with (
            engine_words(f"push {reference}", None),
            self._docker._query(
                f"images/{reference}/push", "POST", params=params, headers=headers
            ) as response,
        ):
            async for raw in response.content:
                if not raw.strip():
                    continue
                line = json.loads(raw)
                take_progress(line, layers, on_progress, code="push")
                digest = _pushed(line) or digest
        if not digest:
            raise EngineError(
                f"The engine's push of {reference} ended without the digest it was pushed under.",
                code="push",
            )
        return digest

    async def save(self, reference: str) -> AsyncIterator[bytes]:
        path, params = f"images/{reference}/get", {}
        podman = await self.is_podman()
        if podman:
            path, params = f"{LIBPOD}/{path}", {"format": "oci-archive"}
        async with (
            engine_words(f"save image {reference}", None),
            self._docker._query(path, params=params, versioned_api=not podman) as response,
        ):
            async for piece in response.content.iter_chunked(PIECE):
                yield piece

    async def load(self, archive: AsyncIterator[bytes]) -> str:
        """What `archive` itself raises comes out as it is, and nothing is loaded."""
        sent = _Sent(archive)
        try:
            async with (
                engine_words("load an image", None),
                self._docker._query(
                    "images/load", "POST", data=sent,
                    headers={"Content-Type": "application/x-tar"},
                ) as response,
            ):  # fmt: skip
                lines = [json.loads(raw) async for raw in response.content if raw.strip()]
        except EngineError:
            if sent.error is not None:
                raise sent.error from None
            raise
        return await self._loaded(lines)

    async def _loaded(self, lines: list[dict[str, Any]]) -> str:
        said = "".join(str(line.get("stream") or line.get("error") or "") for line in lines)
        _, _, named = said.partition("Loaded image")
        name = named.removeprefix(" ID").removeprefix("(s)").lstrip(": ").split("\n")[0].strip()
        # podman tells several names in one line
        found = await self.config(name.split(",")[0]) if name else None
        if found is None:
            raise EngineError(f"The engine loaded no image: {said.strip()}", code="load")
        return found.id


class _Sent:
    """An archive on its way; keeps what went wrong on this side, which aiohttp swallows."""

    def __init__(self, archive: AsyncIterator[bytes]) -> None:
        self._archive = archive
        self.error: Exception | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._archive:
                yield piece
        except Exception as error:
            self.error = error
            raise


def _identity(value: str) -> str:
    return value if ":" in value else f"sha256:{value}"


def _held(image: dict[str, Any], containers: int) -> HeldImage:
    return HeldImage(
        id=_identity(image["Id"]),
        names=tuple(n for n in image.get("RepoTags") or [] if not n.startswith("<none>")),
        digests=tuple(d for d in image.get("RepoDigests") or [] if not d.startswith("<none>")),
        size=int(image.get("Size") or 0),
        created=datetime.fromtimestamp(image["Created"], UTC) if image.get("Created") else None,
        containers=containers,
        labels=dict(image.get("Labels") or {}),
    )


def _config(found: dict[str, Any]) -> ImageConfig:
    config = found.get("Config") or {}
    parts = (found.get("Os"), found.get("Architecture"), found.get("Variant"))
    return ImageConfig(
        id=_identity(found["Id"]),
        platform="/".join(filter(None, parts)),
        user=config.get("User") or "",
        entrypoint=tuple(config.get("Entrypoint") or ()),
        command=tuple(config.get("Cmd") or ()),
        labels=dict(config.get("Labels") or {}),
        size=int(found.get("Size") or 0),
        layers=tuple((found.get("RootFS") or {}).get("Layers") or ()),
        created=_time(found.get("Created") or ""),
    )


def _time(text: str) -> datetime | None:
    """Engines write nanoseconds and zones as they like; an image may have no date at all."""
    if not text or text.startswith("0001"):
        return None
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))


def _pushed(line: dict[str, Any]) -> str:
    """The digest in the engine's last words: Docker has a field, podman a sentence."""
    if digest := (line.get("aux") or {}).get("Digest"):
        return str(digest)
    status = str(line.get("status") or "")
    found = _DIGEST.search(status) if "digest:" in status else None
    return found[0] if found else ""
