"""The history of an EE: every digest that it meant, from whom that is known, when it ran.

One row for each EE and digest. Jobs keep their own digest, so no history hangs on these rows.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from gantry.resources.environments import ExecutionEnvironment

# One statement: jobs that end at once must not collide, and an EE that is being deleted while its
# job runs must not fail it.
_SAW = """
INSERT INTO resources_environmentdigest AS known
       (environment_id, digest, platform, reference, origin, first_seen, last_seen, first_run,
        last_run)
SELECT e.id, %(digest)s, %(platform)s, coalesce(nullif(%(reference)s, ''), e.image), %(origin)s,
       %(at)s, %(at)s, %(run)s, %(run)s
  FROM resources_executionenvironment e WHERE e.id = %(environment)s FOR KEY SHARE
    ON CONFLICT (environment_id, digest) DO UPDATE
   SET last_seen = greatest(known.last_seen, excluded.last_seen),
       platform = coalesce(nullif(excluded.platform, ''), known.platform),
       first_run = coalesce(known.first_run, excluded.first_run),
       last_run = coalesce(greatest(known.last_run, excluded.last_run), known.last_run)
"""


def saw_digest(
    environment: ExecutionEnvironment | int,
    digest: str,
    origin: str,
    *,
    reference: str = "",
    platform: str = "",
    at: datetime | None = None,
) -> None:
    """Note that the EE means, or ran, this digest. `origin` is one of DIGEST_ORIGINS; the first
    that is told stays. `reference` is what was asked for, the EE's image when it is not given.

    An EE that is no longer there, and an empty digest, are no errors.
    """
    if not digest:
        return
    at = at or timezone.now()
    values: dict[str, Any] = {
        "environment": environment if isinstance(environment, int) else environment.pk,
        "digest": digest, "platform": platform, "reference": reference, "origin": origin,
        "at": at, "run": at if origin == "ran" else None,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_SAW, values)
