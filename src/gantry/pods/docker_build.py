"""ImageStore's `build` over podman's own build API (buildah behind it).

Docker's classic builder knows no bind mount in a RUN, by which a build reaches its mirrors without
a trace of them in a layer; so it is refused with a sentence. Measured of podman 4.3: the name is
given to the image only at the end; the build ends when the connection does, but the step that runs
goes on, and a Containerfile of several stages takes the service down with it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

from gantry.base.errors import EngineError
from gantry.pods.docker_client import LIBPOD, TIMEOUT, DockerClient, engine_words
from gantry.pods.image_store import BuildRequest


class DockerBuilder(DockerClient):
    async def build(self, request: BuildRequest) -> AsyncGenerator[str, None]:
        """Raises EngineError with code `build` and the last words of what failed."""
        if not await self.is_podman():
            raise EngineError(
                "This engine is Docker, and an execution environment is built by podman.",
                cure="Let GANTRY_ENGINE_URL name a podman service, or build elsewhere and push.",
                code="build_needs_podman",
            )
        lines = _Lines()
        async with (
            engine_words("build", None),
            self._docker._query(
                f"{LIBPOD}/build", "POST", params=_parameters(request), data=request.context(),
                headers={"Content-Type": "application/x-tar"}, timeout=TIMEOUT,
                versioned_api=False,
            ) as response,
        ):  # fmt: skip
            try:
                async for raw in response.content:
                    if raw.strip():
                        for line in lines.take(json.loads(raw)):
                            yield line
            finally:
                # Else aiohttp keeps the connection of an answer that was not read to its end, and
                # the build goes on.
                response.close()
        for line in lines.rest():
            yield line
        if lines.error:
            raise EngineError(lines.error, code="build")


class _Lines:
    """podman's JSON objects hold pieces of output, whole lines or not."""

    def __init__(self) -> None:
        self._begun = ""
        self.error = ""

    def take(self, message: dict[str, Any]) -> list[str]:
        self.error = str(message.get("error") or self.error).strip()
        *whole, self._begun = (self._begun + str(message.get("stream") or "")).split("\n")
        return [line.rstrip("\r") for line in whole]

    def rest(self) -> list[str]:
        return [self._begun] if self._begun else []


def _parameters(request: BuildRequest) -> dict[str, str]:
    found = {
        "dockerfile": request.containerfile, "rm": "true", "forcerm": "true",
        # A layer for each step is what a cache is made of.
        "layers": "true" if request.use_cache else "false", "q": "false",
        # The proxies of the service's own environment would be in the history.
        "httpproxy": "false",
    }  # fmt: skip
    if request.tag:
        found["t"] = request.tag
    if not request.use_cache:
        found["nocache"] = "true"
    if request.arguments:
        found["buildargs"] = json.dumps(request.arguments)
    if request.labels:
        found["labels"] = json.dumps(request.labels)
    if request.platform:
        found["platform"] = request.platform
    return found
