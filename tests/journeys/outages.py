"""PostgreSQL taken away from running jobs, and what can be seen of their pods meanwhile."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Any

from gantry.base.bridge import waiting_for_database


class Database:
    """The session's own PostgreSQL, stopped and started."""

    def __init__(self) -> None:
        from gantry.base import postgres
        from gantry.base.config import settings

        self._server = postgres.Embedded(settings())
        self.url = postgres.url(settings())

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.start()
        for _ in range(10):  # connections of this process's pool that died with the server
            waiting_for_database(self._ask)

    @staticmethod
    def _ask() -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.close()


def is_busy(job: Any) -> bool:
    """Whether the pod's processes use the processor; read from outside, between two looks."""
    before = processor_time(job)
    threading.Event().wait(0.5)
    return processor_time(job) > before


def processor_time(job: Any) -> int:
    ticks = 0
    for pid in pids_of_pod(job.pk):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks


def pids_of_pod(job: int) -> list[int]:
    """By the environment that the play was given: JOB_ID."""
    found = []
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if not entry.isdigit():
                continue
            environment = Path(f"/proc/{entry}/environ").read_bytes().split(b"\0")
            if f"JOB_ID={job}".encode() in environment:
                found.append(int(entry))
    return found
