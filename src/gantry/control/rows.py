"""What a walk reads and writes of its job's row, awaitable. Every write goes through states.move.

The database may be away for a while: these calls wait for it, since a job goes on without it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

from django.utils import timezone

from gantry.base.bridge import DATABASE_AWAY, LONGEST_PAUSE, in_thread
from gantry.base.config import Settings, settings
from gantry.base.errors import Fenced, JobFailure
from gantry.base.redact import Redactor
from gantry.images.drift import warning
from gantry.images.inspect.request import request_inspection
from gantry.images.login import login_of
from gantry.images.tag_notes import note_got, note_ran, note_tag
from gantry.path import states
from gantry.path.facts import FACTS
from gantry.path.facts import keep_facts as keep_job_facts
from gantry.path.finish import Verdict
from gantry.path.inject import build_payload
from gantry.path.inventory_import import take_over
from gantry.path.launch import masked_secrets, with_mask
from gantry.path.nearest import Around
from gantry.path.payload import Payload
from gantry.path.preflight import check_job
from gantry.path.project import keep_snapshot as keep_project_snapshot
from gantry.path.pull import Obtained, PullRequest
from gantry.path.resolve import Resolution, resolve_environment, specific, to_resolve
from gantry.path.trust import Proof, Trust, check_registry, trust_of
from gantry.pods.contract import PullProgress
from gantry.record.ingest import RecordedJob
from gantry.resources.ad_hoc import AdHocCommand
from gantry.resources.environments import EnvironmentDigest
from gantry.resources.events import JobEvent
from gantry.resources.host_filter import hosts_of
from gantry.resources.inventory_sources import InventoryUpdate
from gantry.resources.jobs import ACTIVE, Job, ProjectUpdate, UnifiedJob
from gantry.resources.projects import Artifact

logger = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
_VERDICT = "verdict"  # key in `evidence` while a job is cleaned up


def patient(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """Run in a thread; while PostgreSQL is away, wait and try again. For idempotent functions."""
    threaded = in_thread(function)

    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        pause = 0.1
        while True:
            try:
                return await threaded(*args, **kwargs)
            except DATABASE_AWAY as error:
                if pause == 0.1:
                    logger.warning("PostgreSQL is away, waiting: %s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    return call


@dataclass(frozen=True)
class Resolved:
    resolution: Resolution
    request: PullRequest
    trust: Trust
    repeats: bool = False  # another job, exactly


@dataclass(frozen=True)
class Recorded:
    job: RecordedJob
    redactor: Redactor
    hosts: dict[str, int]


@patient
def enter(job: UnifiedJob, stage: str) -> None:
    if job.stage == stage:
        return
    status = next(s for s, stages in states.STAGES_OF.items() if stage in stages)
    states.move(job, status=status, stage=stage)
    if stage == "running":
        note_ran(job)


@patient
def resolve(job: UnifiedJob) -> Resolved:
    row, held_up = to_resolve(job)
    if held_up:
        _refuse_for_dependency(job)
    resolution = resolve_environment(row)
    environment = resolution.environment
    states.move(
        job, execution_environment=environment if environment.pk else None,
        ee_name=environment.name, ee_image=resolution.image, ee_reason=resolution.reason,
        ee_wanted_digest=resolution.digest,
    )  # fmt: skip
    request = PullRequest(
        resolution.image, environment.pull, login_of(environment), resolution.digest,
        resolution.elsewhere, resolution.known,
    )  # fmt: skip
    trust = trust_of(row.organization, environment)
    repeats = isinstance(row, Job) and row.repeats_id is not None
    return Resolved(resolution, check_registry(trust, request), trust, repeats)


def _refuse_for_dependency(job: UnifiedJob) -> None:
    failed = job.dependencies.exclude(status="successful").first()
    if failed is not None:
        named = {"job_type": failed.kind, "job_name": failed.name, "job_id": str(failed.pk)}
        raise JobFailure(
            f"Previous Task Failed: {json.dumps(named)}",
            cure=f"See why {failed.kind.replace('_', ' ')} {failed.pk} failed: "
            f"{failed.job_explanation}",
            code="dependency_failed",
            status="failed",
        )


@patient
def keep_image(
    job: UnifiedJob, resolved: Resolved, obtained: Obtained, proof: Proof | None
) -> None:
    image, environment = obtained.image, resolved.resolution.environment
    states.move(
        job, ee_digest=image.digest, ee_image_id=image.id, ee_platform=image.platform,
        ee_warning="" if resolved.repeats else warning(environment, image.digest),
        pull_progress=None, ee_signature=proof,
    )  # fmt: skip
    if settings().inspect_images:
        request_inspection(image.digest, image.platform, image.id, resolved.request.image)
    if environment.pk is None:
        return
    note_got(environment, image.digest, repeats=resolved.repeats)
    if obtained.pulled and not resolved.request.digest:
        note_tag(environment.pk, environment.image, image.digest, image.digests)


@patient
def earlier_proof(digest: str, keys: str) -> Proof | None:
    """That an earlier job's image of this digest was signed by one of these keys."""
    rows = UnifiedJob.objects.filter(ee_digest=digest, ee_signature__keys=keys)
    return rows.order_by("-id").values_list("ee_signature", flat=True).first()


