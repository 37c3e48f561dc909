"""When a schedule runs, as fields: how often, on which days, in whose time, until when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone

from gantry.resources.recurrence import zones
from gantry.web.forms import Wide
from gantry.web.rules import (
    MONTHS,
    NTH,
    WEEKDAYS,
    Parts,
    build,
    day_text,
    take_apart,
)

_DAY = re.compile(r"(?:(\d{4})-)?(\d{1,2})-(\d{1,2})")
ENDS = [("never", "Never"), ("count", "After a number of runs"), ("until", "At a time")]
OFTEN = [
    ("once", "Once"), ("minutely", "By the minute"), ("hourly", "Hourly"), ("daily", "Daily"),
    ("weekly", "Weekly"), ("monthly", "Monthly"), ("yearly", "Yearly"),
]  # fmt: skip


FORMATS = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")


class Moment(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


def moment_field(**more: Any) -> forms.DateTimeField:
    """Naive: in the zone that another field names."""
    return _Naive(widget=Moment(), **more)


class _Naive(forms.DateTimeField):
    def to_python(self, value: Any) -> Any:
        if not value:
            return None
        for form in FORMATS:
            try:
                return datetime.strptime(str(value), form)
            except ValueError:
                continue
        raise forms.ValidationError("Enter a date and a time.")

    def prepare_value(self, value: Any) -> Any:
        return value


class RuleFields(forms.Form):
    """Mixed into the schedule's form. `rrule()` gives the rule once the form is clean."""

    mode = forms.ChoiceField(
        label="When", choices=[("built", "Say when"), ("text", "Write the rule")],
        widget=forms.RadioSelect(), required=False,
    )  # fmt: skip
    start = moment_field(label="First run not before", required=False)
    zone = forms.ChoiceField(label="Time zone", required=False)
    repeat = forms.ChoiceField(label="Repeat", choices=OFTEN, required=False)
    interval = forms.IntegerField(label="Every", min_value=1, max_value=999, required=False)
    weekdays = forms.MultipleChoiceField(
        label="Only on", choices=list(WEEKDAYS.items()), required=False,
        widget=forms.CheckboxSelectMultiple(),
    )  # fmt: skip
    month = forms.TypedChoiceField(
        label="Month", choices=[("", "As the first run"), *MONTHS.items()], required=False,
        coerce=int, empty_value=None,
    )  # fmt: skip
    month_by = forms.ChoiceField(
        label="On", choices=[("day", "A day of the month"), ("weekday", "A weekday of the month")],
        required=False,
    )  # fmt: skip
    day = forms.IntegerField(label="Day", min_value=1, max_value=31, required=False)
    nth = forms.TypedChoiceField(
        label="Which", choices=[(k, v.capitalize()) for k, v in NTH.items()], required=False,
        coerce=int, empty_value=None,
    )  # fmt: skip
    weekday = forms.ChoiceField(label="Weekday", choices=list(WEEKDAYS.items()), required=False)
    ends = forms.ChoiceField(label="Ends", choices=ENDS, required=False)
    count = forms.IntegerField(label="Runs", min_value=1, max_value=999, required=False)
    until = moment_field(label="Last run not after", required=False)
    skipped = forms.CharField(
        label="Not on these days", required=False, widget=Wide(3),
        help_text="One a line: 12-25 for every year, 2027-05-17 for that day alone.",
    )  # fmt: skip
    rrule = forms.CharField(
        label="Rule", required=False, widget=Wide(3), max_length=2048,
        help_text="As AWX writes it: DTSTART;TZID=Europe/Berlin:20270101T090000 "
        "RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO",
    )  # fmt: skip

    def prepare(self, text: str, zone: str) -> None:
        """The fields' first values: of a rule, or of a new one in the person's own zone."""
        field = self.fields["zone"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(name, name) for name in zones()]
        parts = take_apart(text) if text else _fresh(zone)
        first: dict[str, Any] = {"mode": "built" if parts else "text", "rrule": text}
        if parts is not None:
            first |= _shown(parts)
        else:
            first |= _shown(_fresh(zone))
        self.initial = {**first, **(self.initial or {})}

    def rule(self) -> str:
        """Errors are put beside the fields; "" then."""
        given = self.cleaned_data
        if given.get("mode") == "text":
            text = str(given.get("rrule", "")).strip()
            if not text:
                self.add_error("rrule", "Write the rule, or say when.")
            return text
        needed = list(self._missing())
        for name, words in needed:
            self.add_error(name, words)
        if needed or self.errors:
            return ""
        return build(self._parts())

    def _missing(self) -> Iterator[tuple[str, str]]:
        given = self.cleaned_data
        if not given.get("start"):
            yield "start", "When may it run first?"
        if given.get("ends") == "count" and not given.get("count"):
            yield "count", "After how many runs?"
        if given.get("ends") == "until":
            if not given.get("until"):
                yield "until", "Until when?"
            elif given.get("start") and given["until"] < given["start"]:
                yield "until", "This is before its first run."
        for line in _lines(given.get("skipped")):
            if _day(line) is None:
                yield "skipped", f"{line} is no day: write 12-25 or 2027-05-17."

    def _parts(self) -> Parts:
        given = self.cleaned_data
        repeat = given.get("repeat") or "once"
        parts = Parts(given["start"], given.get("zone") or "UTC", repeat)
        parts.interval = given.get("interval") or 1
        parts.weekdays = list(given.get("weekdays") or [])
        if repeat in ("monthly", "yearly"):
            if repeat == "yearly":
                parts.month = given.get("month") or parts.start.month
            if given.get("month_by") == "weekday":
                parts.nth, parts.weekday = given.get("nth") or 1, given.get("weekday") or "MO"
            else:
                parts.day = given.get("day") or parts.start.day
        if repeat != "once":
            parts.count = given.get("count") if given.get("ends") == "count" else None
            parts.until = given.get("until") if given.get("ends") == "until" else None
        parts.skipped = [d for line in _lines(given.get("skipped")) if (d := _day(line))]
        return parts


def _lines(text: Any) -> list[str]:
    return str(text or "").replace(",", " ").split()


def _day(text: str) -> tuple[int | None, int, int] | None:
    found = _DAY.fullmatch(text)
    if found is None:
        return None
    year = int(found[1]) if found[1] else None
    try:
        date(year or 2028, int(found[2]), int(found[3]))
    except ValueError:
        return None
    return (year, int(found[2]), int(found[3]))


def _fresh(zone: str) -> Parts:
    """Tomorrow at this hour's end: nothing runs because a form was sent too early."""
    now = timezone.now().astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    start = (now + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    return Parts(start, zone, "daily")


def _shown(parts: Parts) -> dict[str, Any]:
    return {
        "start": parts.start, "zone": parts.zone, "repeat": parts.repeat,
        "interval": parts.interval, "weekdays": parts.weekdays, "month": parts.month,
        "month_by": "weekday" if parts.nth else "day", "day": parts.day or parts.start.day,
        "nth": parts.nth or 1, "weekday": parts.weekday or "MO",
        "ends": "count" if parts.count else "until" if parts.until else "never",
        "count": parts.count, "until": parts.until,
        "skipped": "\n".join(map(day_text, parts.skipped)),
    }  # fmt: skip
