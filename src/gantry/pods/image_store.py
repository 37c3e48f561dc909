"""What an engine does with images beside pulling them for a job: keep, build, push, carry.

`docker_images` obeys ImageStore on engines that keep images themselves; Kubernetes has none (its
nodes do). Plain values in and out, as in `contract`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gantry.pods.contract import PullProgress, RegistryLogin


@dataclass(frozen=True)
class HeldImage:
    """One image on the engine. `names` are its tags, `digests` its `repository@digest`s; `size` in
    bytes, shared layers included; `containers` how many (running or not) stand on it."""

    id: str
    names: tuple[str, ...]
    digests: tuple[str, ...]
    size: int
    created: datetime | None
    containers: int = 0
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ImageConfig:
    """What an image says of itself: its configuration and layers (`digest` or id -> bytes)."""

    id: str
    platform: str
    user: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    labels: dict[str, str]
    size: int
    layers: tuple[str, ...]
    created: datetime | None


@dataclass(frozen=True)
class BuildRequest:
    """One build; without a `tag` the result has no name, only the id in the last line of the
    output. `arguments` are build arguments; their values are in the image's history, so no
    secret may be among them. `context` is a tar with a Containerfile."""

    tag: str
    context: Callable[[], AsyncIterator[bytes]]
    containerfile: str = "Containerfile"
    arguments: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    use_cache: bool = True
    platform: str = ""


class ImageStore(Protocol):
    """Each raises EngineError, or its subclass EngineUnreachable, with the engine's own words."""

    async def held(self) -> list[HeldImage]:
        """Every image the engine keeps."""

    async def config(self, reference: str) -> ImageConfig | None:
        """The image's own words about itself; None when it is not here."""

    async def by_digest(self, digest: str) -> str:
        """The id of an image here that has this digest under whatever name; "" for none."""

    async def tag(self, reference: str, name: str) -> None:
        """Give the image one more name."""

    async def delete(self, reference: str) -> None:
        """Take a name away, and with the last one the image. Gone already is fine; one that a
        container stands on is refused."""

    def build(self, request: BuildRequest) -> AsyncIterator[str]:
        """Build, giving the output line by line. Ended early (aclose), the engine stops and leaves
        no name behind."""

    async def push(
        self,
        reference: str,
        login: RegistryLogin | None,
        on_progress: Callable[[PullProgress], None],
    ) -> str:
        """Send the image to its registry; returns the digest the registry has it under."""

    def save(self, reference: str) -> AsyncIterator[bytes]:
        """The image as an OCI archive (tar)."""

    async def load(self, archive: AsyncIterator[bytes]) -> str:
        """Take an archive that `save` made; returns the image's id."""

    async def close(self) -> None: ...