@patient
def around(job: UnifiedJob, resolved: Resolved) -> Around:
    """What can be offered when the wanted digest is gone."""
    rows = EnvironmentDigest.objects.filter(environment=resolved.resolution.environment.pk)
    others = rows.exclude(digest=resolved.request.digest).order_by("-last_seen")
    repeats = Job.objects.filter(pk=job.pk, repeats__isnull=False).exists()
    return Around(list(others.values_list("digest", flat=True)[:20]), repeats)


class Reporter(Generic[T]):
    """Writes the latest of what it is told on the job row, at most four times a second."""

    def __init__(self, job: UnifiedJob) -> None:
        self._job = job
        self._latest: T | None = None
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def take(self, said: T) -> None:
        self._latest = said
        self._changed.set()

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._latest is not None:
                await self._write(self._latest)
            await asyncio.sleep(0.25)

    async def _write(self, said: T) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await self._task


class PullReporter(Reporter[PullProgress]):
    """A pull's bytes."""

    async def _write(self, said: PullProgress) -> None:
        await _write_progress(self._job, said)


class WaitReporter(Reporter[str]):
    """What the job waits for."""

    async def _write(self, said: str) -> None:
        await tell_waiting(self._job, said)


@patient
def _write_progress(job: UnifiedJob, progress: PullProgress) -> None:
    UnifiedJob.objects.filter(pk=job.pk, lease_epoch=job.lease_epoch).update(
        pull_progress={
            "current": progress.current, "total": progress.total, "message": progress.message,
        }
    )  # fmt: skip
    states.announce(job.pk, job.status, job.stage)


@patient
def prepare(job: UnifiedJob, settings: Settings) -> Payload:
    row = specific(job)
    row.execution_node = job.execution_node = row.controller_node
    payload = build_payload(row)
    if isinstance(row, AdHocCommand):
        AdHocCommand.objects.filter(pk=row.pk, lease_epoch=job.lease_epoch).update(
            inventory_snapshot=payload.inventory
        )
    elif isinstance(row, Job):
        Job.objects.filter(pk=row.pk, lease_epoch=job.lease_epoch).update(
            project_snapshot=payload.project,
            inventory_snapshot=payload.inventory,
            scm_revision=payload.project.revision if payload.project else "",
        )
        check_job(row, payload.project)
    if isinstance(row, InventoryUpdate) and payload.project is not None:
        InventoryUpdate.objects.filter(pk=row.pk, lease_epoch=job.lease_epoch).update(
            project_snapshot=payload.project, scm_revision=payload.project.revision,
            source_project_update=payload.project.update,
        )  # fmt: skip
    return payload


