"""How a job that was made is handed to the controllers, and how they are told of anything else."""

from __future__ import annotations

from django.db import connection
from django.utils import timezone

from gantry.path.places import place
from gantry.resources.jobs import UnifiedJob


def enqueue(job: UnifiedJob) -> None:
    place(job)
    job.status = "pending"
    job.stage_times = {"queued": timezone.now().isoformat()}
    job.save(update_fields=["status", "stage_times", "preferred_groups", "task_impact"])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify('gantry_control', %s), pg_notify('gantry_jobs', %s)",
            [f"launch:{job.pk}", f"{job.pk}:pending:queued"],
        )


def tell_controllers(message: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('gantry_control', %s)", [message])
