"""Step 3, pull: have the image on the engine, by the EE's policy, and say which digest it is.

Where a digest is wanted (a pin, a held EE, an exact relaunch) it is taken from whatever has it: the
engine under any name, else a registry. Jobs that need the same image at the same time share one
pull. A failed pull is told in the registry's own words with what to do about them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from gantry.base.config import settings
from gantry.base.errors import EngineBusy, EngineError, EngineUnreachable, JobFailure
from gantry.base.image_reference import parse_reference
from gantry.images.ecr import current_login
from gantry.images.mirrors import places
from gantry.images.pull_errors import explain
from gantry.pods.contract import Engine, Image, PullProgress, RegistryLogin

logger = logging.getLogger(__name__)
OnProgress = Callable[[PullProgress], None]


@dataclass(frozen=True)
class PullRequest:
    """`digest`, where one is wanted, decides instead of the image's tag and of the policy;
    `elsewhere` are other references under which it was known, `known` the images that had it when
    they were seen."""

    image: str
    policy: str  # always, missing, never, or "" which means missing
    login: RegistryLogin | None
    digest: str = ""
    elsewhere: tuple[str, ...] = ()
    known: tuple[Image, ...] = ()


@dataclass(frozen=True)
class Obtained:
    """An image that is on the engine, and whether its registry was asked for it just now."""

    image: Image
    pulled: bool


class Puller:
    """Pulls for all jobs of this controller, each image once at a time."""

    def __init__(self, engine: Engine, mirrors: tuple[str, ...] | None = None) -> None:
        self._engine = engine
        self._mirrors = settings().registry_mirrors if mirrors is None else mirrors
        self._under_way: dict[PullRequest, asyncio.Task[None]] = {}
        self._listeners: dict[PullRequest, list[OnProgress]] = {}
        self._of_digests: dict[str, Image] = {}  # what each digest was when it ran last
        # What each name meant when it was read last: the engine's word for it, and the image.
        self._of_names: dict[str, tuple[str, Image]] = {}

    async def ensure(self, request: PullRequest, on_progress: OnProgress) -> Image:
        """The image that will run. Raises JobFailure with class, sentence and cure."""
        return (await self.obtain(request, on_progress)).image

    async def obtain(self, request: PullRequest, on_progress: OnProgress) -> Obtained:
        """As `ensure`, and whether it took a pull."""
        if request.digest:
            return await self._of_digest(request, on_progress)
        reference = with_tag(request.image)
        if request.policy != "always":
            present = await self._named(reference)
            if present is not None:
                return Obtained(present, False)
            _refuse_if_never(request)
        return Obtained(await self._pulled(request, reference, on_progress), True)

    async def _named(self, reference: str) -> Image | None:
        """What a name means now; an image that was read before is not read again."""
        meant = await self._engine.meant(reference)
        if meant is None:
            return None
        seen = self._of_names.get(reference)
        if meant and seen is not None and seen[0] == meant:
            return seen[1]
        present = await self._engine.image(reference)
        if present is not None:
            self._of_names[reference] = (meant, present)
        return present

    async def _of_digest(self, request: PullRequest, on_progress: OnProgress) -> Obtained:
        """A digest is the same wherever it lies: what the engine has needs no registry, whatever
        the policy, and any repository that has it will do."""
        wanted = at_digest(request.image, request.digest)
        present = await self._present(wanted, request)
        if present is not None:
            self._of_digests[request.digest] = present
            return Obtained(present, False)
        _refuse_if_never(request)
        first: JobFailure | None = None
        for reference in (wanted, *(at_digest(r, request.digest) for r in request.elsewhere)):
            known_here = _domain(reference) == _domain(wanted)
            asked = replace(
                request, image=reference, login=request.login if known_here else None, elsewhere=(),
                known=(),
            )  # fmt: skip
            try:
                return Obtained(await self._pulled(asked, reference, on_progress), True)
            except JobFailure as failure:
                first = first or failure
        assert first is not None
        raise first

    async def _present(self, wanted: str, request: PullRequest) -> Image | None:
        """The engine's image of the digest. What a digest is never changes, so the id that it had
        is asked for first, which costs an engine least; all images are listed last, which costs
        podman 4.3 half a second with 70 of them."""
        seen = self._of_digests.get(request.digest)
        for known in (seen, *request.known):
            if known is not None and await self._engine.has(known.id):
                return known
        for reference in (wanted, *(at_digest(r, request.digest) for r in request.elsewhere)):
            present = await self._engine.image(reference)
            if present is not None:
                return present
        return await self._engine.image_by_digest(request.digest)

    async def _pulled(self, request: PullRequest, reference: str, on_progress: OnProgress) -> Image:
        await self._shared(request, on_progress)
        # The same image may have another digest now.
        self._of_names.pop(reference, None)
        present = await self._engine.image(reference)
        if present is None and (digest := parse_reference(reference).digest):
            present = await self._engine.image_by_digest(digest)  # under its mirror's name
        if present is None:
            raise explain(request.image, "the pull ended without an error, but without the image")
        return present

    async def _shared(self, request: PullRequest, on_progress: OnProgress) -> None:
        listeners = self._listeners.setdefault(request, [])
        listeners.append(on_progress)
        task = self._under_way.get(request)
        if task is None:
            task = asyncio.create_task(self._pull(request))
            self._under_way[request] = task
        try:
            # One job's cancel must not end the pull that another waits for.
            await asyncio.shield(task)
        finally:
            listeners.remove(on_progress)
            if not listeners and not task.done():
                # Forgotten at once: whoever asks now must not share in a pull that is ending.
                self._forget(request, task)
                task.cancel()

    async def _pull(self, request: PullRequest) -> None:
        def tell(progress: PullProgress) -> None:
            for listener in list(self._listeners.get(request, ())):
                listener(progress)

        try:
            await self._from_a_mirror_or_its_registry(request, tell)
        except (EngineUnreachable, EngineBusy):
            raise
        except EngineError as error:
            raise explain(request.image, error.sentence) from error
        finally:
            self._forget(request, asyncio.current_task())

    async def _from_a_mirror_or_its_registry(self, request: PullRequest, tell: OnProgress) -> None:
        reference = with_tag(request.image)
        *mirrors, own = places(reference, self._mirrors)
        for mirror in mirrors:
            try:
                login = await current_login(mirror, request.login, own=False)
                await self._engine.pull(mirror, login, tell)
            except (EngineUnreachable, EngineBusy):
                raise
            except (EngineError, JobFailure) as error:
                logger.warning("%s is not to be had from its mirror: %s", own, error.sentence)
                continue
            if not parse_reference(reference).digest:
                await self._engine.tag(mirror, reference)
            return
        await self._engine.pull(own, await current_login(own, request.login), tell)

    def _forget(self, request: PullRequest, task: asyncio.Task[None] | None) -> None:
        if self._under_way.get(request) is task:
            del self._under_way[request]
            self._listeners.pop(request, None)


def _refuse_if_never(request: PullRequest) -> None:
    if request.policy == "never":
        named = at_digest(request.image, request.digest) if request.digest else request.image
        raise JobFailure(
            f"Image {named} is not present and its pull policy is `never`.",
            cure="Load it on the engine's machine, or set the execution environment's "
            "pull to `missing`.",
            code="image_not_present",
        )


def _domain(reference: str) -> str:
    return parse_reference(reference).registry


def at_digest(image: str, digest: str) -> str:
    """`repository@digest` of an image's repository: engines disagree on a tag beside a digest."""
    return f"{parse_reference(image).repository}@{digest}"


def with_tag(image: str) -> str:
    """A reference without tag and digest means `latest`, on every engine alike."""
    parsed = parse_reference(image)
    return image if parsed.tag or parsed.digest else f"{image}:latest"
