"""Takes an EE across an air gap: image, lock, bill of materials and definition in one file.

What an import may overwrite is decided here, not by the archive: an image's name that means
something else on this engine is left alone unless a person says otherwise.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from gantry.base.bridge import in_thread
from gantry.base.errors import EngineError, Forbidden, InvalidInput
from gantry.base.image_reference import InvalidReference, parse_reference
from gantry.images import archive as files
from gantry.images.archive import About, Archive
from gantry.images.inspect.contents import HasContents
from gantry.images.inspect.known import contents_of
from gantry.images.inspect.request import request_inspection
from gantry.images.sbom import cyclonedx
from gantry.pods.contract import Engine, Image
from gantry.pods.image_store import ImageStore
from gantry.resources import access
from gantry.resources.builds import EnvironmentBuild, EnvironmentDefinition
from gantry.resources.digests import saw_digest
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.organizations import Organization, User

Look = Callable[[Image], Awaitable[HasContents | None]]


@dataclass
class Imported:
    """What an import did; `notes` are sentences for the person who asked."""

    environment: ExecutionEnvironment
    digest: str
    made: bool
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wish:
    """What the person who imports wants: another name, an owner, another image name, and whether
    the image's name may be taken from another image."""

    name: str = ""
    organization: Organization | None = None
    image: str = ""
    replace: bool = False


# -- export ---------------------------------------------------------------------------------------


