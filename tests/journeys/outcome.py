"""Waiting for jobs, from async tests: on a condition with a deadline, never for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from gantry.base.bridge import in_thread
from tests.journeys.world import World, stdout


async def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """The first true value of `condition`, which may ask the database."""
    deadline = time.monotonic() + seconds
    while not (value := await in_thread(condition)()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s for {what}: {value!r}")
        await asyncio.sleep(0.05)
    return value


async def ended(job: Any, seconds: float = 90) -> Any:
    """The job's row once it has ended."""

    def over() -> bool:
        job.refresh_from_db()
        return not job.active

    await until(over, f"the end of job {job.pk}", seconds)
    return job


async def run(world: World, template: Any, **prompts: Any) -> Any:
    """Launch the template and wait for the job's end."""
    return await ended(await in_thread(lambda: world.launch(template, **prompts))())


async def output(job: Any) -> str:
    return await in_thread(stdout)(job)


def told(job: Any) -> str:
    """All that a person reads about a failure, and for assertions that fail."""
    return f"{job.status} {job.failure_class}: {job.job_explanation} | {job.failure_cure}"
