"""Which tasks had a host that failed or changed: known while recording, told at the end.

AWX marks the parents of failed and changed events when playbook_on_stats arrives
(awx/main/models/events.py, one level up). Only record.ingest calls this.
"""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection

from gantry.record.rows import STATS, Row
from gantry.resources.events import event_id

PARENT_LEVEL = 2  # deeper events (3, hosts) are nobody's parents


class Parents:
    """Remembers ids by uuid, so that the end of a job need not search its events."""

    def __init__(self, job: int) -> None:
        self.job = job
        self.complete = False  # whether every event of the job has been seen
        self._ids: dict[str, int] = {}
        self._failed: set[str] = set()
        self._changed: set[str] = set()

    def see(self, row: Row) -> None:
        """Safe to call twice with one row: a transaction may have to be repeated."""
        if row.level <= PARENT_LEVEL:
            self._ids[row.uuid] = row.id
        # AWX looks before it has stored the stats event, whose outcome so never reaches a parent.
        if row.parent_uuid and row.event != STATS:
            if row.failed:
                self._failed.add(row.parent_uuid)
            if row.changed:
                self._changed.add(row.parent_uuid)

    async def mark(self, connection: AsyncConnection[Any], created: Any) -> None:
        """One UPDATE by primary key; after an adoption one scan of the job's events before it."""
        if not self.complete:
            await self._read(connection, created)
        for column, uuids in (("failed", self._failed), ("changed", self._changed)):
            ids = [self._ids[u] for u in uuids if u in self._ids]
            if ids:
                await connection.execute(
                    f"UPDATE resources_jobevent SET {column} = true"  # noqa: S608
                    f" WHERE id = ANY(%s) AND job_created = %s AND NOT {column}",
                    [ids, created],
                )

    async def _read(self, connection: AsyncConnection[Any], created: Any) -> None:
        rows = await connection.execute(
            "SELECT id, uuid, parent_uuid, event_level, failed, changed FROM resources_jobevent"
            " WHERE id >= %s AND id < %s AND job_created = %s"
            " AND (event_level <= %s OR failed OR changed) AND event <> 'playbook_on_stats'",
            [event_id(self.job, 0), event_id(self.job + 1, 0), created, PARENT_LEVEL],
        )
        async for number, uuid, parent, level, failed, changed in rows:
            if level <= PARENT_LEVEL:
                self._ids[uuid] = number
            if failed and parent:
                self._failed.add(parent)
            if changed and parent:
                self._changed.add(parent)
        self.complete = True
