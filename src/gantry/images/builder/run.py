"""The steps of a build, the same in a controller and on the command line; no database.

The result gets its name at the very end, when it was looked into and agrees with the lock it was
built from. Until then it has a scratch name, which goes whatever happens.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from gantry.base.errors import EngineError, EngineUnreachable, JobFailure
from gantry.images.builder import context, host, lock
from gantry.images.builder.containerfile import ENTER, MOUNT
from gantry.images.builder.definition import Definition, definition_hash
from gantry.images.builder.failure import explain
from gantry.images.builder.index import File, Index, IndexUnreachable, Wanted
from gantry.images.inspect.contents import Contents
from gantry.images.inspect.pod import look, pod_spec
from gantry.pods.contract import Engine, Image
from gantry.pods.image_store import BuildRequest, ImageConfig

Say = Callable[[str], Awaitable[None]]
_NOISE = f"{MOUNT} {ENTER} "
_ID = re.compile(r"[0-9a-f]{64}")


class Store(Protocol):
    """The part of pods.image_store.ImageStore that a build needs."""

    async def config(self, reference: str) -> ImageConfig | None: ...

    async def tag(self, reference: str, name: str) -> None: ...

    async def delete(self, reference: str) -> None: ...

    def build(self, request: BuildRequest) -> AsyncGenerator[str, None]: ...


@dataclass(frozen=True)
class Tools:
    """`pull` takes a reference and the digest it must be ("" for what the tag means) and has the
    image on the engine. `pod` names the pod that looks inside, `labels` and `user` are its. `pip`
    is what `host.pip_settings` read, once a build: that takes 0.3 s."""

    engine: Engine
    store: Store
    pull: Callable[[str, str], Awaitable[Image]]
    pod: str
    labels: dict[str, str]
    user: str
    pip: Mapping[str, str]


@dataclass(frozen=True)
class Order:
    """What to build. `file` is the definition in its folder; `used` the lock to build from."""

    definition: Definition
    file: Path
    alone: bool  # it lies in no folder of files of its own
    scratch: str  # the name until the end
    used: lock.Lock | None = None
    use_cache: bool = True
    platform: str = ""

    @property
    def folder(self) -> Path | None:
        return None if self.alone else self.file.parent


@dataclass(frozen=True)
class Built:
    """The image is on the engine under the order's scratch name alone."""

    image: Image
    base: lock.Base
    lock: lock.Lock
    contents: Contents


@dataclass(frozen=True)
class Bases:
    base: lock.Base
    builder: lock.Base | None
    images: Mapping[str, str]  # of the Containerfile's ARGs: ids on the engine


async def get_bases(order: Order, tools: Tools, say: Say) -> Bases:
    """Have the images that it stands on. With a lock: of its digest, from whatever has it."""
    definition, used = order.definition, order.used
    if used is not None:
        _refuse_others(definition, used)
    base, image = await _base(
        "Base", definition.base_image, used.base if used else None, tools, say
    )
    images, builder = {"EE_BASE_IMAGE": image}, None
    if definition.builder_image:
        builder, images["EE_BUILDER_IMAGE"] = await _builder(definition, used, tools, say)
    return Bases(base, builder, images)


def _refuse_others(definition: Definition, used: lock.Lock) -> None:
    builder = used.builder.reference if used.builder else ""
    for what, wanted, locked in (
        ("is based on", definition.base_image, used.base.reference),
        ("has the builder image", definition.builder_image, builder),
    ):
        if wanted != locked:
            raise JobFailure(
                f"The definition {what} {wanted or 'none'}, its lock {locked or 'none'}.",
                cure="Build without the lock to get a new one.", code="lock_differs",
                status="failed",
            )  # fmt: skip


