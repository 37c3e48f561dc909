"""Recurrence rules: AWX's dialect, and occurrences that cost no more than they are worth."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dateutil import tz
from dateutil.rrule import rrulestr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gantry.resources.occurrences import PATIENCE, Rule, Work
from gantry.resources.recurrence import Recurrence, coerce_until, refusals, zone_links, zones

DAILY = "RRULE:FREQ=DAILY;INTERVAL=1"
START = "DTSTART;TZID=America/New_York:20300101T093000"


def at(*when: int) -> datetime:
    return datetime(*when, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    "rule",
    [
        f"{START} {DAILY}",
        "DTSTART:20300101T093000Z RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,FR",
        "DTSTART;TZID=UTC:20300101T000000 RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=MO;BYSETPOS=-1",
        "DTSTART:20300101T093000Z RRULE:FREQ=MINUTELY;INTERVAL=5;COUNT=999",
        f"{START} {DAILY};UNTIL=20300601T170000Z",
        f"{START} {DAILY};UNTIL=20300601T170000",
        f"{START} {DAILY} RRULE:FREQ=HOURLY;INTERVAL=6 EXRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=SU",
        f"{START}\n{DAILY}",
        "DTSTART:20300101T093000Z RRULE:FREQ=YEARLY;INTERVAL=1;BYEASTER=1",
        "DTSTART:20300101T093000Z RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=-1FR",
    ],
)
def test_rules_that_awx_takes_are_taken(rule: str) -> None:
    assert refusals(rule) == []


NO_START = "Valid DTSTART required in rrule. Value should start with: DTSTART:YYYYMMDDTHHMMSSZ"
NO_ZONE = "rrule parsing failed validation: A valid TZID must be provided (e.g., America/New_York)"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            "nonsense",
            [
                NO_START,
                "One or more rule required in rrule.",
                "rrule parsing failed validation: not enough values to unpack (expected 2, got 1)",
            ],
        ),
        (DAILY, [NO_START, NO_ZONE]),
        (
            f"DTSTART:20300101T093000 {DAILY}",
            [
                "DTSTART cannot be a naive datetime.  Specify ;TZINFO= or YYYYMMDDTHHMMSSZZ.",
                NO_ZONE,
            ],
        ),
        (f"DTSTART:20300101T093000Z {START} {DAILY}", ["Multiple DTSTART is not supported."]),
        (f"{START} {DAILY} EXDATE:20300102T093000Z", ["EXDATE not allowed in rrule."]),
        (f"{START} {DAILY} RDATE:20300102T093000Z", ["RDATE not allowed in rrule."]),
        (f"{START} RRULE:FREQ=DAILY", ["INTERVAL required in rrule: RULE:FREQ=DAILY"]),
        (
            f"{START} {DAILY} EXRULE:FREQ=DAILY",
            ["INTERVAL required in rrule: RULE:FREQ=DAILY"],
        ),
        (
            f"{START} RRULE:FREQ=SECONDLY;INTERVAL=1",
            ["SECONDLY is not supported: RULE:FREQ=SECONDLY;INTERVAL=1"],
        ),
        (
            f"{START} RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=2MO",
            ["BYDAY with numeric prefix not supported: RULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=2MO"],
        ),
        (
            f"{START} {DAILY};COUNT=2;UNTIL=20300601T170000Z",
            [
                "RRULE may not contain both COUNT and UNTIL: "
                "RULE:FREQ=DAILY;INTERVAL=1;COUNT=2;UNTIL=20300601T170000Z"
            ],
        ),
        (
            f"{START} {DAILY};COUNT=1000",
            ["COUNT > 999 is unsupported: RULE:FREQ=DAILY;INTERVAL=1;COUNT=1000"],
        ),
        (f"DTSTART;TZID=Nowhere/Town:20300101T093000 {DAILY}", [NO_ZONE]),
        (
            f"{START} RRULE:FREQ=OFTEN;INTERVAL=1",
            ["rrule parsing failed validation: invalid 'FREQ': OFTEN"],
        ),
        (
            f"{START} RRULE:FREQ=DAILY;INTERVAL=0",
            ["rrule parsing failed validation: INTERVAL must be at least 1"],
        ),
        (
            f"{START} RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=MO,+6TU",
            ["rrule parsing failed validation: BYDAY: there are at most 5 of a weekday"],
        ),
        (
            f"{START} {DAILY};UNTIL=tomorrow",
            [
                "rrule parsing failed validation: UNTIL must be a date with a time, such as "
                "20300131T170000Z"
            ],
        ),
        ("x" * 8001, ["Ensure this field has no more than 8000 characters."]),
    ],
)
def test_what_awx_refuses_is_refused_in_its_words(rule: str, words: list[str]) -> None:
    assert refusals(rule) == words


def test_a_zone_is_a_zone_and_not_any_file_of_the_machine() -> None:
    for name in ("/etc/localtime", "../../../etc/localtime", ":/etc/localtime"):
        assert refusals(f"DTSTART;TZID={name}:20300101T093000 {DAILY}") != []


def test_an_until_without_zone_is_meant_in_the_zone_of_dtstart() -> None:
    stored = coerce_until(f"{START} {DAILY};UNTIL=20300601T170000")

    assert stored == f"{START} {DAILY};UNTIL=20300601T210000Z"
    assert Recurrence(stored).until == "2030-06-01T17:00:00"
    assert coerce_until(stored) == stored


def test_the_time_zone_is_that_of_dtstart() -> None:
    assert Recurrence(f"{START} {DAILY}").timezone == "America/New_York"
    assert Recurrence(f"DTSTART:20300101T093000Z {DAILY}").timezone == "UTC"
    assert Recurrence(f"DTSTART;TZID=UTC:20300101T093000 {DAILY}").timezone == "UTC"
    assert {"UTC", "Europe/Berlin", "US/Eastern"} <= set(zones())
    assert zone_links()["US/Eastern"] == "America/New_York"


def test_local_time_stays_when_the_clocks_change() -> None:
    rule = Recurrence("DTSTART;TZID=Europe/Berlin:20260101T090000 RRULE:FREQ=DAILY;INTERVAL=1")

    assert rule.after(at(2026, 3, 28, 12)) == at(2026, 3, 29, 7)  # summer time since that night
    assert rule.after(at(2026, 3, 27, 12)) == at(2026, 3, 28, 8)


def test_a_time_that_the_clock_leaves_out_is_left_out() -> None:
    rule = Recurrence("DTSTART;TZID=Europe/Berlin:20260101T023000 RRULE:FREQ=DAILY;INTERVAL=1")
    assert rule.after(at(2026, 3, 28, 12)) == at(2026, 3, 30, 0, 30)

    minutes = Recurrence(
        "DTSTART;TZID=Europe/Berlin:20260101T000000 RRULE:FREQ=MINUTELY;INTERVAL=1"
    )
    assert minutes.after(at(2026, 3, 29, 0, 59)) == at(2026, 3, 29, 1, 0)


def test_a_time_that_comes_twice_in_autumn_is_one_occurrence() -> None:
    rule = Recurrence("DTSTART;TZID=Europe/Berlin:20260101T023000 RRULE:FREQ=DAILY;INTERVAL=1")
    assert rule.after(at(2026, 10, 24, 12)) == at(2026, 10, 25, 0, 30)
    assert rule.after(at(2026, 10, 25, 0, 30)) == at(2026, 10, 26, 1, 30)


def test_several_rules_and_what_they_leave_out() -> None:
    rule = Recurrence(
        "DTSTART:20300107T080000Z RRULE:FREQ=DAILY;INTERVAL=1 RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO"
        " EXRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=TU"
    )
    days = [f.day for f in itertools.islice(rule.since(at(2030, 1, 1)), 4)]
    assert days == [7, 9, 10, 11]


def test_the_end_is_the_last_occurrence() -> None:
    def end(rule: str) -> datetime | None:
        return Recurrence(f"DTSTART:20300101T080000Z {rule}").end()

    assert end(DAILY) is None
    assert end(f"{DAILY};COUNT=3") == at(2030, 1, 3, 8)
    assert end(f"{DAILY};UNTIL=20300110T070000Z") == at(2030, 1, 9, 8)
    assert end(f"{DAILY};UNTIL=20200101T000000Z") is None
    assert end(f"{DAILY};COUNT=3 RRULE:FREQ=DAILY;INTERVAL=1") is None
    assert end(f"{DAILY};COUNT=3 EXRULE:FREQ=DAILY;INTERVAL=2") == at(2030, 1, 2, 8)


BOMBS = [
    "RRULE:FREQ=MINUTELY;INTERVAL=1;BYMONTH=2;BYMONTHDAY=30",
    "RRULE:FREQ=DAILY;INTERVAL=1;BYMONTH=2;BYMONTHDAY=30",
    "RRULE:FREQ=MINUTELY;INTERVAL=1 EXRULE:FREQ=MINUTELY;INTERVAL=1",
    "RRULE:FREQ=MINUTELY;INTERVAL=1440;BYHOUR=3",
    "RRULE:FREQ=YEARLY;INTERVAL=1;BYWEEKNO=60",
    f"RRULE:FREQ=YEARLY;INTERVAL=1;BYYEARDAY={','.join(str(n) for n in range(400, 2000))}",
    f"RRULE:FREQ=MONTHLY;INTERVAL=1;BYMONTH=2;BYMONTHDAY=30;"
    f"BYSETPOS={','.join(str(n) for n in range(1, 366))}",
    "RRULE:FREQ=HOURLY;INTERVAL=1;BYMONTH=2;BYMONTHDAY=30;BYMINUTE=0,30;UNTIL=99991231T000000Z",
    " ".join(["RRULE:FREQ=MINUTELY;INTERVAL=1;UNTIL=99991231T000000Z"] * 100),
    " ".join(["RRULE:FREQ=YEARLY;INTERVAL=1;BYWEEKNO=60;COUNT=999"] * 100),
]


@pytest.mark.parametrize("bomb", BOMBS, ids=range(len(BOMBS)))
def test_a_rule_that_would_eat_the_processor_is_answered_for_little(
    bomb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent = []
    spend = Work.spend

    def counted(self: Work, steps: int = 1) -> None:
        spent.append(steps)
        spend(self, steps)

    monkeypatch.setattr(Work, "spend", counted)
    text = f"DTSTART:19700101T000000Z {bomb}"

    assert refusals(text) == []
    Recurrence(text).after(at(2026, 11, 24))
    Recurrence(text).end()

    assert sum(spent) < 12 * PATIENCE


def test_a_minutely_rule_of_1970_keeps_its_phase() -> None:
    rule = Recurrence("DTSTART:19700101T000000Z RRULE:FREQ=MINUTELY;INTERVAL=7")
    found = rule.after(at(2026, 11, 24, 12))

    assert found is not None
    assert (found - at(1970, 1, 1)) % timedelta(minutes=7) == timedelta(0)
    assert found - at(2026, 11, 24, 12) <= timedelta(minutes=7)
    assert rule.first == at(1970, 1, 1)


_LISTS = {
    "BYMONTH": st.integers(1, 12),
    "BYMONTHDAY": st.integers(-31, 31).filter(bool),
    "BYYEARDAY": st.integers(-366, 366).filter(bool),
    "BYWEEKNO": st.integers(-53, 53).filter(bool),
    "BYDAY": st.sampled_from(["MO", "TU", "WE", "SA", "SU", "-1FR", "+2TH"]),
    "BYHOUR": st.integers(0, 23),
    "BYMINUTE": st.integers(0, 59),
    "BYSECOND": st.integers(0, 59),
    "BYSETPOS": st.integers(-8, 8).filter(bool),
    "BYEASTER": st.integers(-60, 60),
}


@st.composite
def _rules(draw: Any) -> str:
    parts = [
        "FREQ="
        + draw(st.sampled_from(["YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY"])),
        f"INTERVAL={draw(st.integers(1, 40))}",
    ]
    for name in draw(st.sets(st.sampled_from(sorted(_LISTS)), max_size=3)):
        values = draw(st.lists(_LISTS[name], min_size=1, max_size=4))
        parts.append(f"{name}={','.join(str(v) for v in values)}")
    if draw(st.booleans()):
        parts.append("WKST=" + draw(st.sampled_from(["MO", "SU", "WE"])))
    if draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 30))}")
    return ";".join(parts)


# Just before the last year: further than that dateutil does not look for what never matches.
@given(_rules(), st.datetimes(datetime(9996, 12, 1), datetime(9999, 6, 1)), st.integers(0, 180))
@settings(max_examples=200)
def test_occurrences_are_those_that_dateutil_finds(rule: str, start: datetime, days: int) -> None:
    try:
        theirs: Any = rrulestr(rule, dtstart=start.replace(microsecond=0, tzinfo=tz.UTC))
        expected = [f.replace(tzinfo=None) for f in itertools.islice(theirs, 2000)]
    except ValueError:  # an interval and hours that never meet
        assume(False)
    begin = theirs._dtstart.replace(tzinfo=None) + timedelta(days=days)
    wanted = [found for found in expected if found >= begin]

    found = list(itertools.islice(Rule(theirs).since(begin, Work(10**7)), len(wanted) + 1))

    assert found[: len(wanted)] == wanted
    assert len(found) == len(wanted) or len(expected) == 2000
