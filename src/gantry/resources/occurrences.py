"""When one recurrence rule occurs, from any moment on, for a bounded amount of work.

dateutil reads rules and knows which days of a year they name; but it walks to a moment from the
rule's start (a minutely rule of 1970: thirty million steps), and looks for what never matches up to
the year 9999. Here the periods of a rule are numbered, so any of them is reached at once, and a
search that has looked at so many days without an end gives up.

Times are naive: those of the rule's own time zone, where its arithmetic takes place (RFC 5545).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import MAXYEAR, date, datetime, time
from itertools import count as count_from
from typing import Any

from dateutil import rrule as dateutil_rrule
from dateutil.rrule import HOURLY, MINUTELY, MONTHLY, WEEKLY, YEARLY

PATIENCE = 60_000  # days, or steps within days, that one question may look at
_LAST = date.max.toordinal()
_DAY = 24 * 60


class GaveUp(Exception):
    """So much was looked at that whatever comes after is not worth it."""


class Work:
    """What one question may still cost; shared by all rules that it asks."""

    def __init__(self, patience: int = PATIENCE) -> None:
        self.left = patience

    def spend(self, steps: int = 1) -> None:
        self.left -= steps
        if self.left < 0:
            raise GaveUp


class Rule:
    """A rule as dateutil read it. Reads its normalized parts, which have no public names."""

    def __init__(self, parsed: Any) -> None:
        self._rule = parsed
        self.zone = parsed._dtstart.tzinfo
        self.start: datetime = parsed._dtstart.replace(tzinfo=None)
        self.count: int | None = parsed._count
        self.until: datetime | None = None
        if parsed._until is not None:
            self.until = parsed._until.astimezone(self.zone).replace(tzinfo=None)
        if parsed._freq > MINUTELY:
            raise ValueError("SECONDLY is not supported")
        if parsed._interval < 1:
            raise ValueError("INTERVAL must be at least 1")
        if any(not 1 <= month <= 12 for month in parsed._bymonth or ()):
            raise ValueError("BYMONTH must be between 1 and 12")
        most = 5 if parsed._freq == MONTHLY or parsed._bymonth else 53
        if any(abs(n) > most for _, n in parsed._bynweekday or ()):
            raise ValueError(f"BYDAY: there are at most {most} of a weekday")
        self._positions = tuple(sorted(set(parsed._bysetpos or ())))
        self._year_days = frozenset(parsed._byyearday or ())
        self._clock: list[tuple[int, int]] = []  # (minute, second) within an hour that is named
        if parsed._freq == HOURLY:
            self._clock = sorted((m, s) for m in parsed._byminute for s in parsed._bysecond)
        lists = (parsed._bynweekday, parsed._byweekno, parsed._byeaster, self._positions)
        self._cost = 1 + sum(len(named or ()) for named in lists) // 4  # of a period

    @property
    def ends(self) -> bool:
        return self.until is not None or self.count is not None

    def since(self, moment: datetime, work: Work) -> Iterator[datetime]:
        """The occurrences at `moment` and after, in order. Raises GaveUp."""
        left = self.count
        begin = self.start if left is not None else max(self.start, moment)
        for found in self._all(begin, work):
            if self.until is not None and found > self.until:
                return
            if found < self.start:
                continue
            if left is not None:
                if left <= 0:
                    return
                left -= 1
            if found >= moment:
                yield found

    def _all(self, begin: datetime, work: Work) -> Iterator[datetime]:
        """Every match in or after the period that `begin` lies in."""
        earliest = begin.toordinal()
        for days, times in self._periods(begin, work):
            if self._positions:
                yield from self._at_positions(days, times)
                continue
            for day in days:
                if day < earliest:
                    continue
                work.spend(1 + len(times) // 8)
                on = date.fromordinal(day)
                for at in times:
                    yield datetime.combine(on, at)

    def _at_positions(self, days: list[int], times: list[time]) -> Iterator[datetime]:
        size = len(days) * len(times)
        chosen = {p - 1 if p > 0 else size + p for p in self._positions}
        for index in sorted(i for i in chosen if 0 <= i < size):
            day, at = divmod(index, len(times))
            yield datetime.combine(date.fromordinal(days[day]), times[at])

    def _periods(self, begin: datetime, work: Work) -> Iterator[tuple[list[int], list[time]]]:
        """(days, times of each) of one period after another, those without a match included."""
        if self._rule._freq >= HOURLY:
            yield from self._short_periods(begin, work)
            return
        times = [at.replace(tzinfo=None) for at in self._rule._timeset]
        info: Any = dateutil_rrule._iterinfo(self._rule)
        for year, month, first, last in self._long_periods(begin):
            info.rebuild(year, month)
            days = []
            for start, end in self._worth_looking(info, first, last):
                work.spend(end - start)
                days += [d for d in range(start, end) if self._names(info, d - info.yearordinal)]
            work.spend(self._cost)
            yield days, times

    def _long_periods(self, begin: datetime) -> Iterator[tuple[int, int, int, int]]:
        """(year, month, first day, day after the last); days as ordinals."""
        freq, every, start = self._rule._freq, self._rule._interval, self.start
        if freq == YEARLY:
            for year in count_from(_aligned(start.year, begin.year, every), every):
                if year > MAXYEAR:
                    return
                first = date(year, 1, 1).toordinal()
                yield year, start.month, first, date(year, 12, 31).toordinal() + 1
        elif freq == MONTHLY:
            at, there = start.year * 12 + start.month - 1, begin.year * 12 + begin.month - 1
            for number in count_from(_aligned(at, there, every), every):
                year, month = divmod(number, 12)
                if year > MAXYEAR:
                    return
                first = date(year, month + 1, 1).toordinal()
                yield year, month + 1, first, first + monthrange(year, month + 1)[1]
        else:
            yield from self._days_or_weeks(begin)

    def _days_or_weeks(self, begin: datetime) -> Iterator[tuple[int, int, int, int]]:
        weekly = self._rule._freq == WEEKLY
        begun = first = self.start.toordinal()
        size = 7 if weekly else 1
        if weekly:
            first -= (self.start.weekday() - self._rule._wkst) % 7
        every = self._rule._interval * size
        for day in count_from(_aligned(first, begin.toordinal(), every), every):
            if day > _LAST:
                return
            opening = max(day, begun)  # the first week begins with the rule
            on = date.fromordinal(opening)
            yield on.year, on.month, opening, min(day + size, _LAST + 1)

    def _worth_looking(self, info: Any, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Where in a year that is looked through the rule's months lie."""
        if self._rule._freq != YEARLY or not self._rule._bymonth:
            yield first, last
            return
        for month in self._rule._bymonth:
            start, end = info.mrange[month - 1 : month + 1]
            yield first + start, first + end

    def _names(self, info: Any, i: int) -> bool:
        """Whether the rule names the day `i` of the year that `info` has the masks of."""
        rule = self._rule
        if rule._bymonth and info.mmask[i] not in rule._bymonth:
            return False
        if rule._byweekday and info.wdaymask[i] not in rule._byweekday:
            return False
        masks = (
            (rule._byweekno, info.wnomask), (info.nwdaymask, info.nwdaymask),
            (rule._byeaster, info.eastermask),
        )  # fmt: skip
        if any(asked and not mask[i] for asked, mask in masks):
            return False
        if (rule._bymonthday or rule._bynmonthday) and not (
            info.mdaymask[i] in rule._bymonthday or info.nmdaymask[i] in rule._bynmonthday
        ):
            return False
        return not self._year_days or self._is_day_of_year(info, i)

    def _is_day_of_year(self, info: Any, i: int) -> bool:
        length, day = info.yearlen, i + 1
        if i >= length:  # a week that reaches into the next year
            day, length = day - length, info.nextyearlen
        return day in self._year_days or day - length - 1 in self._year_days

    def _short_periods(self, begin: datetime, work: Work) -> Iterator[tuple[list[int], list[time]]]:
        """Hours or minutes; a day that the rule does not name is left out at once."""
        rule = self._rule
        size = 60 if rule._freq == HOURLY else 1
        every = rule._interval * size
        start = self.start.toordinal() * _DAY + self.start.hour * 60 + self.start.minute
        wanted = begin.toordinal() * _DAY + begin.hour * 60 + begin.minute
        # An hour's minutes are BYMINUTE's: its own begin counts.
        origin = start - start % size
        at = _aligned(origin, wanted, every)
        info: Any = dateutil_rrule._iterinfo(rule)
        while True:
            day = at // _DAY
            if day > _LAST:
                return
            work.spend(self._cost)
            on = date.fromordinal(day)
            info.rebuild(on.year, on.month)
            following = _aligned_after(origin, (day + 1) * _DAY, every)
            if self._names(info, day - info.yearordinal):
                for minute in range(at - day * _DAY, _DAY, every):
                    work.spend(self._cost)
                    yield [day], self._times(*divmod(minute, 60))
            at = following

    def _times(self, hour: int, minute: int) -> list[time]:
        rule = self._rule
        if rule._byhour and hour not in rule._byhour:
            return []
        if rule._freq == HOURLY:
            return [time(hour, m, s) for m, s in self._clock]
        if rule._byminute and minute not in rule._byminute:
            return []
        return [time(hour, minute, s) for s in sorted(rule._bysecond)]


def _aligned(start: int, wanted: int, every: int) -> int:
    """The last of start, start + every, ... that is not after `wanted`; never before `start`."""
    return start if wanted <= start else wanted - (wanted - start) % every


def _aligned_after(start: int, wanted: int, every: int) -> int:
    """The first of them that is not before `wanted`."""
    return start if wanted <= start else wanted + (start - wanted) % every
