"""What `awx ... --monitor` costs: ingest into 200 jobs, alone and while 20 clients poll them.

    python bench/polling.py [--jobs 200] [--clients 20] [--events 200000] [--rounds 3] [--rate N]

Each client watches its share of the jobs as awxkit does (awxkit/cli/stdout.py: every 5 s the job,
and its events from the last line seen). A web process of its own answers; ingest runs in this
process, as fast as it can or at `--rate`. Rounds go A B A B in one run: read the ratio.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ingest import body, installation, make_job

BATCH = 100
INTERVAL = 5.0  # awxkit's


class Watched:
    """One client with its connection and its jobs."""

    def __init__(self, port: int, token: str, jobs: list[int]) -> None:
        self.server = http.client.HTTPConnection("127.0.0.1", port)
        self.headers = {"Authorization": f"Bearer {token}"}
        self.lines = dict.fromkeys(jobs, 0)
        self.took: list[float] = []

    def get(self, path: str) -> Any:
        began = time.perf_counter()
        self.server.request("GET", path, headers=self.headers)
        answer = self.server.getresponse()
        content = answer.read()
        self.took.append((time.perf_counter() - began) * 1000)
        assert answer.status == 200, (path, answer.status, content[:300])
        return json.loads(content)

    def look(self, job: int) -> None:
        query = f"order_by=start_line&no_truncate=True&start_line__gte={self.lines[job]}"
        for event in self.get(f"/api/v2/jobs/{job}/job_events/?{query}")["results"]:
            self.lines[job] = max(self.lines[job], event["end_line"])
        self.get(f"/api/v2/jobs/{job}/")

    def poll(self, ends: threading.Event) -> None:
        """Its jobs one after another, spread over the interval, until told to stop."""
        while not ends.is_set():
            for job in self.lines:
                began = time.monotonic()
                self.look(job)
                rest = INTERVAL / len(self.lines) - (time.monotonic() - began)
                if ends.wait(max(rest, 0)):
                    return


def clients(port: int, token: str, jobs: list[int], count: int) -> None:
    """The other process: polls until its stdin is closed, then prints what each request took."""
    everyone = [Watched(port, token, jobs[n::count]) for n in range(count)]
    ends = threading.Event()
    threads = [threading.Thread(target=one.poll, args=[ends]) for one in everyone]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    ends.set()
    for thread in threads:
        thread.join()
    print(json.dumps([took for one in everyone for took in one.took]))


async def ingest(
    url: str, jobs: list[tuple[int, datetime]], events: int, after: int, rate: float
) -> float:
    """Events a second, in batches of 100, each batch for the next job; `rate`: no more than that
    (0: as many as can be)."""
    from psycopg_pool import AsyncConnectionPool

    from gantry.base.redact import Redactor
    from gantry.pods.frames import Frame, Kind
    from gantry.record.ingest import POOL, RecordedJob, Recorder

    each = events // len(jobs)
    frames = [
        Frame(Kind.EVENT, n, n, n - 1, 1, body(n, "")) for n in range(after + 1, after + each + 1)
    ]
    async with AsyncConnectionPool(url, min_size=1, max_size=2, open=False, **POOL) as pool:
        writers = [
            Recorder(pool, RecordedJob(job, created, 1), Redactor([]), {}) for job, created in jobs
        ]
        began, done = time.perf_counter(), 0
        for at in range(0, each, BATCH):
            for writer in writers:
                await writer.record(frames[at : at + BATCH])
                done += BATCH
                if rate:
                    await asyncio.sleep(max(0.0, began + done / rate - time.perf_counter()))
        return each * len(jobs) / (time.perf_counter() - began)


@contextlib.contextmanager
def web() -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    environment = {**os.environ, "GANTRY_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-m", "gantry.cli.main", "web"], env=environment)
    try:
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def polled(port: int, token: str, jobs: list[int], count: int) -> Iterator[list[float]]:
    """While it is open, `count` clients poll; afterwards the list has milliseconds a request."""
    command = [sys.executable, __file__, "--poll", str(port), "--clients", str(count)]
    environment = {**os.environ, "BENCH_TOKEN": token, "BENCH_JOBS": json.dumps(jobs)}
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    took: list[float] = []
    time.sleep(INTERVAL)  # every client has its connection and has looked at each job once
    yield took
    took += json.loads(process.communicate()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=0, help="events a second, at most")
    parser.add_argument("--poll", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.poll:
        jobs = json.loads(os.environ["BENCH_JOBS"])
        return clients(asked.poll, os.environ["BENCH_TOKEN"], jobs, asked.clients)
    with installation() as url, _prepared(asked.jobs) as (jobs, token), web() as port:
        report(url, jobs, token, port, asked)
    return None


@contextlib.contextmanager
def _prepared(count: int) -> Iterator[tuple[list[tuple[int, datetime]], str]]:
    from gantry.resources.models import OAuth2AccessToken, User
    from gantry.resources.seeds import seed
    from gantry.resources.tokens import hashed, new_secret

    seed()
    value = new_secret()
    admin = User.objects.create(username="bench", is_superuser=True)
    OAuth2AccessToken.objects.create(
        user=admin, scope="read", token_hash=hashed(value), expires=datetime(2040, 1, 1, tzinfo=UTC)
    )
    created = datetime.now(UTC)
    yield [(make_job(created), created) for _ in range(count)], value


def report(
    url: str, jobs: list[tuple[int, datetime]], token: str, port: int, asked: argparse.Namespace
) -> None:
    numbers = [job for job, _ in jobs]
    each = asked.events // asked.jobs
    print("| round | alone: events/s | polled: events/s | ratio | requests | p50 ms | p95 ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for n in range(asked.rounds):
        alone = asyncio.run(ingest(url, jobs, asked.events, 2 * n * each, asked.rate))
        with polled(port, token, numbers, asked.clients) as took:
            beside = asyncio.run(ingest(url, jobs, asked.events, (2 * n + 1) * each, asked.rate))
        cuts = statistics.quantiles(took, n=20)
        print(
            f"| {n + 1} | {alone:,.0f} | {beside:,.0f} | {beside / alone:.2f} | {len(took)} |"
            f" {cuts[9]:.1f} | {cuts[18]:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
