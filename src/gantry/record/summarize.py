"""How each host fared: folds playbook_on_stats into host summaries, as AWX counts them.

Step "record" of the path, at the end of a playbook (awx/main/models/events.py,
_update_host_summary_from_stats). record.ingest writes them; the API asks `status_counts`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

from psycopg import AsyncConnection

from gantry.record import host_metrics
from gantry.record.rows import LARGEST_INT

COUNTS = ("changed", "dark", "failures", "ignored", "ok", "processed", "rescued", "skipped")
# AWX lists a host that is in any of these; ignored and rescued alone do not make one.
_NAMING = ("changed", "dark", "failures", "ok", "processed", "skipped")


@dataclass(frozen=True)
class HostSummary:
    host_name: str
    host_id: int | None
    changed: int
    dark: int
    failures: int
    ignored: int
    ok: int
    processed: int
    rescued: int
    skipped: int

    @property
    def failed(self) -> bool:
        return bool(self.dark or self.failures)


def _table(stats: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = stats.get(name)
    return found if isinstance(found, dict) else {}


def summaries(stats: Mapping[str, Any], hosts: Mapping[str, int]) -> list[HostSummary]:
    """One a host, in the order of names. `hosts` maps a name to the id of its row."""
    names = sorted({host for name in _NAMING for host in _table(stats, name)})
    found = []
    for host in names:
        counts = {}
        for name in COUNTS:
            value = _table(stats, name).get(host, 0)
            counts[name] = min(max(value, 0), LARGEST_INT) if isinstance(value, int) else 0
        found.append(HostSummary(host[:1024], hosts.get(host), **counts))
    return found


def status_counts(stats: Mapping[str, Any]) -> dict[str, int]:
    """AWX's host_status_counts: one state a host, the later key wins."""
    state = {
        host: key
        for key in ("skipped", "ok", "changed", "failures", "dark")
        for host in _table(stats, key)
    }
    return dict(Counter(state.values()))


async def write(
    connection: AsyncConnection[Any], job: int, stats: Mapping[str, Any], hosts: Mapping[str, int]
) -> None:
    """Host summaries, the hosts' last job, and how often each was automated."""
    rows = summaries(stats, hosts)
    async with connection.cursor() as cursor:
        await cursor.executemany(
            "INSERT INTO resources_jobhostsummary (job_id, created, modified, failed, host_name,"
            " host_id, changed, dark, failures, ignored, ok, processed, rescued, skipped)"
            # A host deleted while the job ran leaves its name only.
            " VALUES (%s, now(), now(), %s, %s, (SELECT id FROM resources_host WHERE id = %s),"
            " %s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (job_id, host_name) DO NOTHING",
            [(job, row.failed, *astuple(row)) for row in rows],
        )
    ids = [row.host_id for row in rows if row.host_id is not None]
    if ids:
        await connection.execute(
            "UPDATE resources_host SET last_job_id = %s WHERE id = ANY(%s)", [job, ids]
        )
    await host_metrics.count(connection, [row.host_name for row in rows])
