"""Recurrence rules as AWX takes them: what is refused, in its words, and when they occur.

    DTSTART;TZID=Europe/Berlin:20300101T033000 RRULE:FREQ=DAILY;INTERVAL=1 EXRULE:...

One DTSTART in a time zone, one or more RRULE, any EXRULE. Rules and words are AWX's
(SchedulePreviewSerializer, Schedule.rrulestr). An UNTIL without Z is meant in DTSTART's zone. What
no answer can be given to quickly is refused or has no next occurrence (`occurrences`).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from heapq import merge
from importlib import resources
from typing import Any

import dateutil.parser
from dateutil import tz
from dateutil.rrule import rrulestr

from gantry.resources.occurrences import GaveUp, Rule, Work

LONGEST = 8_000  # characters
MOST = 999  # AWX's largest COUNT
_UTC_NAMES = dict.fromkeys(dateutil.parser.parserinfo().UTCZONE, tz.UTC)
_START = re.compile(r"DTSTART(;[^:]+)?:[0-9]+T[0-9]+Z?")
_RULE = re.compile(r"RULE:\S*")
_UNTIL = re.compile(r"UNTIL=([0-9]{8}T[0-9]{6})(Z?)", re.IGNORECASE)
# How far before its end the last occurrence is looked for, in days.
_BACK = (1, 40, 800, 40_000)
_HOURS = timedelta(hours=3)  # no clock is put back further


class Recurrence:
    """A set of rules. Raises ValueError for what cannot be read."""

    def __init__(self, text: str) -> None:
        if len(text) > LONGEST:
            raise ValueError(f"a rule has at most {LONGEST} characters")
        self.text = coerce_until(text)
        try:
            parsed: Any = rrulestr(self.text, forceset=True, tzinfos=_UTC_NAMES, tzids=_zone)
            self.rules = [Rule(r) for r in _with_zone(parsed._rrule)]
            self.excluded = [Rule(r) for r in parsed._exrule]
            if not self.rules:
                raise ValueError("it has no rule")
            self.zone = self.rules[0].zone
        except (ArithmeticError, AttributeError, IndexError, TypeError) as error:
            raise ValueError(str(error)) from error

    @cached_property
    def first(self) -> datetime | None:
        return next(self.since(datetime.min.replace(tzinfo=UTC)), None)

    @property
    def timezone(self) -> str:
        """The zone's name; empty for an offset that is no zone."""
        if self.zone is tz.UTC:
            return "UTC"
        found = re.search(r"TZID=([^:;\s]+):", self.text)
        return found[1] if found else ""

    @property
    def until(self) -> str:
        """When it ends by itself, as an ISO time in its own zone; empty when it does not."""
        return next((r.until.isoformat() for r in self.rules if r.until is not None), "")

    def after(self, moment: datetime) -> datetime | None:
        """The first occurrence after `moment`, in UTC."""
        for found in self.since(moment):
            if found > moment:
                return found.astimezone(UTC)
        return None

    def since(self, moment: datetime, work: Work | None = None) -> Iterator[datetime]:
        """The occurrences at `moment` and after, each once; not times that a clock leaves out when
        it is put forward. Ends early where nothing is found for too long."""
        work = work or Work()
        try:
            local = self._local(moment)
            excluded = merge(*(rule.since(local, work) for rule in self.excluded))
            skip = next(excluded, None)
            last = None
            for found in merge(*(rule.since(local, work) for rule in self.rules)):
                work.spend()
                while skip is not None and skip < found:
                    skip = next(excluded, None)
                    work.spend()
                if found in (last, skip):
                    continue
                last = found
                there = found.replace(tzinfo=self.zone)
                if there >= moment and tz.datetime_exists(there):
                    yield there
        except GaveUp:
            return

    def _local(self, moment: datetime) -> datetime:
        """Not after `moment`, in the rules' own zone without its name."""
        try:
            return moment.astimezone(self.zone).replace(tzinfo=None) - _HOURS
        except OverflowError:
            return datetime.min

    def end(self) -> datetime | None:
        """The last occurrence, in UTC; None where a rule has no end, or none was found."""
        if not all(rule.ends for rule in self.rules):
            return None
        work = Work()
        ends = [end for rule in self.rules if (end := _end_of(rule, work)) is not None]
        if not ends:
            return None
        for days in _BACK:
            try:
                begin = (max(ends) - timedelta(days=days)).replace(tzinfo=self.zone)
            except OverflowError:
                begin = datetime.min.replace(tzinfo=UTC)
            last = _last(self.since(begin))
            if last is not None:
                return last.astimezone(UTC)
        return None


