"""What the walk of a build reads and writes of its row, awaitable; as `rows` does for jobs."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from django.utils import timezone

from gantry.base.config import Settings
from gantry.base.image_reference import parse_reference
from gantry.base.redact import Redactor
from gantry.control.rows import patient
from gantry.images.builder import host
from gantry.images.builder.definition import check_files, read_definition
from gantry.images.builder.lock import read_lock
from gantry.images.builder.run import Built, Order
from gantry.images.drift import has_registry
from gantry.images.login import credential_login, login_for, login_of
from gantry.images.tag_notes import note_tag
from gantry.path import states
from gantry.path.build import file_name, unpack
from gantry.path.places import check_buildable
from gantry.path.pull import PullRequest, with_tag
from gantry.path.trust import Trust, check_registry, trust_of
from gantry.pods.contract import Image, RegistryLogin
from gantry.record.ingest import RecordedJob
from gantry.resources.builds import EnvironmentBuild, EnvironmentDefinition
from gantry.resources.digests import saw_digest
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.images import ImageContents
from gantry.resources.jobs import UnifiedJob


@dataclass(frozen=True)
class Record:
    """Where the output goes on: `acknowledged` frames, `events` and `lines` are recorded."""

    job: RecordedJob
    redactor: Redactor
    acknowledged: int
    events: int
    lines: int


@dataclass(frozen=True)
class BuildRecord(Record):
    """`pip`: pip's settings on this machine, whose passwords the redactor knows."""

    pip: Mapping[str, str]


@dataclass(frozen=True)
class Push:
    """`reference` is what the result is called; `login` None: whatever the engine has."""

    reference: str
    wanted: bool
    login: RegistryLogin | None


@patient
def record(job: UnifiedJob) -> BuildRecord:
    row = EnvironmentBuild.objects.get(pk=job.pk)
    pip = host.pip_settings()
    secrets = list(host.secrets(pip))
    for login in (_push_login(row), _pull_login(row)):
        if login is not None and login.password:
            secrets.append(login.password)
    fields = RecordedJob(row.pk, row.created, job.lease_epoch, row.kind)
    return BuildRecord(
        fields, Redactor(secrets), row.acknowledged, row.emitted_events, row.lines, pip
    )


def _push_login(row: EnvironmentBuild) -> RegistryLogin | None:
    return credential_login(row.push_credential) if row.push_credential else None


def _pull_login(row: EnvironmentBuild) -> RegistryLogin | None:
    return login_of(row.environment) if row.environment else None


@patient
def pull_requests(job: UnifiedJob) -> Callable[[str, str], PullRequest]:
    """(reference, digest) of a base image -> the pull. With the EE's own credential where the image
    lies in the same registry; JobFailure for one that the organization does not allow."""
    row = EnvironmentBuild.objects.get(pk=job.pk)
    login, own = _pull_login(row), parse_reference(row.image).domain
    trust = trust_of(row.organization, row.environment) if row.environment else Trust()
    # Without the cache the tag is asked for again too, where a registry has it.
    policy = "missing" if row.use_cache or row.lock_used else "always"

    def request(reference: str, digest: str) -> PullRequest:
        domain = parse_reference(reference).domain
        asked = PullRequest(
            reference, "missing" if domain == "localhost" else policy,
            login_for(reference, login, own=domain == own), digest,
        )  # fmt: skip
        return check_registry(trust, asked)

    return request


@patient
def push(job: UnifiedJob) -> Push:
    row = EnvironmentBuild.objects.get(pk=job.pk)
    return Push(row.image, row.push, _push_login(row))


@patient
def order(job: UnifiedJob, scratch: str, folder: str) -> Order:
    """The definition with its files, in `folder`. Raises InvalidDefinition, InvalidLock."""
    row = EnvironmentBuild.objects.get(pk=job.pk)
    check_buildable(row.instance_group)
    definition = read_definition(row.definition)
    if row.files is not None:
        unpack(row.files, row.folder, folder)
    file = Path(folder) / file_name(row)
    file.unlink(missing_ok=True)  # it may be a link
    file.write_text(row.definition)
    check_files(definition, file.parent if row.files else None)
    used = read_lock(row.lock_used) if row.lock_used else None
    return Order(definition, file, row.files is None, scratch, used, row.use_cache)


@patient
def keep_base(job: UnifiedJob, digest: str) -> None:
    EnvironmentBuild.objects.filter(pk=job.pk, lease_epoch=job.lease_epoch).update(
        base_digest=digest
    )
    states.move(job, pull_progress=None)


@patient
def enter_running(job: UnifiedJob, pod: str) -> None:
    """`pod` is the name of the one that looks inside, written down before it is made."""
    states.move(
        job, status="running", stage="running", pod_name=pod, attempt=job.attempt + 1,
        execution_node=job.controller_node, waiting_for="", started=job.started or timezone.now(),
    )  # fmt: skip


@patient
def keep_result(job: UnifiedJob, built: Built, image: Image, pushed: bool) -> None:
    """The build's lock and digest, the EE's history, and what is inside. Idempotent."""
    row = EnvironmentBuild.objects.get(pk=job.pk)
    text = built.lock.text()
    EnvironmentBuild.objects.filter(pk=job.pk, lease_epoch=job.lease_epoch).update(
        lock=text, result_digest=image.digest, result_image_id=image.id,
        pushed=timezone.now() if pushed else None,
    )  # fmt: skip
    states.move(job, pull_progress=None)
    if row.environment_id is not None:
        EnvironmentDefinition.objects.filter(environment=row.environment_id).update(lock=text)
        ExecutionEnvironment.objects.filter(pk=row.environment_id).update(last_digest=image.digest)
        saw_digest(
            row.environment_id, image.digest, "built", reference=row.image, platform=image.platform
        )
        if pushed or not has_registry(row.image):
            _note_tag(row, image.digest)
    _keep_contents(row, built, image)


def _keep_contents(row: EnvironmentBuild, built: Built, image: Image) -> None:
    """It was looked into before it got its name: no controller need do it again."""
    key = {"digest": image.digest, "platform": image.platform}
    values = dataclasses.asdict(built.contents) | key | {
        "reference": row.image, "state": "inspected", "inspected": timezone.now(),
    }  # fmt: skip
    known, made = ImageContents.objects.get_or_create(**key, defaults=values)
    if not made and known.state in ("pending", "failed"):
        ImageContents.objects.filter(pk=known.pk, state=known.state).update(**values)


def _note_tag(row: EnvironmentBuild, digest: str) -> None:
    """The tag means the new image now: what it was last found to mean is no drift."""
    environment = row.environment
    if environment is not None and with_tag(environment.image) == row.image:
        note_tag(environment.pk, environment.image, digest)


def limit(settings: Settings) -> float | None:
    return settings.build_timeout or None


def folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="gantry-definition-")
