"""Step 1 of a build: the one function that makes an EnvironmentBuild, whoever asks for it.

Everything the build is made from is copied onto its row here; `control/build_walk.py` goes on.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterator

from django.db import transaction

from gantry.base.errors import Forbidden, InvalidInput
from gantry.base.image_reference import parse_reference
from gantry.images.builder.definition import FILE_NAME, check_files, read_definition
from gantry.images.builder.lock import read_lock
from gantry.path import project
from gantry.path.places import check_buildable
from gantry.path.pull import with_tag
from gantry.path.queue import enqueue
from gantry.resources import access
from gantry.resources.builds import EnvironmentBuild, EnvironmentDefinition
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.organizations import User
from gantry.resources.projects import ProjectSnapshot

ROOT = "project/"  # of a snapshot's tree
LARGEST = 1 << 20  # bytes of a definition


def build_environment(
    environment: ExecutionEnvironment,
    *,
    user: User | None,
    locked: bool = False,
    use_cache: bool = True,
    launch_type: str = "manual",
) -> EnvironmentBuild:
    """Make a pending build of an EE from its definition, `locked`: held to the definition's lock.

    Raises Forbidden and InvalidInput (InvalidDefinition names line and key).
    """
    if user is not None and not access.may(user, "change", environment):
        raise Forbidden("You do not have permission to perform this action.")
    definition = definition_of(environment)
    check_buildable(definition.instance_group)
    image = _image(environment, definition.push)
    files = _snapshot(definition)
    text = read_text(definition)
    read = read_definition(text)
    if files is None:
        check_files(read, None)
    lock = definition.lock if locked else ""
    if locked:
        _check_lock(environment, lock)
    with transaction.atomic():
        build = EnvironmentBuild(
            kind="environment_build", name=environment.name, environment=environment, image=image,
            ee_name=environment.name, organization=environment.organization,
            definition=text, files=files, folder=posixpath.dirname(definition.path),
            lock_used=lock, use_cache=use_cache, push=definition.push,
            push_credential=definition.push_credential or environment.credential,
            launch_type=launch_type, created_by=user, modified_by=user,
        )  # fmt: skip
        if definition.instance_group is not None:
            build.prompted_groups = True
            build.preferred_groups = [definition.instance_group.pk]
        build.save()
        enqueue(build)
    return build


def definition_of(environment: ExecutionEnvironment) -> EnvironmentDefinition:
    """Raises InvalidInput when it has none."""
    found = EnvironmentDefinition.objects.filter(environment=environment).first()
    if found is None:
        raise InvalidInput(
            f"Execution environment {environment.name} has no definition to build from.",
            field="definition",
            cure="Give it one: its text, or its path in a project's repository.",
        )
    return found


def read_text(definition: EnvironmentDefinition) -> str:
    """The definition's own text, or that of the file in its project's newest tree."""
    snapshot = _snapshot(definition)
    if snapshot is None:
        return definition.text
    wanted = posixpath.normpath(ROOT + definition.path)
    for member, file in _members(snapshot):
        if member.name == wanted and member.isfile() and member.size <= LARGEST:
            return file.extractfile(member).read().decode("utf-8", "replace")  # type: ignore[union-attr]
    raise InvalidInput(
        f"Project {definition.project} has no file {definition.path} at commit "
        f"{snapshot.revision[:12]}.",
        field="path", cure="Check the path; sync the project if the file was added lately.",
    )  # fmt: skip


def _snapshot(definition: EnvironmentDefinition) -> ProjectSnapshot | None:
    if definition.project is None:
        return None
    snapshot = definition.project.snapshot
    if snapshot is None:
        raise InvalidInput(
            f"Project {definition.project} has never been synced.", field="project",
            cure="Sync it and look at its output; then build again.",
        )  # fmt: skip
    return snapshot


def _members(snapshot: ProjectSnapshot) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    with tarfile.open(fileobj=io.BytesIO(b"".join(project.tree(snapshot))), mode="r:*") as packed:
        for member in packed:
            yield member, packed


def unpack(snapshot: ProjectSnapshot, folder: str, into: str) -> None:
    """The files of `folder` of a project's tree; links that lead out of it are left out."""
    prefix = posixpath.normpath(ROOT + folder) + "/"
    for member, packed in _members(snapshot):
        if member.name.startswith(prefix):
            moved = member.replace(name=member.name.removeprefix(prefix), deep=False)
            if member.islnk():
                moved.linkname = member.linkname.removeprefix(prefix)
            try:
                packed.extract(moved, into, filter="data")
            except (tarfile.FilterError, KeyError):
                continue


def file_name(build: EnvironmentBuild) -> str:
    """What the definition is called in its folder."""
    definition = EnvironmentDefinition.objects.filter(environment=build.environment).first()
    path = definition.path if definition is not None and build.files_id else ""
    return posixpath.basename(path) or FILE_NAME


def _image(environment: ExecutionEnvironment, push: bool) -> str:
    """The name that the result gets."""
    reference = parse_reference(environment.image)
    if reference.digest:
        raise InvalidInput(
            f"The image {environment.image} names a digest, and a build makes a new one.",
            field="image", cure="Let the execution environment's image end with a tag.",
        )  # fmt: skip
    if push and reference.domain == "localhost":
        raise InvalidInput(
            f"{environment.image} cannot be pushed: `localhost` names no registry.", field="push",
            cure="Give the execution environment an image of a registry, or do not push.",
        )  # fmt: skip
    return with_tag(environment.image)


def _check_lock(environment: ExecutionEnvironment, lock: str) -> None:
    if not lock:
        raise InvalidInput(
            f"Execution environment {environment.name} has no lock yet.", field="locked",
            cure="Build it once without the lock; that build leaves one.",
        )  # fmt: skip
    read_lock(lock)
