"""The controller's care for its engine's images: once an hour those go that the settings say.

Without GANTRY_IMAGE_KEEP_DAYS and GANTRY_IMAGE_CACHE nothing ever goes by itself.
"""

from __future__ import annotations

import asyncio
import logging

from django.utils import timezone

from gantry.base.config import Settings
from gantry.images.cache import Policy, Pruned, prune
from gantry.pods.image_store import ImageStore

logger = logging.getLogger(__name__)
PAUSE = 3600.0


async def care(store: ImageStore, settings: Settings) -> None:
    """Until cancelled; at once when the settings have no rule."""
    policy = Policy(settings.image_keep_days, settings.image_cache)
    while policy.days or policy.size:
        try:
            await prune(store, policy, timezone.now(), tell)
        except Exception as error:
            logger.warning("the engine's images could not be cared for: %s", error)
        await asyncio.sleep(PAUSE)


def tell(pruned: Pruned) -> None:
    image = pruned.cached.image
    named = ", ".join(image.names) or image.id
    if pruned.error:
        logger.warning("image %s stays: %s", named, pruned.error)
    else:
        logger.info("image %s removed: last used %s", named, pruned.cached.last_used)
