"""Leases: which controller acts on which job. The database decides, nobody else.

A controller takes pending jobs that its instance may run, with SKIP LOCKED, and renews its leases;
a lease that has run out is taken over with a higher epoch, and the epoch fences everything the old
holder may still try.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from gantry.base.config import settings
from gantry.control.seat import Size, beat, leave, take_seat, weigh
from gantry.resources.capacity import BOUNDLESS, HOLDING, GroupLoad, InstanceLoad, Loads, read_loads
from gantry.resources.jobs import NOT_WALKED, UnifiedJob

# A pending job may start when what it depends on has ended, and when nothing that it may not run
# beside is under way: another run of its template unless allow_simultaneous (and then no more than
# the template's limit), another sync of its project, another build of its EE. Of the groups it
# prefers the first in which it fits decides: it is ours when it fits here (`mine`: a smaller impact
# does), or left to its instances (`others`).
# Each organization has a line of its own: syncs and updates, for which jobs wait, then by age. The
# organization with the fewest jobs under way comes next: none waits for another's thousands.
_NEXT = """
WITH open AS (
    SELECT * FROM unnest(%(open)s::bigint[], %(forks)s::int[], %(mine)s::int[], %(others)s::int[])
                  AS g(id, forks, mine, others)
), lines AS (
    SELECT DISTINCT coalesce(organization_id, 0) AS id FROM resources_unifiedjob
     WHERE status = 'pending' AND NOT cancel_flag
), organizations AS (
    SELECT lines.id, coalesce(o.running, 0) AS running, coalesce(o.forks, %(boundless)s) AS forks
      FROM lines LEFT JOIN unnest(%(organizations)s::bigint[], %(running)s::int[],
                                  %(org_jobs)s::int[], %(org_forks)s::int[])
                             AS o(id, running, jobs, forks) ON o.id = lines.id
     WHERE coalesce(o.jobs, 1) > 0
)
SELECT next.id, next.place, next.task_impact, next.organization, next.template, next.beside
  FROM organizations org CROSS JOIN LATERAL (
SELECT u.id, place.id AS place, u.task_impact, org.id AS organization,
       u.unified_job_template_id AS template, t.max_concurrent_jobs - beside.jobs AS beside,
       (u.kind NOT IN ('project_update', 'inventory_update')) AS later
  FROM resources_unifiedjob u
  LEFT JOIN resources_job j ON j.unifiedjob_ptr_id = u.id
  LEFT JOIN resources_jobtemplate t ON t.unifiedjobtemplate_ptr_id = j.job_template_id
        AND t.max_concurrent_jobs > 0
  LEFT JOIN resources_environmentbuild b ON b.unifiedjob_ptr_id = u.id
 CROSS JOIN LATERAL (
       SELECT open.id, open.mine
         FROM unnest(CASE WHEN u.preferred_groups && %(known)s::bigint[] THEN u.preferred_groups
                          ELSE %(fallback)s::bigint[] END) WITH ORDINALITY AS wanted(id, place)
         JOIN open ON open.id = wanted.id
        WHERE open.forks >= u.task_impact AND greatest(open.mine, open.others) > u.task_impact
        ORDER BY wanted.place LIMIT 1) place
  LEFT JOIN LATERAL (
       SELECT count(*)::int AS jobs FROM resources_unifiedjob o
        WHERE t.unifiedjobtemplate_ptr_id IS NOT NULL AND o.kind = 'job'
          AND o.unified_job_template_id = t.unifiedjobtemplate_ptr_id
          AND o.status IN ('waiting', 'running')) beside ON true
 WHERE u.status = 'pending' AND NOT u.cancel_flag AND NOT u.kind = ANY(%(not_walked)s)
   AND coalesce(u.organization_id, 0) = org.id AND u.task_impact <= org.forks
   AND place.mine > u.task_impact
   AND (t.max_concurrent_jobs IS NULL OR beside.jobs < t.max_concurrent_jobs)
   AND NOT EXISTS (
       SELECT 1 FROM resources_unifiedjob_dependencies d
         JOIN resources_unifiedjob o ON o.id = d.to_unifiedjob_id
        WHERE d.from_unifiedjob_id = u.id
          AND o.status IN ('new', 'pending', 'waiting', 'running'))
   AND (coalesce(j.allow_simultaneous, false) OR u.unified_job_template_id IS NULL
        OR NOT EXISTS (
       SELECT 1 FROM resources_unifiedjob o
        WHERE o.unified_job_template_id = u.unified_job_template_id AND o.id <> u.id
          AND (o.status IN ('waiting', 'running')
               OR (o.status = 'pending' AND o.id < u.id AND NOT o.cancel_flag))))
   AND (b.environment_id IS NULL OR NOT EXISTS (
       SELECT 1 FROM resources_environmentbuild e
         JOIN resources_unifiedjob o ON o.id = e.unifiedjob_ptr_id
        WHERE e.environment_id = b.environment_id AND o.id <> u.id
          AND (o.status IN ('waiting', 'running')
               OR (o.status = 'pending' AND o.id < u.id AND NOT o.cancel_flag))))
 ORDER BY (u.kind NOT IN ('project_update', 'inventory_update')), u.id
 LIMIT %(limit)s
   FOR UPDATE OF u SKIP LOCKED) next
 ORDER BY org.running + row_number() OVER (PARTITION BY org.id ORDER BY next.later, next.id),
          next.later, next.id
 LIMIT %(limit)s
