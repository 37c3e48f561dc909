"""Keeps the table of automated hosts: counted with each job's end, tidied and summed up daily.

AWX: JobEvent._update_host_metrics and awx/main/tasks/host_metrics.py, with its thresholds.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from dateutil.relativedelta import relativedelta
from django.db.models import Count, F, QuerySet
from django.db.models.functions import TruncMonth
from psycopg import AsyncConnection

from gantry.resources.host_metrics import HostMetric, HostMetricSummaryMonthly

SOFT, HARD = 12, 36  # months without a job; months after that

# Names in order: two jobs that end at once lock the same rows one after the other.
_COUNT = """
INSERT INTO resources_hostmetric AS m (hostname, first_automation, last_automation,
       automated_counter, deleted_counter, deleted)
SELECT name, now(), now(), 1, 0, false FROM unnest(%s::text[]) AS name
    ON CONFLICT (hostname) DO UPDATE
   SET last_automation = now(), automated_counter = m.automated_counter + 1, deleted = false
"""


async def count(connection: AsyncConnection[Any], names: Iterable[str]) -> None:
    """Once more for each of the hosts, whose names differ in more than case."""
    found = sorted({name.lower()[:512] for name in names})
    if found:
        await connection.execute(_COUNT, [found])


def tidy(now: datetime) -> None:
    """Hosts that no job has reached for a year count no longer; three years later they are
    forgotten. May be done at any time, and again."""
    HostMetric.objects.filter(
        deleted=True, last_deleted__lt=now - relativedelta(months=HARD)
    ).delete()
    HostMetric.objects.filter(
        deleted=False, last_automation__lt=now - relativedelta(months=SOFT)
    ).update(deleted=True, deleted_counter=F("deleted_counter") + 1, last_deleted=now)
    sum_up(now.date())


def sum_up(today: date) -> None:
    """The months that can still change, anew. A host that is automated again was never deleted."""
    this = today.replace(day=1)
    first = this - relativedelta(months=HARD - 1)
    added = _by_month(HostMetric.objects.all(), "first_automation")
    deleted = _by_month(HostMetric.objects.filter(deleted=True), "last_deleted")
    consumed = sum(n for m, n in added.items() if m < first)
    consumed -= sum(n for m, n in deleted.items() if m < first)
    rows = []
    for month in (first + relativedelta(months=n) for n in range(HARD)):
        consumed += added.get(month, 0) - deleted.get(month, 0)
        rows.append(
            HostMetricSummaryMonthly(
                date=month, license_consumed=consumed, hosts_added=added.get(month, 0),
                hosts_deleted=deleted.get(month, 0),
            )
        )  # fmt: skip
    HostMetricSummaryMonthly.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["date"],
        update_fields=["license_consumed", "hosts_added", "hosts_deleted"],
    )  # fmt: skip


def _by_month(rows: QuerySet[HostMetric], moment: str) -> dict[date, int]:
    counted = rows.order_by().annotate(month=TruncMonth(moment)).values("month")
    found = counted.annotate(hosts=Count("pk")).values_list("month", "hosts")
    return {month.date(): hosts for month, hosts in found}
