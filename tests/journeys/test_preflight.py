"""Preflight on the path of a job: its EE was really looked into, and its pod never starts."""

from __future__ import annotations

from typing import Any

import pytest

from gantry.base.bridge import in_thread
from gantry.images.inspect.request import request_inspection
from gantry.resources.models import ImageContents
from tests.journeys.outcome import run, told, until
from tests.journeys.world import PING, World

pytestmark = pytest.mark.engine
LACKING = PING + "    - nobody.has_this.module:\n"


async def test_a_job_that_cannot_be_loaded_ends_before_its_pod(world: World, control: Any) -> None:
    def template(playbook: str) -> Any:
        return world.template(playbook)

    lacking, good = await in_thread(template)(LACKING), await in_thread(template)(PING)
    world.organization.preflight = "error"
    await in_thread(world.organization.save)()

    first = await run(world, lacking)
    await in_thread(request_inspection)(
        first.ee_digest, first.ee_platform, first.ee_image_id, first.ee_image
    )
    known = ImageContents.objects.filter(digest=first.ee_digest, state="inspected")
    await until(known.exists, "the look into the starter EE")
    refused = await run(world, lacking)
    fine = await run(world, good)

    # What is not known yet holds up nobody: ansible itself says it, in its pod.
    assert (first.status, first.preflight["state"]) == ("failed", "unknown"), told(first)
    assert first.pod_name
    assert (refused.status, refused.failure_class) == ("error", "preflight"), told(refused)
    assert (refused.pod_name, refused.cleanup) == ("", None)
    assert "nobody.has_this, which site.yml needs" in refused.job_explanation
    assert [m["used"] for m in refused.preflight["missing"]] == [["nobody.has_this.module"]]
    assert (fine.status, fine.preflight["missing"]) == ("successful", []), told(fine)
