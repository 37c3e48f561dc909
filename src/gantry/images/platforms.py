"""For which platforms an EE's image is built, and whether the engine's is among them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from gantry.base.config import settings
from gantry.base.errors import EngineError
from gantry.images.manifests import Platform, fits
from gantry.images.registry import RegistryClient
from gantry.images.tags import Question, question
from gantry.pods.docker_images import DockerImages
from gantry.resources.environments import ExecutionEnvironment


@dataclass(frozen=True)
class Platforms:
    """`engine` is the engine's own platform, `chosen` the one that it takes; "" when none fits."""

    engine: str
    found: tuple[Platform, ...]

    @property
    def chosen(self) -> str:
        exact = [p.name for p in self.found if p.name == self.engine]
        fitting = [p.name for p in self.found if fits(p.name, self.engine)]
        return next(iter(exact or fitting), "")


def platforms_now(environment: ExecutionEnvironment) -> Platforms:
    """Asks the registry, or the engine for an image that no registry has. Raises GantryError. Not
    for an event loop."""
    return asyncio.run(_ask(question(environment)))


async def _ask(asked: Question) -> Platforms:
    store = DockerImages(settings().engine)
    try:
        engine = await store.platform()
        if asked.image.startswith("localhost/"):
            return Platforms(engine, (await _on_engine(store, asked.image),))
    finally:
        await store.close()
    async with RegistryClient(asked.login, asked.ca) as registry:
        return Platforms(engine, tuple(await registry.platforms(asked.image)))


async def _on_engine(store: DockerImages, image: str) -> Platform:
    config = await store.config(image)
    if config is None:
        raise EngineError(
            f"The engine has no image {image}, and `localhost` names no registry.",
            cure="Build it or load it on the engine's machine.",
            code="image_not_present",
        )
    return Platform(config.platform, config.id)
