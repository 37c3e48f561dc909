"""What the loop does beside walking: canceled jobs that never started, orphans, partitions."""

from __future__ import annotations

import logging

import psycopg

from gantry.base.errors import EngineError, Fenced
from gantry.control import inspections, rows
from gantry.path import states
from gantry.pods.contract import Engine, FoundPod
from gantry.resources.jobs import UnifiedJob

logger = logging.getLogger(__name__)


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
