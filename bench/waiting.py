"""What many waiting jobs cost while none can start: processor time of controller and database.

    cd bench && python waiting.py [--pending 5000] [--seconds 60]

An embedded PostgreSQL and a controller process of its own, with an engine whose pods run nothing.
Four worlds: `full`, a group in which as many jobs run as may; `one at a time`, all are of a
template whose first run goes on; `dependency`, all wait for one sync; `none`, nothing waits: what
an idle controller costs anyhow. The jobs belong to ten organizations.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ingest import installation, postgres_cpu
from large import copies


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def controller(**environment: str) -> Iterator[int]:
    """The process id."""
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("noop.py"))],
        env={**os.environ, **environment},
    ) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def fill(pending: int) -> dict[str, Any]:
    from django.db import connection

    from gantry.resources.models import InstanceGroup, Job, JobTemplate, Organization
    from gantry.resources.seeds import seed

    seed()
    first = Organization.objects.create(name="org 1")
    organizations = [first, *(Organization.objects.create(name=f"org {n}") for n in range(2, 11))]
    group = InstanceGroup.objects.create(name="full", max_concurrent_jobs=1)
    many = [
        JobTemplate.objects.create(kind="job_template", name=f"t{n}", allow_simultaneous=True)
        for n in range(100)
    ]
    one = JobTemplate.objects.create(kind="job_template", name="one at a time")
    # Held by nobody that is known, and by a lease that never ends.
    running = Job.objects.create(
        kind="job", name="runs", status="running", stage="running", instance_group=group,
        job_template=one, unified_job_template=one, lease_expires="2099-01-01T00:00:00Z",
    )  # fmt: skip
    job = Job.objects.create(
        kind="job", name="waits", status="pending", job_template=many[0], organization=first,
        unified_job_template=many[0], allow_simultaneous=True, task_impact=2,
    )  # fmt: skip
    by_org = f"{organizations[0].pk} + n % 10"
    by_template = f"{many[0].pk} + n % 100"
    copies(
        "resources_unifiedjob", job.pk, pending - 1, organization_id=by_org,
        unified_job_template_id=by_template,
    )  # fmt: skip
    copies("resources_job", job.pk, pending - 1, job_template_id=by_template)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(pg_get_serial_sequence('resources_unifiedjob', 'id'), max(id))"
            " FROM resources_unifiedjob"
        )
    return {"group": group, "one": one, "running": running}


def arrange(world: dict[str, Any], case: str) -> None:
    from gantry.resources.models import Job, UnifiedJob

    jobs = UnifiedJob.objects.filter(name="waits")
    jobs.update(status="canceled" if case == "none" else "pending", waiting_for="")
    jobs.update(preferred_groups=[world["group"].pk] if case == "full" else [])
    through = UnifiedJob.dependencies.through
    through._default_manager.all().delete()
    if case == "one at a time":
        jobs.update(unified_job_template=world["one"])
        Job.objects.filter(name="waits").update(allow_simultaneous=False)
    if case == "dependency":
        through._default_manager.bulk_create(
            through(from_unifiedjob_id=pk, to_unifiedjob_id=world["running"].pk)
            for pk in jobs.values_list("pk", flat=True)
        )


def measure(data: Path, seconds: int) -> tuple[float, float, int]:
    """Per cent of a core of the controller and of PostgreSQL, and how many say why they wait."""
    from gantry.resources.models import UnifiedJob

    with controller() as pid:
        time.sleep(15)  # it starts, takes its seat and explains all of them once
        began, own, database = time.monotonic(), cpu_of(pid), postgres_cpu(data)
        time.sleep(seconds)
        took = time.monotonic() - began
        own, database = cpu_of(pid) - own, postgres_cpu(data) - database
    told = UnifiedJob.objects.filter(status="pending").exclude(waiting_for="").count()
    return 100 * own / took, 100 * database / took, told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pending", type=int, default=5000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    with installation():
        from django.db import connection

        from gantry.base.config import settings

        world = fill(given.pending)
        print(
            f"| {given.pending} pending | controller % | PostgreSQL % | **together** | told why |"
        )
        print("| --- | --- | --- | --- | --- |")
        for case in ("none", "full", "dependency", "one at a time"):
            if given.only and case != given.only:
                continue
            arrange(world, case)
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE resources_unifiedjob, resources_job")
            own, database, told = measure(settings().data_dir, given.seconds)
            both = own + database
            print(f"| {case} | {own:.1f} | {database:.1f} | **{both:.1f}** | {told} |", flush=True)


if __name__ == "__main__":
    main()
