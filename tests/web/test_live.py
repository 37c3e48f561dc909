"""The stream of a job's events as the browser's side sees it on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.contrib.auth import get_user_model

from tests.web import story
from tests.web.conftest import Server, logged_in


@pytest.fixture
def browser_session(db: str, server: Server) -> Iterator[httpx.Client]:
    """A client with the administrator's session."""
    cookies = {k: v.value for k, v in logged_in("admin").cookies.items()}
    with httpx.Client(
        base_url=server.url, cookies=cookies, timeout=20,
        limits=httpx.Limits(max_connections=200),
    ) as client:  # fmt: skip
        yield client


def messages(answer: httpx.Response) -> Iterator[tuple[str, str, dict]]:
    """(event, id, data) of each message."""
    found: dict[str, str] = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            found[name] = value
        elif "data" in found:
            yield found.get("event", ""), found.get("id", ""), json.loads(found["data"])
            found = {}


def counters(told: list[tuple[str, str, dict]]) -> list[int]:
    return [e[0] for name, _, data in told if not name for e in data["events"]]


@pytest.fixture
def finished(db, write):
    job = story.job()
    writer = write(job)
    writer.pod.oks(1200)
    writer.send()
    story.end(job)
    return job


def test_it_tells_all_events_the_state_and_the_end(browser_session, finished):
    with browser_session.stream("GET", f"/jobs/{finished.pk}/events") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["X-Accel-Buffering"] == "no"
        told = list(messages(answer))

    assert counters(told) == list(range(1, 1201))
    assert told[-1][0] == "end"
    assert told[-1][2]["status"] == "successful"
    assert [number for name, number, _ in told if not name][-1] == "1200"


def test_a_browser_that_comes_back_goes_on_where_it_was(browser_session, finished):
    headers = {"Last-Event-ID": "1000"}

    with browser_session.stream(
        "GET", f"/jobs/{finished.pk}/events?after=3", headers=headers
    ) as answer:
        assert counters(list(messages(answer))) == list(range(1001, 1201))


def test_the_stream_is_for_those_who_may_see_the_job(server, finished):
    address = f"{server.url}/jobs/{finished.pk}/events"
    get_user_model().objects.create_user("stranger")
    cookies = {k: v.value for k, v in logged_in("stranger").cookies.items()}

    assert httpx.get(address).status_code == 401
    assert httpx.get(address, cookies=cookies).status_code == 404


def test_forty_watchers_that_come_at_once_leave_the_pages_their_connections(browser_session, write):
    job = story.job()
    writer = write(job)
    writer.pod.oks(3)
    writer.send()
    request = browser_session.build_request("GET", f"/jobs/{job.pk}/events")

    with ThreadPoolExecutor(40) as threads:
        streams = list(threads.map(lambda _: browser_session.send(request, stream=True), range(40)))

    assert browser_session.get("/jobs/").status_code == 200
    story.end(job)
    for answer in streams:
        assert counters(list(messages(answer))) == [1, 2, 3]
        answer.close()
