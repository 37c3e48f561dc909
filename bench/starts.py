"""How fast a controller starts jobs, and how soon the next run of a busy template.

    cd bench && python starts.py [--jobs 200] [--capacity 20]

An embedded PostgreSQL and a controller process of its own; its engine's pods run nothing, so what
is measured is Gantry's own work for a job from its claim to its end. `next run`: of a template
without allow_simultaneous, from the end of one run to the claim of the one that waits for it.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from datetime import datetime
from typing import Any

from ingest import installation, postgres_cpu
from waiting import controller, cpu_of


def launch(world: Any, template: Any, count: int) -> list[int]:
    return [world.launch(template).pk for _ in range(count)]


def wait_for(jobs: list[int], seconds: float) -> None:
    from gantry.resources.models import UnifiedJob

    until = time.monotonic() + seconds
    rows = UnifiedJob.objects.filter(pk__in=jobs)
    while rows.filter(status="successful").count() < len(jobs):
        if time.monotonic() > until:
            states = list(rows.values_list("status", "job_explanation")[:5])
            raise SystemExit(f"jobs have not ended: {states}")
        time.sleep(0.1)


def at(job: Any, stage: str) -> datetime:
    return datetime.fromisoformat(job.stage_times[stage])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--capacity", type=int, default=20)
    given = parser.parse_args()
    with installation():
        from gantry.base.config import settings
        from gantry.resources.models import UnifiedJob
        from gantry.resources.seeds import seed
        from tests.journeys.world import World

        seed()
        world = World.make("registry.example.org/ee:1", hosts=("a",))
        many = world.template(name="many", allow_simultaneous=True)
        one = world.template(name="one at a time")
        environment = {"GANTRY_CAPACITY": str(given.capacity), "GANTRY_INSPECT_IMAGES": "false"}
        data = settings().data_dir
        with controller(**environment):
            wait_for(launch(world, many, 5), 300)
        jobs = launch(world, many, given.jobs)
        with controller(**environment) as pid:
            wait_for(jobs, 300)
            own, database = cpu_of(pid), postgres_cpu(data)
        rows = list(UnifiedJob.objects.filter(pk__in=jobs))
        claimed = sorted(at(row, "resolving") for row in rows)
        ended = max(row.finished for row in rows)
        took = (ended - claimed[0]).total_seconds()
        with controller(**environment, BENCH_SECONDS="0.3"):
            chain = launch(world, one, 10)
            wait_for(chain, 300)
        runs = list(UnifiedJob.objects.filter(pk__in=chain).order_by("pk"))
        gaps = [
            (at(after, "resolving") - before.finished).total_seconds()
            for before, after in itertools.pairwise(runs)
        ]
    print(f"| {given.jobs} jobs, capacity {given.capacity} | |\n| --- | --- |")
    print(f"| claimed to ended, jobs a second | **{len(jobs) / took:.1f}** |")
    print(f"| processor time of one job, controller, ms | {1000 * own / len(jobs):.0f} |")
    print(f"| PostgreSQL's processor time since its start, s | {database:.1f} |")
    middle, worst = statistics.median(gaps), max(gaps)
    print(f"| next run of a busy template, s, median and worst | {middle:.3f}, {worst:.3f} |")


if __name__ == "__main__":
    main()
