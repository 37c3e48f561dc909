"""What the loop does beside walking: canceled jobs that never started, orphaned pods, partitions.

Also the sentence that says why a pending job waits.
"""

from __future__ import annotations

import logging
from typing import Any

import psycopg
from django.db.models import Case, OuterRef, Q, Subquery, When

from gantry.base.errors import EngineError, Fenced
from gantry.control import inspections, rows
from gantry.path import states
from gantry.pods.contract import Engine, FoundPod
from gantry.resources.builds import EnvironmentBuild
from gantry.resources.capacity import read_loads
from gantry.resources.jobs import ACTIVE, NOT_WALKED, UnifiedJob

logger = logging.getLogger(__name__)
NO_CAPACITY = "This job is not ready to start because there is not enough available capacity."


def end_canceled() -> None:
    """Pending jobs that were canceled: no controller holds them, so any may end them."""
    for job in UnifiedJob.objects.filter(status="pending", cancel_flag=True):
        try:
            states.end(
                job, status="canceled", failure_class="canceled",
                job_explanation="The job was canceled before it started.",
            )  # fmt: skip
        except Fenced:
            continue


def explain_waiting(lease: int) -> None:
    """Tell each pending job what it waits for, when that has changed: in our words, and in those by
    which AWX's clients know it."""
    waiting = UnifiedJob.objects.filter(status="pending", cancel_flag=False)
    pending = waiting.exclude(kind__in=NOT_WALKED).only(
        "kind", "stage", "status", "preferred_groups", "task_impact", "waiting_for",
        "job_explanation",
    )  # fmt: skip
    loads = None
    for job in pending.annotate(first=_dependency(), rival=_rival(), rival_build=_rival_build()):
        before = job.first or job.rival or job.rival_build
        if before:
            reason, said = _wait_for(before, job)
        else:
            loads = loads or read_loads(lease)
            reason = loads.why_not(job.preferred_groups, job.task_impact)
            said = f"{NO_CAPACITY} It waits for {reason}." if reason else ""
        if (reason, said) != (job.waiting_for, job.job_explanation):
            UnifiedJob.objects.filter(pk=job.pk, status="pending").update(
                waiting_for=reason, job_explanation=said
            )
            states.announce(job.pk, job.status, job.stage)


def _wait_for(before: int, job: Any) -> tuple[str, str]:
    first = UnifiedJob.objects.filter(pk=before).only("kind", "name").first()
    if first is None:
        return "", ""
    said = f"waiting for {first.kind.replace('_', '')}-{first.pk} to finish"
    if job.first:
        return f"{first.kind.replace('_', ' ')} {first.pk} of {first.name}", said
    if job.rival:
        return "an earlier run of the same template", said
    return "an earlier build of the same execution environment", said


def _dependency() -> Subquery:
    active = UnifiedJob.objects.filter(dependents=OuterRef("pk"), status__in=ACTIVE)
    return Subquery(active.order_by("pk").values("pk")[:1])


_EARLIER = Q(status__in=("waiting", "running")) | Q(
    status="pending", cancel_flag=False, pk__lt=OuterRef("pk")
)


def _rival() -> Case:
    """The run that this one may not run beside."""
    runs = UnifiedJob.objects.filter(
        _EARLIER, unified_job_template=OuterRef("unified_job_template")
    ).exclude(pk=OuterRef("pk"))
    first = Subquery(runs.order_by("pk").values("pk")[:1])
    return Case(When(as_job__allow_simultaneous=True, then=None), default=first)


def _rival_build() -> Subquery:
    builds = EnvironmentBuild.objects.filter(
        _EARLIER, environment=OuterRef("as_environment_build__environment")
    ).exclude(pk=OuterRef("pk"))
    return Subquery(builds.order_by("pk").values("pk")[:1])


async def sweep_pods(engine: Engine, instance: str) -> list[str]:
    """Remove this installation's pods whose job has ended or is not known; returns their names."""
    removed = []
    # In this order: a pod is listed after its name was written on the row, so one that the row
    # does not name is no longer needed, or never will be.
    for pod in await engine.find(instance):
        if await _is_needed(pod):
            continue
        logger.warning("removing pod %s, which no job needs", pod.name)
        try:
            await engine.remove(pod.id)
        except EngineError as error:
            logger.warning("pod %s could not be removed: %s", pod.name, error)
            continue
        await rows.pod_swept(pod.job, pod.name)
        removed.append(pod.name)
    return removed


async def _is_needed(pod: FoundPod) -> bool:
    if pod.job:
        return await rows.expected_pod(pod.job) == pod.name
    return await inspections.expected_pod(pod.name)


def make_partitions(url: str) -> None:
    from django.utils import timezone

    from gantry.record.partitions import ensure_partitions

    with psycopg.connect(url, autocommit=True) as connection:
        ensure_partitions(connection, timezone.now())
