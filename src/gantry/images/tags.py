"""Asking what an EE's tag means: its registry, or the engine for an image that no registry has.

`check` asks and writes the answer on the EE's row; the controller's schedule, the API and the CLI
all come here.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from gantry.base.bridge import in_thread
from gantry.base.config import settings
from gantry.base.errors import EngineError, GantryError, JobFailure
from gantry.base.image_reference import parse_reference
from gantry.images.drift import has_registry
from gantry.images.login import login_of
from gantry.images.registry import RegistryClient
from gantry.images.tag_notes import note_tag, note_tag_error
from gantry.pods.contract import Engine, RegistryLogin
from gantry.pods.docker_api import DockerEngine
from gantry.resources.environments import ExecutionEnvironment


@dataclass(frozen=True)
class Question:
    """What is needed to ask, read from the rows beforehand. Its repr shows no secret."""

    environment: int
    image: str
    login: RegistryLogin | None
    ca: str
    known: str = ""  # what the tag meant before


def question(environment: ExecutionEnvironment) -> Question:
    """Reads the credential and the organization: not on the event loop."""
    organization = environment.organization
    return Question(
        environment.pk, environment.image, login_of(environment),
        organization.ca_bundle if organization else "", environment.registry_digest,
    )  # fmt: skip


async def meaning(asked: Question, engine: Engine) -> str:
    """The digest that the tag means now. Raises GantryError: the registry's own words."""
    if has_registry(asked.image):
        async with RegistryClient(asked.login, asked.ca) as registry:
            return await registry.digest(asked.image)
    return await _on_engine(asked, engine)


async def meaning_anywhere(asked: Question, engine: Engine) -> str:
    """As `meaning`; an image that its registry does not have may be the engine's own."""
    try:
        return await meaning(asked, engine)
    except JobFailure as failure:
        if failure.code != "image_unknown":
            raise
        with contextlib.suppress(GantryError):
            return await _on_engine(asked, engine)
        raise


async def _on_engine(asked: Question, engine: Engine) -> str:
    found = await engine.image(asked.image)
    if found is None:
        raise EngineError(
            f"The engine has no image {asked.image}, and `localhost` names no registry.",
            cure="Build it or load it on the engine's machine.",
            code="image_not_present",
        )
    return found.digest


async def check(asked: Question, engine: Engine) -> None:
    """Ask and write the answer down; that nobody could say is an answer too."""
    try:
        digest = await meaning(asked, engine)
        same = await _platforms(asked, digest) if digest != asked.known else ()
    except GantryError as error:
        await in_thread(note_tag_error)(asked.environment, asked.image, str(error))
    else:
        await in_thread(note_tag)(asked.environment, asked.image, digest, same)


async def _platforms(asked: Question, digest: str) -> tuple[str, ...]:
    """The digests of an index's platforms: an engine may know the image by one of these."""
    if not has_registry(asked.image):
        return ()
    reference = f"{parse_reference(asked.image).repository}@{digest}"
    async with RegistryClient(asked.login, asked.ca) as registry:
        manifest = await registry.manifest(reference)
    listed = manifest.document.get("manifests") if manifest.is_index else None
    return tuple(str(each.get("digest")) for each in listed or ())


def check_now(environment: ExecutionEnvironment) -> ExecutionEnvironment:
    """`check` for whoever is not on an event loop; returns the row as it is afterwards."""
    asked = question(environment)

    async def ask() -> None:
        async with _engine() as engine:
            await check(asked, engine)

    if not environment.own_digest:  # a reference by digest means itself
        asyncio.run(ask())
    return ExecutionEnvironment.objects.get(pk=environment.pk)


def meaning_now(environment: ExecutionEnvironment) -> str:
    """What "pin what the tag means now" pins. Raises GantryError when nobody can say."""
    asked = question(environment)

    async def ask() -> str:
        async with _engine() as engine:
            return await meaning_anywhere(asked, engine)

    return environment.own_digest or asyncio.run(ask())


@contextlib.asynccontextmanager
async def _engine() -> AsyncIterator[Engine]:
    engine = DockerEngine(settings().engine)
    try:
        yield engine
    finally:
        await engine.close()
