"""How many runs ended how, day by day: what the dashboards of the API and the pages draw."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.db.models import Count, QuerySet
from django.db.models.functions import TruncDay

OUTCOMES = ("successful", "failed", "canceled", "error")


def runs_by_day(
    rows: QuerySet[Any], start: datetime, end: datetime, zone: tzinfo
) -> dict[tuple[str, datetime], int]:
    """(outcome, midnight of the day in `zone`) -> how many of `rows` ended so."""
    counted = (
        rows.filter(status__in=OUTCOMES, finished__range=(start, end))
        .order_by()
        .values("status", day=TruncDay("finished", tzinfo=zone))
        .annotate(number=Count("pk", distinct=True))
        .values_list("status", "day", "number")
    )
    return {(status, day): number for status, day, number in counted}


def days_between(start: datetime, end: datetime) -> list[datetime]:
    """The midnights from the day of `start` to that of `end`, in the zone that these are in."""
    first = start.replace(hour=0, minute=0, second=0, microsecond=0)
    return [first + timedelta(days=n) for n in range((end.date() - first.date()).days + 1)]
