"""The walk of a system job: no pod, the controller itself does it and records what it says.

Its errors, cancel and end are those of every walk. What it does may be done again, so the next
controller begins it anew.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

from django.utils import timezone

from gantry.base.bridge import DATABASE_AWAY, LONGEST_PAUSE, in_thread
from gantry.base.errors import JobFailure
from gantry.base.redact import Redactor
from gantry.control import build_rows, rows
from gantry.control.build_walk import Output
from gantry.control.rows import patient
from gantry.control.walk import Walk, World
from gantry.images.cache import CachedImage, Policy, Pruned, known, prune, to_go
from gantry.path import states
from gantry.path.finish import Verdict
from gantry.path.saved_prompts import days_of
from gantry.pods.image_store import ImageStore
from gantry.record.ingest import RecordedJob
from gantry.record.retention import DEFAULT_DAYS, DOES, Orders
from gantry.resources.actor import silently
from gantry.resources.jobs import UnifiedJob
from gantry.resources.system_jobs import IMAGES, SystemJob


class SystemWalk(Walk):
    def __init__(self, world: World, job: UnifiedJob, images: ImageStore) -> None:
        super().__init__(world, job)
        self.images = images

    async def _verdict(self) -> Verdict:
        kept = rows.kept_verdict(self.job)
        if kept is not None:
            return kept
        self._check_cancel()
        output = Output(await _record(self.job), self.world)
        try:
            if output.goes_on:
                await output.say("-- A controller ended while it did this: begun anew. --")
            await _enter_running(self.job)
            await self._do(output)
        finally:
            await output.close()
        return Verdict("successful")

    async def _do(self, output: Output) -> None:
        if await _type(self.job) == IMAGES:
            await self._do_images(output)
            return
        while True:
            step = in_thread(_next_line)
            lines = await _lines(self.job)
            try:
                while (line := await step(lines)) is not None:
                    self._check_cancel()
                    await output.say(line)
            except DATABASE_AWAY:
                await output.say("-- PostgreSQL was away: begun anew. --")
                await asyncio.sleep(LONGEST_PAUSE)
            else:
                return

    async def _do_images(self, output: Output) -> None:
        """Of the engine of this controller; others have theirs, and GANTRY_IMAGE_KEEP_DAYS."""
        orders = await _orders(self.job)
        now = timezone.now()
        policy = Policy(days=max(orders.days, 1 / 86400))  # 0 is no rule
        if orders.dry_run:
            held = await in_thread(known)(await self.images.held())
            for cached in to_go(held, policy, now):
                await output.say(f"{_named(cached)} would be removed")
            return
        done: list[Pruned] = []
        await prune(self.images, policy, now, done.append)
        for each in done:
            kept = f"stays: {each.error}" if each.error else "removed"
            await output.say(f"{_named(each.cached)} {kept}")
        await output.say(f"Removed {sum(not each.error for each in done)} images")


def _named(cached: CachedImage) -> str:
    return ", ".join(cached.image.names) or cached.image.id


def _next_line(lines: Iterator[str]) -> str | None:
    with silently():  # what Gantry tidies up is no change by a person
        return next(lines, None)


@patient
def _record(job: UnifiedJob) -> build_rows.Record:
    row = UnifiedJob.objects.get(pk=job.pk)
    fields = RecordedJob(row.pk, row.created, job.lease_epoch, row.kind)
    return build_rows.Record(fields, Redactor([]), row.acknowledged, row.emitted_events, row.lines)


@patient
def _enter_running(job: UnifiedJob) -> None:
    if job.stage == "resolving":
        states.move(job, status="running", stage="running", started=timezone.now(), waiting_for="")


@patient
def _lines(job: UnifiedJob) -> Iterator[str]:
    row = SystemJob.objects.get(pk=job.pk)
    does = DOES.get(row.job_type)
    if does is None:
        raise JobFailure(
            f"There is no system job of type {row.job_type or 'nothing'}.",
            cure="Launch one of the system job templates.", code="unknown_system_job",
        )  # fmt: skip
    return does(_orders_of(row))


def _orders_of(row: SystemJob) -> Orders:
    variables = json.loads(row.extra_vars or "{}")
    days = days_of(variables)
    return Orders(
        days=DEFAULT_DAYS if days is None else days,
        dry_run=variables.get("dry_run") in (True, "true", "True", "yes", 1, "1"),
        itself=row.pk,
    )


@patient
def _orders(job: UnifiedJob) -> Orders:
    return _orders_of(SystemJob.objects.get(pk=job.pk))


@patient
def _type(job: UnifiedJob) -> str:
    return SystemJob.objects.values_list("job_type", flat=True).get(pk=job.pk)
