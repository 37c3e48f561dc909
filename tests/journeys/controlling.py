"""A controller in this process on an engine of the test's choice, with settings of its choice."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

from gantry.base.bridge import in_thread


@contextlib.asynccontextmanager
async def controlling(engine: Any, **changes: Any) -> AsyncIterator[Any]:
    """The Control. The changes reach what it hands on (its pods' limits), not a job's payload."""
    from gantry.base import config
    from gantry.control.main import Control
    from gantry.resources.jobs import Installation

    instance = str((await in_thread(Installation.objects.get)()).uuid)
    control = Control(dataclasses.replace(config.settings(), **changes), engine, instance)
    task = asyncio.create_task(control.run())
    try:
        yield control
    finally:
        control.stop()
        await task
