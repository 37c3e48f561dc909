"""A job's image is looked into once, after the job's own start."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from gantry.base.config import settings
from gantry.control import rows
from gantry.resources.images import ImageContents
from tests.journeys.outcome import run, told, until
from tests.journeys.world import World


async def test_the_image_of_a_job_is_looked_into_and_the_next_job_finds_it_known(
    world: World, control: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = dataclasses.replace(settings(), inspect_images=True)
    monkeypatch.setattr(rows, "settings", lambda: asked)
    template = await in_thread(world.template)()

    job = await run(world, template)
    known = await until(
        lambda: ImageContents.objects.filter(state="inspected").first(), "the inspection"
    )
    again = await run(world, template)

    assert [job.status, again.status] == ["successful"] * 2, told(again)
    assert (known.digest, known.platform) == (job.ee_digest, job.ee_platform)
    assert known.reference == job.ee_image
    after = await in_thread(ImageContents.objects.get)()
    assert (after.pk, after.attempts, after.inspected) == (known.pk, 1, known.inspected)
    assert [p.job for p in await control.world.engine.find(control.world.instance)] == []
