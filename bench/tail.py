"""The live tail: from an event's commit to each of 100 followers of the job.

    python bench/tail.py [--followers 100] [--rate 20] [--seconds 10]

Runs an embedded PostgreSQL of its own; one process records batches of events at a steady rate and
follows them through one Tail, so the CPU of both is in the figure. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from datetime import UTC, datetime

from ingest import body, installation, make_job


async def run(url: str, followers: int, rate: float, seconds: float) -> list[float]:
    """Milliseconds from commit to delivery, one for each event and follower."""
    from psycopg_pool import AsyncConnectionPool

    from gantry.base.redact import Redactor
    from gantry.pods.frames import Frame, Kind
    from gantry.record.ingest import POOL, RecordedJob, Recorder
    from gantry.record.tail import Tail

    created = datetime.now(UTC)
    number = await asyncio.to_thread(make_job, created)
    total = int(rate * seconds)
    delivered: list[tuple[int, float]] = []
    committed: dict[int, float] = {}

    async def follow(tail: Tail) -> None:
        async for batch in tail.follow(number):
            delivered.extend((e.counter, time.perf_counter()) for e in batch.events)
            if batch.last == total:
                return

    async with (
        AsyncConnectionPool(url, min_size=2, max_size=8, open=False, **POOL) as pool,
        Tail(url, pool) as tail,
        asyncio.TaskGroup() as group,
    ):
        recorder = Recorder(pool, RecordedJob(number, created, 1), Redactor([]), {})
        for _ in range(followers):
            group.create_task(follow(tail))
        await asyncio.sleep(1)
        begin = time.perf_counter()
        for n in range(1, total + 1):
            await asyncio.sleep(max(0.0, begin + n / rate - time.perf_counter()))
            await recorder.record([Frame(Kind.EVENT, n, n, n - 1, 1, body(n, ""))])
            committed[n] = time.perf_counter()
    assert len(delivered) == total * followers
    # The announcement is sent by the commit and may be here before record() has returned.
    return [max(0.0, (at - committed[n]) * 1000) for n, at in delivered]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--followers", type=int, default=100)
    parser.add_argument("--rate", type=float, nargs="*", default=[5.0, 20.0, 100.0])
    parser.add_argument("--seconds", type=float, default=8)
    arguments = parser.parse_args()
    print(f"{arguments.followers} followers of one job, ms from commit to delivery\n")
    print("| batches/s | p50 | p99 | slowest |")
    print("| --- | --- | --- | --- |")
    with installation() as url:
        for rate in arguments.rate:
            took = asyncio.run(run(url, arguments.followers, rate, arguments.seconds))
            cuts = statistics.quantiles(took, n=100)
            print(f"| {rate:g} | {cuts[49]:.2f} | {cuts[98]:.2f} | {max(took):.2f} |", flush=True)


if __name__ == "__main__":
    main()
