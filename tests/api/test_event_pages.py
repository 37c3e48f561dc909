"""Pages of events: a range of counters, never a count or an OFFSET over all of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.conftest import Api
from tests.api.test_jobs import add_event
from tests.api.world import build

EVENTS = 60
AWXKITS = "order_by=start_line&no_truncate=True&start_line__gte=30"  # awxkit/cli/stdout.py


@pytest.fixture
def url(db: str) -> str:
    """The events of a job that has 60; every second one of another kind."""
    job = build()["jobs"]
    for n in range(3, EVENTS + 1):
        add_event(job, n, "runner_on_ok" if n % 2 else "runner_on_failed")
    return f"/api/v2/jobs/{job}/job_events/"


def counters(page: dict[str, Any]) -> list[int]:
    return [e["counter"] for e in page["results"]]


@pytest.mark.parametrize(
    ("asked", "expected", "count"),
    [
        ("", range(1, 26), 60),
        ("page=3", range(51, 61), 60),
        ("page=last&page_size=7", range(57, 61), 60),
        ("page=2&order_by=-counter", range(35, 10, -1), 60),
        ("order_by=-start_line&page_size=2&page=30", [2, 1], 60),
        ("counter__gt=50", range(51, 61), 10),
        ("counter__gte=20&counter__lte=22", [20, 21, 22], 3),
        ("counter__lt=4&order_by=-id", [3, 2, 1], 3),
        ("counter__gt=60", [], 0),
        ("counter__gt=40&counter__lt=30", [], 0),
        ("counter__gt=10&page=2&page_size=20", range(31, 51), 50),
        ("start_line__gte=30&order_by=start_line", range(31, 56), 30),
        ("start_line__gt=30&start_line__lte=32", [32, 33], 2),
        ("start_line__lt=3&order_by=-start_line", [3, 2, 1], 3),
        ("start_line__gte=60&order_by=start_line&no_truncate=True", [], 0),
        ("event=runner_on_failed&page_size=3", [4, 6, 8], 29),
        ("counter__gt=55&event=runner_on_failed", [56, 58, 60], 3),
        ("counter__in=7,9", [7, 9], 2),
    ],
)  # fmt: skip
def test_a_page_is_what_counting_and_skipping_would_give(
    api: Api, url: str, asked: str, expected: Any, count: int
) -> None:
    page = api.get(f"{url}?{asked}")
    assert counters(page) == list(expected)
    assert page["count"] == count


def test_it_costs_the_same_wherever_it_lies(api: Api, url: str) -> None:
    for asked in ("page=1", "page=3", "counter__gt=30", "page=2&order_by=-counter", AWXKITS):
        with CaptureQueriesContext(connection) as queries:
            api.get(f"{url}?{asked}")
        of_events = [q["sql"] for q in queries if "resources_jobevent" in q["sql"]]
        assert len(of_events) == 2 + (asked == AWXKITS), of_events
        assert not any("COUNT(" in sql or "OFFSET" in sql for sql in of_events)


def test_events_without_a_line_of_their_own_come_with_the_line_that_follows(
    api: Api, url: str
) -> None:
    job = int(url.split("/")[4])
    for n, line in ((61, 60), (62, 60), (63, 60)):
        add_event(job, n, "runner_on_start", start_line=line, end_line=line + n // 63)
    assert counters(api.get(f"{url}?start_line__gte=60&order_by=start_line")) == [61, 62, 63]
    assert counters(api.get(f"{url}?start_line__gt=58&start_line__lt=60")) == [60]


def test_neighbours_are_linked(api: Api, url: str) -> None:
    page = api.get(f"{url}?page=2&counter__gt=0")
    assert page["previous"] == f"{url}?counter__gt=0&page=1"
    assert page["next"] == f"{url}?counter__gt=0&page=3"


def test_beyond_the_last_page_there_is_nothing(api: Api, url: str) -> None:
    api.get(f"{url}?page=4", 404)
    api.get(f"{url}?counter__gt=x", 400)