def _end_of(rule: Rule, work: Work) -> datetime | None:
    if rule.count is None:
        return rule.until
    try:
        return _last(rule.since(datetime.min, work))
    except GaveUp:
        return None


def _last(found: Iterator[datetime]) -> datetime | None:
    kept = deque(found, maxlen=1)
    return kept[0] if kept else None


def coerce_until(text: str) -> str:
    """The rules on one line, each UNTIL in UTC. Raises ValueError."""
    rules = text.split()
    for index, rule in enumerate(rules):
        if "until=" not in rule.lower():
            continue
        found = _UNTIL.search(rule)
        if found is None:
            raise ValueError("UNTIL must be a date with a time, such as 20300131T170000Z")
        if not found[2]:
            zone = _zone_of(rules)
            local = datetime.strptime(found[1].upper(), "%Y%m%dT%H%M%S").replace(tzinfo=zone)
            in_utc = f"UNTIL={local.astimezone(UTC):%Y%m%dT%H%M%SZ}"
            rules[index] = rule[: found.start()] + in_utc + rule[found.end() :]
    return " ".join(rules)


def _zone_of(rules: list[str]) -> Any:
    for rule in rules:
        if rule.upper().startswith("DTSTART"):
            named = re.search(r"TZID=([^:;]+):", rule)
            zone = _zone(named[1]) if named else tz.UTC
            if zone is not None:
                return zone
    raise ValueError("A valid TZID must be provided (e.g., America/New_York)")


def _with_zone(rules: list[Any]) -> Iterator[Any]:
    for rule in rules:
        if rule._dtstart.tzinfo is None:
            raise ValueError("A valid TZID must be provided (e.g., America/New_York)")
        yield rule


def refusals(text: str) -> list[str]:
    """Why AWX would refuse this rule, in its words; empty for one that it takes."""
    if len(text) > LONGEST:
        return [f"Ensure this field has no more than {LONGEST} characters."]
    lower = text.lower()
    for word in ("exdate", "rdate"):
        if f"{word}:" in lower or f"{word};" in lower:
            return [f"{word.upper()} not allowed in rrule."]
    wrong = list(_wrong_start(text))
    if "rrule:" not in lower:
        wrong.append("One or more rule required in rrule.")
    unreadable = False
    for rule in _RULE.findall(text):
        wrong += _wrong_rule(rule)
        unreadable |= ("COUNT" in rule and "UNTIL" in rule) or "secondly" in rule.lower()
    if unreadable:
        return wrong
    try:
        Recurrence(text).after(datetime.min.replace(tzinfo=UTC))
    except (ArithmeticError, IndexError, ValueError) as error:
        wrong.append(f"rrule parsing failed validation: {error}")
    return wrong


def _wrong_start(text: str) -> Iterator[str]:
    starts = len(_START.findall(text))
    if not starts:
        yield ("Valid DTSTART required in rrule. Value should start with: DTSTART:YYYYMMDDTHHMMSSZ")
    if re.search(r"DTSTART:[0-9]+T[0-9]+ ", text):
        yield "DTSTART cannot be a naive datetime.  Specify ;TZINFO= or YYYYMMDDTHHMMSSZZ."
    if starts > 1:
        yield "Multiple DTSTART is not supported."


def _wrong_rule(rule: str) -> Iterator[str]:
    if "interval" not in rule.lower():
        yield f"INTERVAL required in rrule: {rule}"
    elif "secondly" in rule.lower():
        yield f"SECONDLY is not supported: {rule}"
    if re.search(r"BYDAY[:=][0-9]+[a-zA-Z]{2}", rule):
        yield f"BYDAY with numeric prefix not supported: {rule}"
    if "COUNT" in rule and "UNTIL" in rule:
        yield f"RRULE may not contain both COUNT and UNTIL: {rule}"
    count = re.search(r"COUNT=([0-9]+)", rule)
    if count and (len(count[1]) > 9 or int(count[1]) > MOST):
        yield f"COUNT > 999 is unsupported: {rule}"


@lru_cache(maxsize=1)
def zones() -> list[str]:
    """The names of all time zones, sorted."""
    text = resources.files("tzdata").joinpath("zones").read_text()
    return sorted(text.split())


@lru_cache(maxsize=1)
def zone_links() -> dict[str, str]:
    """Names of zones that are another name of one -> that one."""
    text = resources.files("tzdata").joinpath("zoneinfo", "tzdata.zi").read_text()
    parts = [line.split() for line in text.splitlines() if line.startswith("L ")]
    return {link: target for _, target, link in sorted(parts, key=lambda p: p[2])}


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(zones())


def _zone(name: str) -> Any:
    """Only zones: dateutil would open any file that a rule names."""
    return tz.gettz(name) if name in _known() else None
