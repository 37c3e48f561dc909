"""Rows of jobs, and frames as an agent sends them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import django
import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

django.setup()  # the rows' modules are models

from gantry.base.redact import Redactor  # noqa: E402
from gantry.pods.frames import Frame, Kind  # noqa: E402
from gantry.record.ingest import POOL, RecordedJob, Recorder  # noqa: E402

CREATED = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


NAME = "gantry-test-record"


@pytest.fixture
def url(database: str) -> str:
    """For the connections that a test may kill."""
    return f"{database}&application_name={NAME}"


@pytest.fixture
def kill(database: str) -> Callable[..., None]:
    """Ends connections as an administrator would; `text` is how their statement begins."""

    def terminate(text: str = "") -> None:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = %s AND query LIKE %s",
                [NAME, f"{text}%"],
            )

    return terminate


@pytest.fixture
async def pool(url: str) -> AsyncIterator[AsyncConnectionPool[Any]]:
    async with AsyncConnectionPool(url, min_size=1, max_size=4, open=False, **POOL) as opened:
        yield opened


@pytest.fixture
def job(database: str) -> RecordedJob:
    """A running job of its own, held with epoch 1."""
    from gantry.resources.jobs import Job

    row = Job.objects.create(kind="job", name="a job", status="running", lease_epoch=1)
    Job.objects.filter(pk=row.pk).update(created=CREATED)
    return RecordedJob(row.pk, CREATED, 1, "job")


@pytest.fixture
def recorder(pool: AsyncConnectionPool[Any], job: RecordedJob) -> Recorder:
    return Recorder(pool, job, Redactor([]), {})


class Pod:
    """Numbers frames as the agent does."""

    def __init__(self) -> None:
        self.sequence = self.counter = self.line = 0

    def raw(self, body: bytes, lines: int = 1) -> Frame:
        self.sequence += 1
        self.counter += 1
        frame = Frame(Kind.EVENT, self.sequence, self.counter, self.line, lines, body)
        self.line += lines
        return frame

    def event(self, event: str, stdout: str = "", lines: int = 1, **more: Any) -> Frame:
        data = more.pop("event_data", {})
        head = {
            "uuid": more.pop("uuid", f"uuid-{self.counter + 1}"), "event": event, "pid": 7,
            "created": "2026-11-24T04:00:01.123456+00:00", **more, "stdout": stdout,
        }  # fmt: skip
        return self.raw(json.dumps({**head, "event_data": data}).encode(), lines)

    def ok(self, number: int) -> Frame:
        data = {"host": f"node{number % 7}", "task": "Ping", "res": {"changed": False}}
        return self.event("runner_on_ok", f"ok: [{number}]", event_data=data)

    def other(self, kind: Kind, body: bytes) -> Frame:
        self.sequence += 1
        return Frame(kind, self.sequence, self.counter, self.line, 0, body)

    def oks(self, count: int) -> list[Frame]:
        return [self.ok(n) for n in range(count)]


@pytest.fixture
def pod() -> Pod:
    return Pod()


Fetch = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def fetch(database: str) -> Fetch:
    """Rows of a statement, read through a connection of its own."""

    def rows(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(database, autocommit=True) as connection:
            return connection.execute(statement, values).fetchall()  # type: ignore[arg-type]

    return rows


@pytest.fixture
def restart(database: str) -> Callable[[], None]:
    """Stops PostgreSQL and starts it again."""
    from django.db import connection

    from gantry.base import postgres
    from gantry.base.config import settings

    # What Django holds in this thread would be found dead by the next test.
    connection.close()
    connection.close_pool()

    def run() -> None:
        server = postgres.Embedded(settings())
        server.stop()
        server.start()

    return run
