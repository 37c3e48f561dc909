"""A recurrence rule taken apart into what a form asks, put together again, and told in words.

The text is AWX's: DTSTART with a zone, one RRULE, EXRULEs for days that are left out. What this
cannot take apart without loss stays text; what a rule means, resources/recurrence.py says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from gantry.resources.recurrence import coerce_until

WEEKDAYS = {
    "MO": "Monday", "TU": "Tuesday", "WE": "Wednesday", "TH": "Thursday", "FR": "Friday",
    "SA": "Saturday", "SU": "Sunday",
}  # fmt: skip
REPEATS = {
    "once": ("", ""), "minutely": ("minute", "minutes"), "hourly": ("hour", "hours"),
    "daily": ("day", "days"), "weekly": ("week", "weeks"), "monthly": ("month", "months"),
    "yearly": ("year", "years"),
}  # fmt: skip
NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", -1: "last"}
MONTHS = dict(
    enumerate(
        ("January", "February", "March", "April", "May", "June", "July", "August", "September",
         "October", "November", "December"), 1,
    )
)  # fmt: skip
_START = re.compile(r"DTSTART(?:;TZID=([^:]+))?:(\d{8}T\d{6})(Z?)")
_STAMP = "%Y%m%dT%H%M%S"


@dataclass
class Parts:
    """`start` and `until` are naive, in `zone`. `nth` and `weekday` say which weekday of the month,
    `day` which day of it; `skipped` are days as (year or None, month, day)."""

    start: datetime
    zone: str = "UTC"
    repeat: str = "once"
    interval: int = 1
    weekdays: list[str] = field(default_factory=list)
    day: int | None = None
    nth: int | None = None
    weekday: str = ""
    month: int | None = None
    count: int | None = None
    until: datetime | None = None
    skipped: list[tuple[int | None, int, int]] = field(default_factory=list)


def build(parts: Parts) -> str:
    """The rule's text."""
    stamp = parts.start.strftime(_STAMP)
    head = f"DTSTART:{stamp}Z" if parts.zone == "UTC" else f"DTSTART;TZID={parts.zone}:{stamp}"
    return " ".join([head, f"RRULE:{_rule(parts)}", *(_skip(parts, day) for day in parts.skipped)])


def _rule(parts: Parts) -> str:
    if parts.repeat == "once":
        return "FREQ=DAILY;INTERVAL=1;COUNT=1"
    words = [f"FREQ={parts.repeat.upper()}", f"INTERVAL={parts.interval}"]
    if parts.weekdays and parts.repeat not in ("monthly", "yearly"):
        words.append(f"BYDAY={','.join(d for d in WEEKDAYS if d in parts.weekdays)}")
    if parts.repeat == "yearly" and parts.month:
        words.append(f"BYMONTH={parts.month}")
    if parts.repeat in ("monthly", "yearly"):
        if parts.nth:
            words += [f"BYDAY={parts.weekday}", f"BYSETPOS={parts.nth}"]
        elif parts.day:
            words.append(f"BYMONTHDAY={parts.day}")
    if parts.count:
        words.append(f"COUNT={parts.count}")
    elif parts.until:
        local = parts.until.replace(tzinfo=ZoneInfo(parts.zone))
        words.append(f"UNTIL={local.astimezone(UTC).strftime(_STAMP)}Z")
    return ";".join(words)


def _skip(parts: Parts, day: tuple[int | None, int, int]) -> str:
    """A rule that names the occurrences of one day: AWX takes no EXDATE."""
    year, month, number = day
    often = parts.repeat if parts.repeat in ("hourly", "minutely") else ""
    named = f"BYMONTH={month};BYMONTHDAY={number}"
    if year is None:
        return f"EXRULE:FREQ={(often or 'yearly').upper()};INTERVAL=1;{named}"
    if often:
        end = datetime(year, month, number, 23, 59, 59, tzinfo=ZoneInfo(parts.zone))
        until = end.astimezone(UTC).strftime(_STAMP)
        return f"EXRULE:FREQ={often.upper()};INTERVAL=1;{named};UNTIL={until}Z"
    # In steps of so many days from the start, the first that is this day.
    step = max((date(year, month, number) - parts.start.date()).days, 1)
    return f"EXRULE:FREQ=DAILY;INTERVAL={step};{named};COUNT=1"


def take_apart(text: str) -> Parts | None:
    """None for a rule that a form cannot show without losing something."""
    try:
        parts = _read(text)
        same = parts is not None and _normal(build(parts)) == _normal(text)
    except (KeyError, ValueError):
        return None
    return parts if same else None


def _normal(text: str) -> list[str]:
    return [";".join(sorted(token.split(";"))) for token in coerce_until(text).split()]


