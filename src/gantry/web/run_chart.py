"""Runs over time as an SVG that the server draws: a bar a day, failures under successes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils import timezone

from gantry.resources.run_counts import days_between, runs_by_day

HEIGHT = 120  # of the bars, in the drawing's units
STEP, BAR = 20, 14


@dataclass(frozen=True)
class Piece:
    look: str  # colour role
    y: float
    height: float


@dataclass(frozen=True)
class Day:
    date: datetime
    x: int
    pieces: list[Piece]
    successful: int
    failed: int
    canceled: int

    @property
    def total(self) -> int:
        return self.successful + self.failed + self.canceled


@dataclass(frozen=True)
class Chart:
    days: list[Day]
    width: int
    most: int  # runs on the busiest day

    @property
    def total(self) -> int:
        return sum(day.total for day in self.days)

    @property
    def failed(self) -> int:
        return sum(day.failed for day in self.days)


def chart(rows: QuerySet[Any], zone: ZoneInfo, days: int = 30) -> Chart:
    end = timezone.now().astimezone(zone)
    start = (end - timedelta(days=days - 1)).replace(hour=0, minute=0, second=0, microsecond=0)
    found = runs_by_day(rows, start, end, zone)
    counts = [
        (
            day,
            found.get(("successful", day), 0),
            found.get(("failed", day), 0) + found.get(("error", day), 0),
            found.get(("canceled", day), 0),
        )
        for day in days_between(start, end)
    ]
    most = max((sum(some) for _day, *some in counts), default=0)
    drawn = [_day(n, day, some, most) for n, (day, *some) in enumerate(counts)]
    return Chart(drawn, len(drawn) * STEP, most)


def _day(n: int, day: datetime, counts: list[int], most: int) -> Day:
    successful, failed, canceled = counts
    pieces, top = [], float(HEIGHT)
    for look, count in (("danger", failed), ("warning", canceled), ("success", successful)):
        if count:
            height = max(2.0, round(count / most * HEIGHT, 1))
            top -= height
            pieces.append(Piece(look, round(top, 1), height))
    return Day(day, n * STEP + (STEP - BAR) // 2, pieces, successful, failed, canceled)
