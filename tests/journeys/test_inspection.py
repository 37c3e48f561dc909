"""A job's image is looked into once, after the job's own start."""

from __future__ import annotations

import asyncio
import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from gantry.base.bridge import in_thread
from gantry.base.config import settings
from gantry.base.engine_probe import probe_engine
from gantry.control import rows
from gantry.images.inspect.request import request_inspection
from gantry.images.podman_cli import Podman
from gantry.pods.docker_api import DockerEngine
from gantry.resources.images import ImageContents
from gantry.resources.jobs import Installation
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


async def test_a_controller_killed_while_it_looked_loses_image_and_pod_to_the_next(
    world: World, controller: Any, engine_url: str, tmp_path: Path
) -> None:
    """The image's python3 never answers, so that there is time to kill."""
    podman = Podman.of(probe_engine(), tmp_path)
    tag = f"localhost/gantry-test/never-answers-{os.getpid()}:latest"
    (tmp_path / "Containerfile").write_text(
        "FROM localhost/gantry/base:latest\nCOPY python3 /usr/local/bin/python3\n"
    )
    (tmp_path / "python3").write_text("#!/bin/sh\nexec sleep 600\n")
    (tmp_path / "python3").chmod(0o755)
    podman.build(tag, tmp_path, "never-answers")
    engine = DockerEngine(engine_url)
    instance = str((await in_thread(Installation.objects.get)()).uuid)
    try:
        image = await engine.image(tag)
        assert image is not None
        await in_thread(request_inspection)(image.digest, image.platform, image.id, tag)

        async def pod_of(attempt: int) -> str:
            """The only pod there is, once it is the one of that attempt."""
            row = await until(
                lambda: ImageContents.objects.filter(state="running", attempts=attempt).first(),
                f"attempt {attempt}",
            )
            for _ in range(600):
                if [p.name for p in await engine.find(instance)] == [row.pod_name]:
                    return str(row.pod_name)
                await asyncio.sleep(0.1)
            raise AssertionError(f"{row.pod_name}: {await engine.find(instance)}")

        controller.start()
        first = await pod_of(1)
        controller.kill()
        await until(
            lambda: ImageContents.objects.filter(lease_expires__lt=timezone.now()).exists(),
            "the end of the lease",
        )
        controller.start()
        assert await pod_of(2) != first
        await in_thread(controller.stop)()

        assert await engine.find(instance) == []
        assert (await in_thread(ImageContents.objects.get)()).state == "pending"
    finally:
        await engine.close()
        podman.succeeds("image", "rm", "--force", tag)
