"""The runs that schedules will start in one month, day by day, as a calendar shows them."""

from __future__ import annotations

import calendar
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gantry.resources.occurrences import Work
from gantry.resources.schedules import Schedule

PATIENCE = 6_000  # steps that one schedule may cost a page
MOST = 3_000  # runs of one schedule that are counted


@dataclass
class Entry:
    """One schedule on one day: its first run there, and how many there are."""

    schedule: Schedule
    first: datetime
    count: int = 1


@dataclass
class Day:
    on: date
    inside: bool  # of the month that is shown
    today: bool = False
    past: bool = False
    entries: list[Entry] = field(default_factory=list)


def month_of(year: int, month: int, schedules: Iterable[Schedule], zone: str) -> list[list[Day]]:
    """Weeks of days, Monday first; times are in `zone`. Only what is yet to come."""
    there = ZoneInfo(zone)
    now = datetime.now(UTC)
    today = now.astimezone(there).date()
    weeks = [
        [Day(day, day.month == month, day == today, day < today) for day in week]
        for week in calendar.Calendar().monthdatescalendar(year, month)
    ]
    days = {day.on: day for week in weeks for day in week}
    begin = datetime.combine(weeks[0][0].on, datetime.min.time(), there)
    end = datetime.combine(weeks[-1][-1].on + timedelta(days=1), datetime.min.time(), there)
    for schedule in schedules:
        for when in _runs(schedule, max(begin, now), end):
            local = when.astimezone(there)
            entries = days[local.date()].entries
            if entries and entries[-1].schedule is schedule:
                entries[-1].count += 1
            else:
                entries.append(Entry(schedule, local))
    for day in days.values():
        day.entries.sort(key=lambda entry: entry.first)
    return weeks


def _runs(schedule: Schedule, begin: datetime, end: datetime) -> Iterable[datetime]:
    try:
        rule = schedule.recurrence()
        for number, when in enumerate(rule.since(begin, Work(PATIENCE))):
            if when >= end or number >= MOST:
                return
            yield when
    except ValueError:  # a rule of another version, which its own page tells
        return


def neighbours(year: int, month: int) -> dict[str, Any]:
    """The month before and after, as (year, month)."""
    first = date(year, month, 1)
    before, after = first - timedelta(days=1), first + timedelta(days=32)
    return {"before": (before.year, before.month), "after": (after.year, after.month)}
