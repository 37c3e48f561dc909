"""Leases: which controller acts on which job. The database decides, nobody else.

A controller takes pending jobs with SKIP LOCKED and renews its leases; a lease that has run out is
taken over with a higher epoch, and the epoch fences everything the old holder may still try.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from gantry import __version__
from gantry.resources.jobs import Controller, UnifiedJob

# A pending job may start when what it depends on has ended, and when nothing that it may not run
# beside is under way: another run of its template unless allow_simultaneous, another sync of its
# project, another build of its EE.
_CLAIM = """
WITH next AS (
    SELECT u.id FROM resources_unifiedjob u
      LEFT JOIN resources_job j ON j.unifiedjob_ptr_id = u.id
      LEFT JOIN resources_environmentbuild b ON b.unifiedjob_ptr_id = u.id
     WHERE u.status = 'pending' AND NOT u.cancel_flag
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
     ORDER BY u.id
     LIMIT %(limit)s
     FOR UPDATE OF u SKIP LOCKED
)
UPDATE resources_unifiedjob u
   SET status = 'waiting', stage = 'resolving', lease_owner = %(owner)s,
       lease_epoch = lease_epoch + 1, lease_expires = now() + %(lease)s * interval '1 second',
       controller_node = %(node)s, waiting_for = '',
       stage_times = u.stage_times || jsonb_build_object('resolving', now())
  FROM next WHERE u.id = next.id
RETURNING u.id
"""
_CLAIM_LOCK = 0x67616E74727901
_STEAL = """
UPDATE resources_unifiedjob
   SET lease_owner = %(owner)s, lease_epoch = lease_epoch + 1, controller_node = %(node)s,
       lease_expires = now() + %(lease)s * interval '1 second'
 WHERE id IN (SELECT id FROM resources_unifiedjob
               WHERE status IN ('waiting', 'running')
                 AND (lease_expires IS NULL OR lease_expires < now())
                 AND NOT (lease_owner IS NOT DISTINCT FROM %(owner)s AND id = ANY(%(walking)s))
               ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING id
"""
# Only of jobs that are walked: one whose walk broke off must find another controller.
_RENEW = """
UPDATE resources_unifiedjob SET lease_expires = now() + %(lease)s * interval '1 second'
 WHERE lease_owner = %(owner)s AND status IN ('waiting', 'running') AND id = ANY(%(walking)s)
RETURNING id
"""


@dataclass(frozen=True)
class Holder:
    """This controller process."""

    uuid: uuid.UUID
    node: str
    lease: int

    @classmethod
    def here(cls, lease: int) -> Holder:
        return cls(uuid.uuid4(), f"{socket.gethostname()}", lease)

    def _values(self, limit: int = 0, walking: Collection[int] = ()) -> dict[str, Any]:
        return {
            "owner": self.uuid, "node": self.node, "lease": self.lease, "limit": limit,
            "walking": list(walking),
        }  # fmt: skip

    def claim(self, limit: int) -> list[UnifiedJob]:
        """Pending jobs that may start now, at most `limit`, now ours."""
        return self._take(_CLAIM, self._values(limit))

    def steal(self, limit: int, walking: Collection[int] = ()) -> list[UnifiedJob]:
        """Jobs under way whose controller has not been heard of for a lease's time. Not those that
        this one is `walking` itself: when the database was away, it goes on with them."""
        return self._take(_STEAL, self._values(limit, walking))

    def renew(self, walking: Collection[int]) -> set[int]:
        """Which of the jobs we are `walking` are still ours; the others must no longer be acted
        on."""
        with connection.cursor() as cursor:
            cursor.execute(_RENEW, self._values(walking=walking))
            held = {row[0] for row in cursor.fetchall()}
        Controller.objects.update_or_create(
            uuid=self.uuid,
            defaults={
                "hostname": self.node, "pid": os.getpid(), "version": __version__,
                "heartbeat": timezone.now(),
            },
        )  # fmt: skip
        return held

    def release(self) -> None:
        """At a graceful stop: whoever comes next need not wait for the leases to run out."""
        UnifiedJob.objects.filter(lease_owner=self.uuid).update(lease_expires=timezone.now())
        Controller.objects.filter(uuid=self.uuid).delete()

    def _take(self, sql: str, values: dict[str, Any]) -> list[UnifiedJob]:
        with transaction.atomic(), connection.cursor() as cursor:
            # One at a time: two that looked at the same moment could each start one of two jobs
            # that may not run beside each other. A controller that sleeps just here must not keep
            # all others from their work, so PostgreSQL ends its transaction.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '5s'")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CLAIM_LOCK])
            cursor.execute(sql, values)
            taken = [row[0] for row in cursor.fetchall()]
            for job in taken:
                cursor.execute(
                    "SELECT pg_notify('gantry_jobs', id || ':' || status || ':' || stage)"
                    " FROM resources_unifiedjob WHERE id = %s",
                    [job],
                )
        return list(UnifiedJob.objects.filter(pk__in=taken).order_by("pk"))


def release_dead(pid: int, node: str) -> None:
    """A supervisor that saw its controller die says so: its jobs need not wait for their leases."""
    for controller in Controller.objects.filter(hostname=node, pid=pid):
        UnifiedJob.objects.filter(lease_owner=controller.uuid).update(lease_expires=timezone.now())
        controller.delete()
