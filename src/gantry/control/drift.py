"""The schedule on which registries are asked whether the tags of EEs have moved.

An image that no registry has is looked at on the controller's engine. An EE's own row says when it
was asked about last: the controller that writes a newer time there asks, so any number of
controllers share the work. Turns are spread over the interval; a fresh installation does not ask
for everything at once.
"""

from __future__ import annotations

import asyncio
import logging

from django.db import connection

from gantry.base.bridge import in_thread
from gantry.images import tags
from gantry.pods.contract import Engine
from gantry.resources.environments import ExecutionEnvironment

logger = logging.getLogger(__name__)
SHORTEST, LONGEST = 1.0, 60.0  # seconds between two turns

# A reference by digest means itself.
_DUE = """
UPDATE resources_executionenvironment SET registry_checked = now()
 WHERE id = (SELECT id FROM resources_executionenvironment
              WHERE (registry_checked IS NULL
                     OR registry_checked < now() - %(interval)s * interval '1 second')
                AND image NOT LIKE '%%@%%'
              ORDER BY registry_checked NULLS FIRST, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id
"""


async def watch_tags(engine: Engine, interval: int) -> None:
    """Until cancelled. An interval of 0 seconds asks nobody."""
    while interval > 0:
        try:
            await turn(engine, interval)
            pause = interval / (1 + await in_thread(ExecutionEnvironment.objects.count)())
        except Exception as error:
            logger.warning("tags could not be checked: %s", error)
            pause = LONGEST
        await asyncio.sleep(min(max(pause / 2, SHORTEST), LONGEST))


async def turn(engine: Engine, interval: int) -> int | None:
    """Ask for one EE whose turn it is; its id, None when it is nobody's."""
    asked = await in_thread(_take)(interval)
    if asked is None:
        return None
    await tags.check(asked, engine)
    return asked.environment


def _take(interval: int) -> tags.Question | None:
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"interval": interval})
        found = cursor.fetchone()
    row = ExecutionEnvironment.objects.filter(pk=found[0]).first() if found else None
    return tags.question(row) if row is not None else None