async def _builder(
    definition: Definition, used: lock.Lock | None, tools: Tools, say: Say
) -> tuple[lock.Base, str]:
    locked = used.builder if used else None
    try:
        return await _base("Builder", definition.builder_image, locked, tools, say)
    except JobFailure as failure:
        if definition.names_builder:
            raise
        raise JobFailure(
            "The definition names no builder image, and ansible-builder's own cannot be had: "
            f"{failure.sentence}",
            cure="Name one in build_arg_defaults.EE_BUILDER_IMAGE; the base image will do.",
            code=failure.code, status=failure.status,
        ) from failure  # fmt: skip


async def _base(
    which: str, reference: str, locked: lock.Base | None, tools: Tools, say: Say
) -> tuple[lock.Base, str]:
    digest = locked.digest if locked else ""
    try:
        image = await tools.pull(reference, digest)
    except JobFailure as failure:
        if not digest or failure.code == "registry_not_allowed":
            raise
        raise JobFailure(
            f"{which} image {reference} of the lock, {digest}, is no longer to be had: "
            f"{failure.sentence}",
            cure="Put that digest back into its registry, or build without the lock to get a new "
            "one.", code="lock_gone",
        ) from failure  # fmt: skip
    found = lock.Base(reference, digest or image.digest, image.platform)
    await say(f"{which} image {reference}: {found.digest} ({found.platform})")
    return found, image.id


async def build(order: Order, bases: Bases, tools: Tools, say: Say) -> Built:
    """Build, look inside, lock. Raises JobFailure; after an error or a cancel nothing has a name
    that it did not have before."""
    with tempfile.TemporaryDirectory(prefix="gantry-build-") as folder:
        if order.used is not None:
            await _refuse_gone(order.used, tools.pip, say)
        made = await asyncio.to_thread(
            _make_context, order, bases, tools.pip, Path(folder) / "context"
        )
        try:
            await _build(order, made, tools, say)
            return await _look(order, bases, tools, say)
        except BaseException:
            await asyncio.shield(forget(tools.store, order.scratch))
            raise


def _make_context(
    order: Order, bases: Bases, pip: Mapping[str, str], folder: Path
) -> context.Context:
    pins = lock.pins(order.used) if order.used else context.Pins()
    return context.make_context(
        order.file, order.definition, folder, images=bases.images, host=host.host_files(pip),
        pins=pins,
    )  # fmt: skip


async def forget(store: Store, scratch: str) -> None:
    """Take the scratch name away; the image goes with it if it has no other."""
    with contextlib.suppress(EngineError):
        await store.delete(scratch)


async def _build(order: Order, made: context.Context, tools: Tools, say: Say) -> None:
    archive = made.folder.with_suffix(".tar")
    built: dict[str, str] = {}
    try:
        await _build_stages(order, made, archive, built, tools, say)
    finally:
        if not order.use_cache:
            # Nobody finds them again; what the result stands on stays with it.
            for image in dict.fromkeys(built.values()):
                await asyncio.shield(forget(tools.store, image))


async def _build_stages(
    order: Order, made: context.Context, archive: Path, built: dict[str, str], tools: Tools,
    say: Say,
) -> None:  # fmt: skip
    """Notes in `built` the image of each stage but the last, by its name and its number."""
    for number, stage in enumerate(made.stages, 1):
        await asyncio.to_thread(made.write, archive, stage.standing_on(built))
        size = archive.stat().st_size
        await say(f"Stage {number} of {len(made.stages)}: {stage.name} (context {size:,} bytes)")
        last = number == len(made.stages)
        request = BuildRequest(
            tag=order.scratch if last else "", context=lambda: context.pieces(archive),
            use_cache=order.use_cache, platform=order.platform,
        )  # fmt: skip
        image = await _build_stage(request, order.used, tools, say)
        if not last:
            built |= {stage.name: image, str(number - 1): image}


