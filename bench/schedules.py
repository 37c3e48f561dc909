"""How late a burst of schedules fires: so many due in one instant, among a thousand.

    cd bench && python schedules.py [--schedules 1000] [--burst 100] [--rounds 5]

An embedded PostgreSQL, and the watcher that controllers run. Late is from the instant at which they
are due to the commit of each job, by the database's clock.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from ingest import installation, postgres_cpu


def fill(count: int) -> Any:
    from gantry.resources.models import Schedule
    from gantry.resources.seeds import seed
    from tests.journeys.world import World

    seed()
    world = World.make("registry.example.org/ee:1", hosts=tuple(f"h{n}" for n in range(20)))
    project = world.project({"site.yml": "- hosts: all\n"})
    templates = [
        world.template(project=project, name=f"t{n}", allow_simultaneous=True) for n in range(50)
    ]
    for n in range(count):
        Schedule.objects.create(
            name=f"s{n}", unified_job_template=templates[n % 50],
            rrule="DTSTART:20200101T000000Z RRULE:FREQ=DAILY;INTERVAL=1",
        )  # fmt: skip
    return world


def burst(size: int) -> list[float]:
    """Seconds that each of them was late."""
    from gantry.resources.models import Schedule, UnifiedJob
    from gantry.triggers.schedules import Watcher

    watcher = Watcher()
    watcher.turn()
    rows = list(Schedule.objects.order_by("?").values_list("pk", flat=True)[:size])
    due = datetime.now(UTC) + timedelta(seconds=1.2)
    Schedule.objects.filter(pk__in=rows).update(next_run=due)
    before = UnifiedJob.objects.count()
    late: list[float] = []
    while (made := UnifiedJob.objects.count() - before) < size:
        time.sleep(watcher.turn())
        # What was committed since the last look was so at the latest now.
        seen = UnifiedJob.objects.count() - before - made
        late += [(datetime.now(UTC) - due).total_seconds()] * seen
    return sorted(late)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--burst", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    with installation():
        from gantry.base.config import settings

        fill(given.schedules)
        burst(5)
        if given.profile:
            profile = cProfile.Profile(time.process_time)
            profile.runcall(burst, given.burst)
            pstats.Stats(profile).sort_stats("cumulative").print_stats(70)
            return
        began, database = time.process_time(), postgres_cpu(settings().data_dir)
        last = [burst(given.burst)[-1] for _ in range(given.rounds)]
        each = 1000 / (given.burst * given.rounds)
        own = each * (time.process_time() - began)
        database = each * (postgres_cpu(settings().data_dir) - database)
    print(f"| {given.burst} of {given.schedules} schedules in one instant | s |\n| --- | --- |")
    print(f"| the last fired late by, median of {given.rounds} | {statistics.median(last):.2f} |")
    print(f"| worst | {max(last):.2f} |")
    print(f"| processor time of one, ms: watcher, PostgreSQL | {own:.1f}, {database:.1f} |")


if __name__ == "__main__":
    main()