async def export(
    environment: ExecutionEnvironment,
    target: Path,
    engine: Engine,
    store: ImageStore,
    look: Look | None = None,
) -> Archive:
    """Write the archive of what the EE's next job runs. `target` is there whole or not at all.
    `look` looks into an image that nobody has looked into, for its bill of materials.
    Raises EngineError where the image is not on the engine."""
    image, name = await _image(environment, engine, store)
    contents = await in_thread(_known)(environment, image)
    if contents is None and look is not None:
        contents = await look(image)
    with _beside(target) as work:
        with work.open("wb") as file:
            async for piece in store.save(name):
                file.write(piece)
        about, parts = await in_thread(_parts)(environment, image, contents)
        made = files.complete(work, about, parts)
        made.path, made.size = target, work.stat().st_size
        work.replace(target)
    return made


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A file in the same folder; gone afterwards unless it became the target."""
    with tempfile.NamedTemporaryFile(
        dir=target.parent, prefix=f".{target.name}.", delete=False
    ) as made:
        work = Path(made.name)
    try:
        yield work
    finally:
        work.unlink(missing_ok=True)


async def _image(
    environment: ExecutionEnvironment, engine: Engine, store: ImageStore
) -> tuple[Image, str]:
    """The image, and the name to save it by: an archive of a name can be loaded by hand too."""
    wanted = environment.wanted_digest
    found = await store.by_digest(wanted) if wanted else _tagged(environment.image)
    image = await engine.image(found) if found else None
    if image is None:
        what = f"the digest {wanted}" if wanted else f"image {environment.image}"
        raise EngineError(
            f"The engine {engine.name} does not have {what} of {environment.name}.",
            cure="Run a job in it, or pull it there; then export again.",
            code="image_not_present",
        )
    named = await engine.image(_tagged(environment.image))
    if named is not None and named.id == image.id:
        return image, _tagged(environment.image)
    held = next((each for each in await store.held() if each.id == image.id), None)
    return image, held.names[0] if held and held.names else image.id


def _tagged(reference: str) -> str:
    parsed = parse_reference(reference)
    return reference if parsed.tag or parsed.digest else f"{reference}:latest"


def _known(environment: ExecutionEnvironment, image: Image) -> HasContents | None:
    row = contents_of(environment.wanted_digest or image.digest, image.platform)
    return row if row is not None and row.state == "inspected" else None


def _parts(
    environment: ExecutionEnvironment, image: Image, contents: HasContents | None
) -> tuple[About, dict[str, bytes]]:
    """What Gantry knows of this very digest; what it does not know is left out."""
    digest = environment.wanted_digest or image.digest
    about = About(
        name=environment.name, image=environment.image, digest=digest, image_id=image.id,
        platform=image.platform, created=timezone.now().isoformat(timespec="seconds"),
        pinned_digest=environment.pinned_digest, description=environment.description,
    )  # fmt: skip
    parts: dict[str, bytes] = {}
    if contents is not None:
        when = getattr(contents, "inspected", None)
        parts[files.SBOM] = cyclonedx(contents, when).encode()
    definition, lock = _definition(environment, digest, image.id)
    if definition:
        parts[files.DEFINITION] = definition.encode()
    if lock:
        parts[files.LOCK] = lock.encode()
    return about, parts


def _definition(environment: ExecutionEnvironment, digest: str, image_id: str) -> tuple[str, str]:
    """Of the build that made this image; else the EE's own, whose lock may be another image's and
    is then left out."""
    builds = EnvironmentBuild.objects.filter(environment=environment, status="successful")
    for build in builds.order_by("-pk"):
        if build.result_digest == digest or build.result_image_id == image_id:
            return build.definition, build.lock
    own = EnvironmentDefinition.objects.filter(environment=environment).first()
    if own is None:
        return "", ""
    return own.text, "" if builds.exists() else own.lock


# -- import ---------------------------------------------------------------------------------------


async def import_(
    path: Path, wish: Wish, user: User | None, engine: Engine, store: ImageStore
) -> Imported:
    """Verify the archive, load its image, make or update the EE. Nothing is pinned.

    Raises ArchiveRefused, InvalidInput, Forbidden, EngineError; then nothing was changed but for a
    name of the image, once it is loaded."""
    archive = await in_thread(files.verify)(path)
    about = archive.about
    name, reference = wish.name or about.name, _reference(wish.image or about.image, about)
    await in_thread(_check)(name, wish.organization, user)
    await _check_free(reference, about, wish, engine)
    await _load(archive, reference, engine, store)
    image = await engine.image(reference)
    assert image is not None, "_load has just named it"
    return await in_thread(_keep)(archive, name, reference, image, wish, user)


def _reference(wanted: str, about: About) -> str:
    """A name an engine can give it: what was named by its digest gets a tag made of that."""
    try:
        parsed = parse_reference(wanted)
    except InvalidReference as error:
        raise InvalidInput(f"{wanted[:200]} is no name of an image.", field="image") from error
    if parsed.digest:
        return f"{parsed.repository}:{parsed.tag or about.image_id.replace(':', '-')[:19]}"
    return _tagged(wanted)


def _check(name: str, organization: Organization | None, user: User | None) -> None:
    """Whether `user` may make, or change, the EE of this name."""
    if not name:
        raise InvalidInput("The archive names no EE.", field="name", cure="Give it a name.")
    row = ExecutionEnvironment.objects.filter(name=name).first()
    if row is None:
        row = ExecutionEnvironment(name=name, organization=organization)
        verb = "add"
    else:
        verb = "change"
        if row.managed:
            raise InvalidInput(
                f"{name} is the control plane's EE and is not imported over.",
                field="name", cure="Import under another name.",
            )  # fmt: skip
        if organization is not None and organization.pk != row.organization_id:
            raise InvalidInput(
                f"There is an EE {name} of another owner.",
                field="name", cure="Import under another name.",
            )  # fmt: skip
    if user is not None and not access.may(user, verb, row):
        raise Forbidden("You do not have permission to perform this action.")


async def _check_free(reference: str, about: About, wish: Wish, engine: Engine) -> None:
    here = await engine.image(reference)
    if here is not None and here.id != about.image_id and not wish.replace:
        raise InvalidInput(
            f"The engine has another image under {reference}: {here.id[:19]}, the archive has "
            f"{about.image_id[:19]}.",
            field="image",
            cure="Say --replace to give the name to the archive's image, or choose another name "
            "with --image.",
        )


async def _load(archive: Archive, reference: str, engine: Engine, store: ImageStore) -> None:
    """Under a name of ours first; the wanted one only when the engine has what was verified."""
    wanted = archive.about.image_id
    ours = f"localhost/gantry/imported:{wanted.rpartition(':')[2][:20]}"
    try:
        loaded = await store.load(files.renamed(archive, ours))
        if loaded != wanted:
            raise EngineError(f"The engine loaded {loaded}, the archive has {wanted}.", code="load")
        await store.tag(ours, reference)
    finally:
        await store.delete(ours)


@transaction.atomic
def _keep(
    archive: Archive, name: str, reference: str, image: Image, wish: Wish, user: User | None
) -> Imported:
    about = archive.about
    row, made = ExecutionEnvironment.objects.select_for_update().get_or_create(
        name=name,
        defaults={
            "organization": wish.organization, "image": reference, "pull": "missing",
            "description": about.description, "created_by": user,
        },
    )  # fmt: skip
    result = Imported(row, image.digest, made)
    if not made and row.image != reference:
        result.notes.append(f"Its image was {row.image}.")
        row.image = reference
    row.modified_by = user
    row.save()
    saw_digest(row, image.digest, "imported", reference=reference, platform=image.platform)
    request_inspection(image.digest, image.platform, image.id, reference)
    _keep_definition(archive, row, result)
    if row.wanted_digest and row.wanted_digest != image.digest:
        result.notes.append(f"It goes on running {row.wanted_digest}, to which it is pinned here.")
    if about.pinned_digest:
        result.notes.append(
            f"It was pinned to {about.pinned_digest} where it comes from. Nothing is pinned here: "
            f"`gantry ee pin {name!r} --digest {image.digest}` does it."
        )
    if row.pull == "always":
        result.notes.append("Its pull policy is `always`: a registry will be asked for it.")
    return result


def _keep_definition(archive: Archive, row: ExecutionEnvironment, result: Imported) -> None:
    """Definition and lock come along where there are none; those of a person here are kept."""
    text = archive.parts.get(files.DEFINITION, b"").decode("utf-8", "replace")
    lock = archive.parts.get(files.LOCK, b"").decode("utf-8", "replace")
    if not text and not lock:
        return
    own, made = EnvironmentDefinition.objects.get_or_create(
        environment=row, defaults={"text": text, "lock": lock}
    )
    if not made and (own.text, own.lock) != (text, lock):
        result.notes.append("The EE's own definition was kept; the archive's is another.")