def _read(text: str) -> Parts | None:
    head, *rules = coerce_until(text).split()
    start = _START.fullmatch(head)
    if start is None or not rules or sum(r.startswith("RRULE:") for r in rules) != 1:
        return None
    parts = Parts(datetime.strptime(start[2], _STAMP), start[1] or "UTC")
    if start[1] is None and not start[3]:
        return None
    for rule in rules:
        kind, _, said = rule.partition(":")
        values = dict(pair.split("=", 1) for pair in said.split(";"))
        if kind == "RRULE":
            _read_rule(parts, values)
        else:
            _read_skip(parts, values)
    return parts


def _read_rule(parts: Parts, said: dict[str, str]) -> None:
    parts.repeat, parts.interval = said["FREQ"].lower(), int(said["INTERVAL"])
    if said == {"FREQ": "DAILY", "INTERVAL": "1", "COUNT": "1"}:
        parts.repeat = "once"
        return
    if parts.repeat not in REPEATS:
        raise ValueError(parts.repeat)
    if "BYSETPOS" in said:
        parts.nth, parts.weekday = int(said["BYSETPOS"]), said["BYDAY"]
        if parts.nth not in NTH or parts.weekday not in WEEKDAYS:
            raise ValueError("a form asks for one weekday of a month")
    elif "BYDAY" in said:
        parts.weekdays = said["BYDAY"].split(",")
    parts.day = int(said["BYMONTHDAY"]) if "BYMONTHDAY" in said else None
    parts.month = int(said["BYMONTH"]) if "BYMONTH" in said else None
    parts.count = int(said["COUNT"]) if "COUNT" in said else None
    if "UNTIL" in said:
        until = datetime.strptime(said["UNTIL"], f"{_STAMP}Z").replace(tzinfo=UTC)
        parts.until = until.astimezone(ZoneInfo(parts.zone)).replace(tzinfo=None)


def _read_skip(parts: Parts, said: dict[str, str]) -> None:
    month, day = int(said["BYMONTH"]), int(said["BYMONTHDAY"])
    year = None
    if "UNTIL" in said:
        year = int(said["UNTIL"][:4])
    elif "COUNT" in said:
        away = parts.start.date().toordinal() + int(said["INTERVAL"])
        year = date.fromordinal(away).year
        if (parts.start.month, parts.start.day) == (month, day) and said["INTERVAL"] == "1":
            year = parts.start.year
    parts.skipped.append((year, month, day))


def in_words(text: str) -> str:
    """For people: "Every 2 weeks on Monday and Friday at 09:00, Europe/Berlin"; the text itself
    where it says more than that."""
    parts = take_apart(text)
    if parts is None:
        return text
    at = f"at {parts.start:%H:%M}, {parts.zone}"
    if parts.repeat == "once":
        return f"Once, on {parts.start:%Y-%m-%d} {at}"
    said = [_every(parts), *_which(parts)]
    if parts.repeat not in ("minutely", "hourly"):
        said.append(at)
    elif parts.repeat == "hourly":
        said.append(f"at minute {parts.start:%M}, {parts.zone}")
    else:
        said.append(f"from {parts.start:%H:%M}, {parts.zone}")
    if parts.count:
        said.append(f"· {parts.count} time{'s' if parts.count > 1 else ''}")
    if parts.until:
        said.append(f"· until {parts.until:%Y-%m-%d %H:%M}")
    if parts.skipped:
        said.append(f"· not on {listed([day_text(day) for day in parts.skipped])}")
    return " ".join(said)


def _every(parts: Parts) -> str:
    one, many = REPEATS[parts.repeat]
    return f"Every {one}" if parts.interval == 1 else f"Every {parts.interval} {many}"


def _which(parts: Parts) -> list[str]:
    if parts.repeat in ("monthly", "yearly"):
        month = f" of {MONTHS[parts.month]}" if parts.month else ""
        if parts.nth:
            return [f"on the {NTH[parts.nth]} {WEEKDAYS[parts.weekday]}{month}"]
        return [f"on day {parts.day or parts.start.day}{month}"]
    if parts.weekdays:
        return [f"on {listed([WEEKDAYS[d] for d in parts.weekdays])}"]
    return [f"on {parts.start:%A}"] if parts.repeat == "weekly" else []


def day_text(day: tuple[int | None, int, int]) -> str:
    year, month, number = day
    return f"{year}-{month:02d}-{number:02d}" if year else f"{month:02d}-{number:02d}"


def listed(words: list[Any]) -> str:
    *before, last = map(str, words)
    return f"{', '.join(before)} and {last}" if before else last
