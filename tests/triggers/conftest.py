"""Schedules of a small world, and a clock that tests move."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine

from tests.journeys.world import World

Make = Callable[..., Any]
MORNING = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


@pytest.fixture
def clock(db: str) -> Any:
    """At MORNING, and standing still."""
    with time_machine.travel(MORNING, tick=False) as traveller:
        yield traveller


@pytest.fixture
def world(clock: Any) -> World:
    from gantry.resources.models import Schedule

    Schedule.objects.all().delete()  # those that every installation begins with
    return World.make("localhost/none:1")


@pytest.fixture
def schedule(world: World) -> Make:
    """An hourly schedule of a template that asks for nothing, unless told otherwise."""
    from gantry.resources.models import Schedule

    template = None

    def make(name: str = "hourly", rule: str = "FREQ=HOURLY;INTERVAL=1", **fields: Any) -> Any:
        nonlocal template
        if "unified_job_template" not in fields:
            template = template or world.template(name="Nightly")
            fields["unified_job_template"] = template.unifiedjobtemplate_ptr
        rrule = fields.pop("rrule", f"DTSTART;TZID=Europe/Berlin:20260101T003000 RRULE:{rule}")
        return Schedule.objects.create(name=name, rrule=rrule, **fields)

    return make
