"""Which of its digests an image is recorded by, where the engine knows it by several.

podman 4.3 keeps an index's digest and its platform's alike, and that of a local build beside that
of the registry. What the tag means is for the registry to say: it is asked right after a pull, and
remembered for launches that pull nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

from gantry.base.bridge import in_thread
from gantry.base.errors import GantryError
from gantry.control.rows import Resolved
from gantry.images import tags
from gantry.path.pull import Obtained
from gantry.pods.contract import Engine

PATIENCE = 10.0  # seconds; a job waits no longer for what is only a name


async def by_the_tags_digest(engine: Engine, resolved: Resolved, obtained: Obtained) -> Obtained:
    """The same image, by the digest that its tag has or had in the registry."""
    image, environment = obtained.image, resolved.resolution.environment
    if resolved.request.digest or len(image.digests) < 2:
        return obtained
    told = [environment.registry_digest, environment.last_digest]
    if obtained.pulled:
        with contextlib.suppress(GantryError, TimeoutError):
            asked = await in_thread(tags.question)(environment)
            told.insert(0, await asyncio.wait_for(tags.meaning(asked, engine), PATIENCE))
    digest = next((d for d in told if d in image.digests), image.digest)
    return replace(obtained, image=replace(image, digest=digest))