"""
_CLAIM = """
UPDATE resources_unifiedjob u
   SET status = 'waiting', stage = 'resolving', lease_owner = %(owner)s,
       lease_epoch = lease_epoch + 1, lease_expires = now() + %(lease)s * interval '1 second',
       controller_node = %(node)s, execution_node = %(node)s, instance_group_id = given.place,
       waiting_for = '', job_explanation = '',
       stage_times = u.stage_times || jsonb_build_object('resolving', now())
  FROM unnest(%(jobs)s::bigint[], %(places)s::bigint[]) AS given(id, place)
 WHERE u.id = given.id
"""
_WALKED = UnifiedJob.objects.exclude(kind__in=NOT_WALKED)
_CLAIM_LOCK = 0x67616E74727901
# A pod runs on an engine that the instances of its job's group reach. Others take a job only when
# none of those has come for it in ten minutes; the instance that had it always may.
_STEAL = """
UPDATE resources_unifiedjob
   SET lease_owner = %(owner)s, lease_epoch = lease_epoch + 1, controller_node = %(node)s,
       execution_node = %(node)s, lease_expires = now() + %(lease)s * interval '1 second'
 WHERE id IN (SELECT id FROM resources_unifiedjob
               WHERE status IN ('waiting', 'running') AND NOT kind = ANY(%(not_walked)s)
                 AND (lease_expires IS NULL OR lease_expires < now())
                 AND NOT (lease_owner IS NOT DISTINCT FROM %(owner)s AND id = ANY(%(walking)s))
                 AND (controller_node = %(node)s OR (%(able)s AND (
                      instance_group_id IS NULL OR instance_group_id = ANY(%(groups)s::bigint[])
                      OR coalesce(lease_expires < now() - interval '10 minutes', true))))
               ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING id
"""
# Only of jobs that are walked: one whose walk broke off must find another controller.
_RENEW = """
UPDATE resources_unifiedjob SET lease_expires = now() + %(lease)s * interval '1 second'
 WHERE lease_owner = %(owner)s AND status IN ('waiting', 'running') AND id = ANY(%(walking)s)
RETURNING id
"""


class Holder:
    """This controller process: `uuid` owns its leases, `node` is the instance it sits on."""

    def __init__(self, lease: int, most_jobs: int) -> None:
        self.uuid = uuid.uuid4()
        self.lease = lease
        self.most_jobs = most_jobs
        self.size = Size.here()
        self.node = ""

    @classmethod
    def here(cls, lease: int, most_jobs: int = 0) -> Holder:
        return cls(lease, most_jobs or settings().capacity)

    def sit_down(self) -> None:
        self.node = take_seat(self.uuid, self.size, lease=self.lease, most_jobs=self.most_jobs)

    def claim(self, limit: int) -> list[UnifiedJob]:
        """Pending jobs that may start now on this instance, at most `limit`, now ours."""
        if not self.node:
            self.sit_down()
        if not _WALKED.filter(status="pending", cancel_flag=False).exists():
            return []
        return self._take(lambda cursor: self._claim(cursor, limit))

    def steal(self, limit: int, walking: Collection[int] = ()) -> list[UnifiedJob]:
        """Jobs under way whose controller has not been heard of for a lease's time. Not those that
        this one is `walking` itself: when the database was away, it goes on with them."""
        if not self.node:
            self.sit_down()

        lost = Q(lease_expires=None) | Q(lease_expires__lt=Now())
        if not _WALKED.filter(lost, status__in=HOLDING).exists():
            return []

        def find(cursor: Any) -> list[int]:
            loads = read_loads(self.lease)
            me = self._me(loads)
            groups = [g.pk for g in loads.groups.values() if g.container or me in g.members]
            values = {"walking": list(walking), "limit": limit, "groups": groups}
            able = me is not None and me.able
            cursor.execute(_STEAL, {**self._values(), **values, "able": able})
            return [row[0] for row in cursor.fetchall()]

        return self._take(find)

    def renew(self, walking: Collection[int]) -> set[int]:
        """Which of the jobs we are `walking` are still ours; the others must no longer be acted
        on."""
        with connection.cursor() as cursor:
            cursor.execute(_RENEW, {**self._values(), "walking": list(walking)})
            held = {row[0] for row in cursor.fetchall()}
        if not beat(self.uuid, lease=self.lease):
            self.sit_down()
        return held

    def weigh(self, size: Size) -> None:
        self.size = size
        weigh(self.uuid, size)

    def release(self) -> None:
        leave(self.uuid)

    def _values(self) -> dict[str, Any]:
        return {
            "owner": self.uuid, "node": self.node, "lease": self.lease,
            "not_walked": list(NOT_WALKED),
        }  # fmt: skip

    def _me(self, loads: Loads) -> InstanceLoad | None:
        return next((i for i in loads.instances.values() if i.holder == self.uuid), None)

    def _claim(self, cursor: Any, limit: int) -> list[int]:
        """In rounds: each takes what fits beside what the one before has taken."""
        taken: list[int] = []
        loads = read_loads(self.lease)
        me = self._me(loads)
        while me is not None and me.able and len(taken) < limit:
            found = _next(cursor, loads, me, limit - len(taken))
            given = [(job, group.pk) for job, group in found]
            if not given:
                break
            jobs, places = (list(column) for column in zip(*given, strict=True))
            cursor.execute(_CLAIM, {**self._values(), "jobs": jobs, "places": places})
            taken += jobs
        return taken

    def _take(self, find: Callable[[Any], list[int]]) -> list[UnifiedJob]:
        with transaction.atomic(), connection.cursor() as cursor:
            # One at a time: two that looked at the same moment could each start one of two jobs
            # that may not run beside each other. A controller that sleeps just here must not keep
            # all others from their work, so PostgreSQL ends its transaction.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '5s'")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CLAIM_LOCK])
            taken = find(cursor)
            for job in taken:
                cursor.execute(
                    "SELECT pg_notify('gantry_jobs', id || ':' || status || ':' || stage)"
                    " FROM resources_unifiedjob WHERE id = %s",
                    [job],
                )
        return list(UnifiedJob.objects.filter(pk__in=taken).order_by("pk"))


def _next(cursor: Any, loads: Loads, me: InstanceLoad, limit: int) -> list[tuple[int, GroupLoad]]:
    """The next jobs for this instance, each with its group; `loads` is kept up to date."""
    groups = [g for g in loads.groups.values() if g.forks_left >= 0]
    mine = [BOUNDLESS if g.container else me.room if me in g.members else -1 for g in groups]
    if max(mine, default=-1) < 0:
        return []
    others = [max((m.room for m in g.members if m is not me), default=-1) for g in groups]
    lines = loads.organizations
    values = {
        "open": [g.pk for g in groups], "forks": [g.forks_left for g in groups], "mine": mine,
        "others": others, "known": list(loads.groups), "fallback": loads.fallback, "limit": limit,
        "not_walked": list(NOT_WALKED), "boundless": BOUNDLESS, "organizations": list(lines),
        "running": [o.jobs for o in lines.values()],
        "org_jobs": [max(o.jobs_left, 0) for o in lines.values()],
        "org_forks": [max(o.forks_left, 0) for o in lines.values()],
    }  # fmt: skip
    cursor.execute(_NEXT, values)
    found: list[tuple[int, GroupLoad]] = []
    beside: dict[int, int] = {}
    for job, pk, impact, line, template, left in cursor.fetchall():
        group, own = loads.groups[pk], loads.line(line)
        if left is not None and beside.get(template, 0) >= left:
            continue
        if not own.fits(impact) or group.forks_left < impact:
            continue
        if group.container or me.room > impact:
            for load in (group, me, own):
                load.take(impact)
            beside[template] = beside.get(template, 0) + 1
            found.append((job, group))
    return found
