"""One look of a controller for the next job, with many jobs pending and many that have ended.

    cd bench && python claim.py [--pending 10000] [--ended 100000] [--rounds 50]

An embedded PostgreSQL of its own, four instances, a hundred templates. Each case is a transaction
that is rolled back, so that every round finds the same: `first` takes the oldest job, `a place for
20` twenty of them; `group full` looks through all for one of another group at the very end; `not
here` all prefer another instance, which has room; `disabled` this instance takes none.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from ingest import installation
from large import copies


def fill(pending: int, ended: int) -> dict[str, Any]:
    from django.db import connection

    from gantry.control.claim import Holder
    from gantry.control.seat import Size
    from gantry.resources.models import InstanceGroup, Job, JobTemplate
    from gantry.resources.seeds import seed

    seed()
    holders = []
    for _ in range(4):
        holder = Holder.here(3600, most_jobs=50)
        holder.size = Size(64, 64 << 30)
        holder.sit_down()
        holders.append(holder)
    groups = {}
    for name, member in (("full", 0), ("other", 1), ("last", 0)):
        groups[name] = InstanceGroup.objects.create(
            name=name, policy_instance_list=[holders[member].node],
            max_concurrent_jobs=1 if name == "full" else 0,
        )  # fmt: skip
        groups[name].instances.set([i for i in _instances() if i.hostname == holders[member].node])
    templates = [
        JobTemplate.objects.create(kind="job_template", name=f"t{n}", allow_simultaneous=True)
        for n in range(100)
    ]

    def make(number: int, status: str) -> Job:
        template = templates[number % 100]
        job = Job(
            kind="job", name=template.name, status=status, job_template=template,
            unified_job_template=template, allow_simultaneous=True, task_impact=2,
        )  # fmt: skip
        job.save()
        return job

    # Copies have the ids that come after: the pending ones are the younger.
    done = make(0, "successful").pk
    _repeat(done, ended, templates[0].pk)
    _set_sequence()
    _repeat(make(1, "pending").pk, pending, templates[0].pk)
    _set_sequence()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE resources_unifiedjob, resources_job")
    return {"holders": holders, "groups": groups}


def _instances() -> Any:
    from gantry.resources.models import Instance

    return list(Instance.objects.all())


def _repeat(pk: int, count: int, template: int) -> None:
    of = f"{template} + n % 100"
    copies("resources_unifiedjob", pk, count, unified_job_template_id=of)
    copies("resources_job", pk, count, job_template_id=of)


def _set_sequence() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('resources_unifiedjob', 'id'), max(id))"
            " FROM resources_unifiedjob"
        )


def timed(rounds: int, holder: Any, limit: int, prepare: Callable[[], None]) -> tuple[Any, int]:
    from django.db import transaction

    taken, found = [], 0
    for _ in range(rounds):
        with transaction.atomic():
            prepare()
            began = time.perf_counter()
            found = len(holder.claim(limit))
            taken.append(1000 * (time.perf_counter() - began))
            transaction.set_rollback(True)
    return taken, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pending", type=int, default=10_000)
    parser.add_argument("--ended", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=50)
    given = parser.parse_args()
    with installation():
        world = fill(given.pending, given.ended)
        from gantry.resources.models import Instance, Job, UnifiedJob

        me, groups = world["holders"][0], world["groups"]
        pending = UnifiedJob.objects.filter(status="pending")

        def full() -> None:
            pending.update(preferred_groups=[groups["full"].pk])
            last = pending.order_by("-id").first()
            UnifiedJob.objects.filter(pk=last.pk).update(preferred_groups=[groups["last"].pk])
            Job.objects.create(
                kind="job", status="running", instance_group=groups["full"],
                controller_node=me.node,
            )  # fmt: skip

        def elsewhere() -> None:
            pending.update(preferred_groups=[groups["other"].pk, groups["last"].pk])

        def disabled() -> None:
            Instance.objects.filter(hostname=me.node).update(enabled=False)

        cases: list[tuple[str, int, Callable[[], None]]] = [
            ("first", 1, lambda: None), ("a place for 20", 20, lambda: None),
            ("group full", 1, full), ("not here", 20, elsewhere), ("disabled", 20, disabled),
        ]  # fmt: skip
        print(f"| {given.pending} pending, {given.ended} ended | taken | p50 ms | slowest ms |")
        print("| --- | --- | --- | --- |")
        for name, limit, prepare in cases:
            rounds = given.rounds if name not in ("group full", "not here") else 10
            times, found = timed(rounds, me, limit, prepare)
            print(f"| {name} | {found} | {statistics.median(times):.1f} | {max(times):.1f} |")


if __name__ == "__main__":
    main()
