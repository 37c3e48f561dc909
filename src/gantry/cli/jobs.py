"""`gantry job ...`: the same launch function and the same record as API and web, in a terminal."""

from __future__ import annotations

import asyncio
import itertools
import sys
from datetime import datetime
from typing import Any

from psycopg_pool import AsyncConnectionPool

from gantry.base import postgres
from gantry.base.config import settings
from gantry.base.errors import InvalidInput
from gantry.path.launch import launch_job
from gantry.record.tail import Tail
from gantry.resources.jobs import Job, UnifiedJob
from gantry.resources.organizations import User
from gantry.resources.templates import JobTemplate


def page(job: UnifiedJob) -> str:
    return f"{settings().public_url}/jobs/{job.pk}/"


def find(job: int) -> UnifiedJob:
    row = UnifiedJob.objects.filter(pk=job).first()
    if row is None:
        raise InvalidInput(f"There is no job {job}.", cure="The Jobs page lists them.")
    return row


def launch(template: str, prompts: dict[str, Any], username: str) -> UnifiedJob:
    """By name or id, as `username` or the first administrator."""
    wanted = {"pk": int(template)} if template.isdigit() else {"name": template}
    found = list(JobTemplate.objects.filter(**wanted)[:2])
    if len(found) != 1:
        raise InvalidInput(
            f"{'No' if not found else 'More than one'} job template is named {template}.",
            cure="The Templates page shows their ids; launch by id.",
        )
    return launch_job(found[0], user=person(username), prompts=prompts).job


def person(username: str) -> User:
    """Of that name, or the first administrator."""
    wanted: dict[str, Any] = {"username": username} if username else {"is_superuser": True}
    user = User.objects.filter(**wanted).order_by("pk").first()
    if user is None:
        raise InvalidInput(f"There is no user {username or 'that is an administrator'}.")
    return user


def follow(job: UnifiedJob) -> int:
    """Print from the first line until the job has ended; 0 when it was successful."""

    async def show() -> None:
        url = postgres.url(settings())
        async with (
            AsyncConnectionPool(url, min_size=1, max_size=2, open=False) as pool,
            Tail(url, pool) as tail,
        ):
            stage = ""
            async for batch in tail.follow(job.pk):
                if batch.stage != stage:
                    stage = batch.stage
                    print(f"\033[2m[{stage}]\033[0m", file=sys.stderr)
                for event in batch.events:
                    if event.stdout:
                        print(event.stdout)
                sys.stdout.flush()

    asyncio.run(show())
    job.refresh_from_db()
    if job.status != "successful":
        sys.stderr.write(f"\nJob {job.pk} {job.status}: {job.job_explanation}\n")
        if job.failure_cure:
            sys.stderr.write(f"{job.failure_cure}\n")
    return 0 if job.status == "successful" else 1


def record(job: UnifiedJob) -> str:
    """The job's permanent record as text."""
    lines = [
        f"Job {job.pk}: {job.name}",
        f"  status     {job.status}" + (f" ({job.job_explanation})" if job.failed else ""),
    ]
    if job.ee_image:
        named = f"{job.ee_name}: {job.ee_image}" if job.ee_name else job.ee_image
        deleted = " (since deleted)" if job.ee_name and job.execution_environment_id is None else ""
        lines += [f"  EE         {named}{deleted}", f"  why        {job.ee_reason}"]
    if job.ee_digest:
        wanted = ", asked for by digest" if job.ee_wanted_digest else ""
        lines.append(f"  digest     {job.ee_digest} ({job.ee_platform}{wanted})")
    if job.ee_signature:
        lines.append(f"  signed by  {job.ee_signature['key']}")
    if job.ee_warning:
        lines.append(f"  warning    {job.ee_warning}")
    if job.kind == "job":
        lines += _playbook_lines(Job.objects.get(pk=job.pk))
    if job.instance_group is not None:
        lines.append(f"  ran on     {job.execution_node}, instance group {job.instance_group}")
    lines += ["  stages     " + "  ".join(_stage_lines(job))]
    lines += [f"  elapsed    {job.elapsed} s, {job.emitted_events} events, {job.lines} lines"]
    lines.append(f"  clean-up   {_cleanup_words(job)}")
    return "\n".join(lines)


def _cleanup_words(job: UnifiedJob) -> str:
    proof = job.cleanup
    if not proof:
        return "no pod was started"
    erased = proof.get("erased_in_pod") or {}
    left = f", {len(erased['left'])} of its files left unerased" if erased.get("left") else ""
    gone = "removed and checked gone" if proof.get("removed") else "NOT removed"
    return (
        f"pod {proof.get('pod')}: {gone}{', secrets erased in it before' if erased else ''}{left}"
    )


def _playbook_lines(job: Job) -> list[str]:
    snapshot = job.inventory_snapshot
    lines = [
        f"  playbook   {job.playbook}",
        f"  commit     {job.scm_revision}",
        f"  inventory  {job.inventory}, snapshot {snapshot.sha256[:12] if snapshot else '-'}",
    ]
    for host in job.job_host_summaries.all():
        lines.append(
            f"  host       {host.host_name}: ok={host.ok} changed={host.changed} "
            f"failed={host.failures} unreachable={host.dark} skipped={host.skipped}"
        )
    return lines


def _stage_lines(job: UnifiedJob) -> list[str]:
    """Each stage and how long the job stood in it."""
    times = sorted((datetime.fromisoformat(t), s) for s, t in job.stage_times.items())
    pairs = itertools.pairwise(times)
    return [f"{stage} {(after - at).total_seconds():.2f}s" for (at, stage), (after, _) in pairs]
