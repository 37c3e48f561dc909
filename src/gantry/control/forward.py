"""Keeps the process that forwards to a log server, while forwarding is on.

A process of its own, since it writes as much JSON as the recorder reads: what it does takes no turn
of the loop in which events are recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys

from gantry.base.bridge import in_thread
from gantry.resources.log_aggregator import enabled

logger = logging.getLogger(__name__)
PAUSE = 5.0
COMMAND = (sys.executable, "-m", "gantry.record.forward")


async def keep_forwarding() -> None:
    """Until cancelled. The child's input is its leash: it ends when that closes."""
    child: asyncio.subprocess.Process | None = None
    try:
        while True:
            with contextlib.suppress(Exception):
                wanted = await in_thread(enabled)()
                if wanted and (child is None or child.returncode is not None):
                    child = await asyncio.create_subprocess_exec(
                        *COMMAND, stdin=asyncio.subprocess.PIPE
                    )
            await asyncio.sleep(PAUSE)
    finally:
        if child is not None and child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            await child.wait()