async def pieces(orders: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The payload piece by piece; its tree is read from the database as it is sent."""
    take = in_thread(lambda: next(orders, None))
    while (piece := await take()) is not None:
        yield piece


@patient
def enter_starting(job: UnifiedJob, name: str, secrets: list[str]) -> None:
    states.move(
        job, status="running", stage="starting", pod_name=name, pod_id="",
        attempt=job.attempt + 1, execution_node=job.controller_node, waiting_for="",
        started=job.started or timezone.now(), start_secrets=with_mask(job, secrets),
    )  # fmt: skip


@patient
def keep_pod(job: UnifiedJob, pod: str) -> None:
    states.move(job, pod_id=pod)


@patient
def back_to_start(job: UnifiedJob) -> None:
    """From a pod that never began to the first step: the one way back, nothing has run."""
    changed = UnifiedJob.objects.filter(pk=job.pk, lease_epoch=job.lease_epoch).update(
        status="waiting", stage="resolving", pod_name="", pod_id=""
    )
    if not changed:
        raise Fenced(f"Job {job.pk} is no longer ours.")
    job.status, job.stage, job.pod_name, job.pod_id = "waiting", "resolving", "", ""


@patient
def recorded_job(job: UnifiedJob) -> Recorded:
    row = specific(job)
    secrets = masked_secrets(job)
    assert secrets is not None, "a job that has a pod has its mask"
    inventory = row.inventory if isinstance(row, Job | AdHocCommand) else None
    hosts = dict(hosts_of(inventory).values_list("name", "pk")) if inventory else {}
    fields = RecordedJob(job.pk, row.created, job.lease_epoch, job.kind)
    return Recorded(fields, Redactor(secrets), hosts)


@patient
def last_output(job: UnifiedJob) -> str:
    newest = JobEvent.objects.filter(job_id=job.pk, job_created=job.created).order_by("-id")[:20]
    return "\n".join(e.stdout for e in reversed(list(newest)) if e.stdout)


@patient
def keep_snapshot(job: UnifiedJob) -> None:
    row = specific(job)
    assert isinstance(row, ProjectUpdate)
    keep_project_snapshot(row)


@patient
def keep_facts(job: UnifiedJob) -> None:
    if Artifact.objects.filter(job=job.pk, name=FACTS).exists():
        keep_job_facts(Job.objects.get(pk=job.pk))


@patient
def take_over_hosts(job: UnifiedJob) -> None:
    row = specific(job)
    assert isinstance(row, InventoryUpdate)
    take_over(row)


@patient
def keep_proof(job: UnifiedJob, proof: dict[str, Any]) -> None:
    states.move(job, cleanup={**proof, "attempts": job.attempt})


@patient
def end(job: UnifiedJob, verdict: Verdict) -> None:
    # A retry after a commit whose answer was lost finds the job ended: that is success too.
    if UnifiedJob.objects.filter(
        pk=job.pk, lease_epoch=job.lease_epoch, status=verdict.status
    ).exists():
        job.status = verdict.status
        return
    if job.kind == "inventory_update":
        # Taken over by now, or of no use: an update that was canceled may have sent some.
        Artifact.objects.filter(job=job.pk).delete()
    states.end(
        job, status=verdict.status, job_explanation=verdict.sentence, failure_class=verdict.code,
        failure_cure=verdict.cure, evidence=verdict.evidence,
    )  # fmt: skip


@patient
def enter_cleaning(job: UnifiedJob, verdict: Verdict) -> None:
    """The verdict is written down before the pod goes: it cannot be found out afterwards."""
    states.move(job, stage="cleaning", evidence={_VERDICT: dataclasses.asdict(verdict)})


def kept_verdict(job: UnifiedJob) -> Verdict | None:
    """What a controller that went away while it cleaned up had found out."""
    kept = job.evidence.get(_VERDICT)
    return Verdict(**kept) if kept else None


@patient
def tell_waiting(job: UnifiedJob, reason: str) -> None:
    if job.waiting_for != reason:
        states.move(job, waiting_for=reason)


@patient
def expected_pod(job: int) -> str:
    """The name of the pod that a job needs now; empty when it needs none."""
    row = UnifiedJob.objects.filter(pk=job, status__in=ACTIVE).first()
    return row.pod_name if row else ""


@patient
def pod_swept(job: int, name: str) -> None:
    """A pod that could not be removed when its job ended has been now: that belongs on its row."""
    row = UnifiedJob.objects.exclude(status__in=ACTIVE).filter(pk=job, pod_name=name).first()
    if row is not None and not (row.cleanup or {}).get("removed"):
        proof = {**(row.cleanup or {"pod": name}), "removed": True, "swept": True}
        proof["checked"] = timezone.now().isoformat()
        UnifiedJob.objects.filter(pk=job).update(cleanup=proof)
