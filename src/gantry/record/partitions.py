"""The months of the event table: made ahead, dropped whole when their time is over.

Called by `gantry migrate` and daily by the controller, through a synchronous connection (Django's
or psycopg's). Each change is one statement, so that a crash leaves nothing half made.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Protocol

TABLE = "resources_jobevent"
_NAME = re.compile(TABLE + r"_(\d{4})_(\d{2})$")

# Attached rather than created in place: that lets events in while it happens. Rows that fell into
# the default partition (the controller was off for two months) go where they belong.
_CREATE = """
DO $do$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('gantry.partitions'));
    IF to_regclass('{name}') IS NOT NULL THEN RETURN; END IF;
    CREATE TABLE {name} (LIKE {table} INCLUDING ALL);
    IF EXISTS (SELECT FROM {table}_default WHERE {range}) THEN
        LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE;
        WITH moved AS (DELETE FROM {table}_default WHERE {range} RETURNING *)
        INSERT INTO {name} SELECT * FROM moved;
    END IF;
    ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}');
END $do$
"""


class Connection(Protocol):
    """What Django's connection and psycopg's have in common."""

    def cursor(self) -> Any: ...


def _month(moment: datetime, later: int = 0) -> datetime:
    """The first instant of the month `later` months after the moment's."""
    moment = moment.astimezone(UTC)
    years, month = divmod(moment.month - 1 + later, 12)
    return datetime(moment.year + years, month + 1, 1, tzinfo=UTC)


def ensure_partitions(connection: Connection, now: datetime) -> None:
    """Partitions for this month and the next, if they are missing."""
    with connection.cursor() as cursor:
        for later in (0, 1):
            start, end = _month(now, later), _month(now, later + 1)
            cursor.execute(
                _CREATE.format(
                    table=TABLE,
                    name=f"{TABLE}_{start:%Y_%m}",
                    start=start.isoformat(),
                    end=end.isoformat(),
                    range=f"job_created >= '{start.isoformat()}'"
                    f" AND job_created < '{end.isoformat()}'",
                )
            )


def drop_before(connection: Connection, moment: datetime) -> list[str]:
    """Drop the months that ended before the moment's month began; returns their tables' names."""
    dropped = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = %s::regclass ORDER BY 1",
            [TABLE],
        )
        for (name,) in cursor.fetchall():
            found = _NAME.search(name)
            if found and (int(found[1]), int(found[2])) < (moment.year, moment.month):
                cursor.execute(f"DROP TABLE {name}")
                dropped.append(name)
    return dropped