async def _build_stage(
    request: BuildRequest, used: lock.Lock | None, tools: Tools, say: Say
) -> str:
    """The id of the image. The engine says it in its last line."""
    said: list[str] = []
    async with contextlib.aclosing(tools.store.build(request)) as lines:
        try:
            async for raw in lines:
                if (line := _shown(raw)) is None:
                    continue
                said = [*said[-200:], line]
                await say(line)
        except EngineUnreachable:
            raise
        except EngineError as error:
            if error.code != "build":
                raise JobFailure(error.sentence, cure=error.cure, code=error.code) from error
            words = error.sentence.replace(_NOISE, "")
            raise explain(words, said, used) from error
    if not said or not _ID.fullmatch(said[-1]):
        raise JobFailure(
            "The engine's build ended without naming an image.",
            cure="The output above says what it did; see the engine's log.", code="build_failed",
        )  # fmt: skip
    return f"sha256:{said[-1]}"


def _shown(line: str) -> str | None:
    """What is Gantry's own in the Containerfile is not shown, nor are the ids of layers."""
    return None if line.startswith("--> ") else line.replace(_NOISE, "")


async def _look(order: Order, bases: Bases, tools: Tools, say: Say) -> Built:
    image = await tools.engine.image(order.scratch)
    if image is None:
        raise JobFailure(
            "The engine built the image, and now does not have it.",
            cure="Something else removed it; build again.", code="image_gone",
        )  # fmt: skip
    contents = await _inspect(image, tools)
    if contents.error:
        raise JobFailure(
            f"The image was built, but could not be looked into: {contents.error}",
            cure=contents.cure, code="not_inspected", status="failed",
        )  # fmt: skip
    base = await _inspect(await tools.pull(bases.base.reference, bases.base.digest), tools)
    contents.reference = order.scratch
    if order.used is not None:
        _hold_to(order.used, contents)
        made = replace(order.used, definition=_hash(order))
        await say("The result is what the lock says.")
    else:
        files = await _hashes(lock.python_added(contents, base), tools.pip, say)
        made = lock.make_lock(_hash(order), bases.base, bases.builder, contents, base, files)
        await say(f"Lock: {len(made.packages)} packages.")
    return Built(image, bases.base, made, contents)


def _hash(order: Order) -> str:
    return definition_hash(order.definition, order.folder)


async def _inspect(image: Image, tools: Tools) -> Contents:
    spec = pod_spec(tools.pod, image.id, tools.labels, tools.user)
    return await look(tools.engine, tools.store, image, spec)


def _hold_to(used: lock.Lock, contents: Contents) -> None:
    found = lock.differences(used, contents)
    if found:
        raise JobFailure(
            "The result is not what the lock says. " + " ".join(found),
            cure="Those versions can no longer be had, or a step of the definition does not keep "
            "to them. Build without the lock to get a new one.",
            code="lock_differs", status="failed",
        )  # fmt: skip


# -- hashes ---------------------------------------------------------------------------------------


async def _hashes(
    wanted: list[Wanted], pip: Mapping[str, str], say: Say
) -> Mapping[Wanted, list[File]]:
    try:
        found = await asyncio.to_thread(_ask, wanted, pip)
    except IndexUnreachable as error:
        await say(f"The lock has no hashes of Python packages: {error.sentence}")
        return {}
    for name, version in (release for release in wanted if not found[release]):
        await say(f"The lock has no hash of {name} {version}: no index has such a release.")
    return found


async def _refuse_gone(used: lock.Lock, pip: Mapping[str, str], say: Say) -> None:
    wanted = lock.python_wanted(used)
    try:
        gone = lock.gone(used, await asyncio.to_thread(_ask, wanted, pip))
    except IndexUnreachable as error:
        raise JobFailure(error.sentence, cure=error.cure, code=error.code) from error
    if gone:
        raise JobFailure(
            " ".join(gone), cure="Put it back into the index, or build without the lock to get a "
            "new one.", code="lock_gone", status="failed",
        )  # fmt: skip
    await say(f"Lock: the index still has its {len(wanted)} Python packages.")


def _ask(wanted: list[Wanted], pip: Mapping[str, str]) -> Mapping[Wanted, list[File]]:
    index = Index(pip, host.ca_bundle())
    try:
        return index.files(wanted) if wanted else {}
    finally:
        index.close()
