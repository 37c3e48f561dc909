"""Event ingest: from encoded frames to committed rows, with the CPU of this process and PostgreSQL.

    python bench/ingest.py [--events 100000] [--batch 1000]

Runs an embedded PostgreSQL of its own with the product's parameters and prints a Markdown table.
The frames are decoded, redacted (20 secrets, some events hold one) and recorded as the controller
does it. AWX 24.6.1 on this kind of machine: 1,640 events/s, 0.61 ms of CPU an event.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

EVENT_SIZE = 1457


@contextlib.contextmanager
def installation(kept: Path | None = None) -> Iterator[str]:
    """A migrated database of its own; gives its URL. Call before importing gantry's models. `kept`
    is a directory that is used again and stays."""
    if kept is not None:
        kept.mkdir(exist_ok=True)
    home = kept or Path(
        tempfile.mkdtemp(prefix="gantry-bench-", dir=os.environ.get("GANTRY_BENCH_DIR"))
    )
    home.chmod(0o711)
    os.environ.update(GANTRY_DATA_DIR=str(home / "data"), GANTRY_LOG_LEVEL="warning")
    os.environ["DJANGO_SETTINGS_MODULE"] = "gantry.base.django"
    os.environ.pop("DATABASE_URL", None)
    from gantry.base import postgres
    from gantry.base.config import settings

    server = postgres.Embedded(settings())
    server.start()
    try:
        import django
        from django.core.management import call_command
        from django.db import connection

        from gantry.record.partitions import ensure_partitions

        django.setup()
        call_command("migrate", verbosity=0)
        ensure_partitions(connection, datetime.now(UTC))
        yield postgres.url(settings())
        connection.close()
        connection.close_pool()
    finally:
        server.stop()
        if kept is None:
            shutil.rmtree(home)


def make_job(created: datetime) -> int:
    from django.db import connection

    from gantry.resources.jobs import Job

    row = Job.objects.create(kind="job", name="bench", status="running", lease_epoch=1)
    Job.objects.filter(pk=row.pk).update(created=created)
    connection.close()  # the thread ends, and its place in the pool would stay taken
    return int(row.pk)


def postgres_cpu(data_dir: Path) -> float:
    """CPU seconds of the server: its processes, and those that have ended."""
    parent = int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rsplit(")", 1)[1].split()
            if int(stat.parent.name) == parent:
                ticks += sum(map(int, fields[11:15]))
            elif int(fields[1]) == parent:
                ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def body(number: int, secret: str) -> bytes:
    """A runner_on_ok of 1,457 bytes, written as the callback plug-in writes it."""
    head = {
        "uuid": f"{number:08x}-1111-4222-8333-444455556666", "event": "runner_on_ok",
        "job_id": 1, "pid": 4242, "created": f"2026-11-24T04:00:{number % 60:02}.123456+00:00",
        "parent_uuid": f"{number // 50:08x}-aaaa-bbbb-cccc-ddddeeeeffff",
        "stdout": f"\x1b[0;32mok: [node{number % 50:03}] => (item=package-{number})\x1b[0m",
    }  # fmt: skip
    data = {
        "playbook": "site.yml", "playbook_uuid": "c0ffee00-1111-2222-3333-444455556666",
        "play": "Web servers", "play_uuid": "deadbeef-1111-2222-3333-444455556666",
        "play_pattern": "web", "task": f"Install package {number // 50}",
        "task_uuid": f"{number // 50:08x}-aaaa-bbbb-cccc-ddddeeeeffff",
        "task_action": "ansible.builtin.package", "task_args": "",
        "task_path": "/runner/project/roles/web/tasks/main.yml:12", "role": "web",
        "host": f"node{number % 50:03}", "remote_addr": f"10.0.0.{number % 50}",
        "start": "2026-11-24T04:00:00.000000+00:00", "end": "2026-11-24T04:00:01.000000+00:00",
        "duration": 1.000123, "event_loop": None, "uuid": head["uuid"],
        "res": {
            "changed": number % 5 == 0, "msg": "", "rc": 0, "_ansible_no_log": False,
            "invocation": {"module_args": {"name": [f"package-{number}"], "state": "present"}},
        },
    }  # fmt: skip
    if secret:
        data["res"]["msg"] = f"token {secret}"  # type: ignore[index]
    encoded = _whole(head, data)
    data["res"]["pad"] = ("lorem ipsum dolor " * 90)[: EVENT_SIZE - len(encoded) - 9]  # type: ignore[index]
    return _whole(head, data)


def _whole(head: dict[str, Any], data: dict[str, Any]) -> bytes:
    dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
    return f'{dump(head)[:-1]},"event_data":{dump(data)}}}'.encode()


def stream(count: int, words: list[str]) -> bytes:
    """The frames of a job, one event in a hundred holding a secret."""
    from gantry.pods.frames import Frame, Kind, encode

    return b"".join(
        encode(Frame(Kind.EVENT, n, n, n - 1, 1, body(n, "" if n % 100 else words[n % 20])))
        for n in range(1, count + 1)
    )


async def run(url: str, count: int, size: int) -> dict[str, float]:
    from psycopg_pool import AsyncConnectionPool

    from gantry.base.config import settings
    from gantry.base.redact import Redactor
    from gantry.pods.frames import Frame, FrameDecoder
    from gantry.record.ingest import POOL, RecordedJob, Recorder

    created = datetime.now(UTC)
    number = await asyncio.to_thread(make_job, created)
    words = [secrets.token_urlsafe(18) for _ in range(20)]
    data = stream(count, words)
    redactor, decoder = Redactor(words), FrameDecoder()
    hosts = {f"node{n:03}": n for n in range(50)}
    async with AsyncConnectionPool(url, min_size=1, max_size=2, open=False, **POOL) as pool:
        recorder = Recorder(pool, RecordedJob(number, created, 1), redactor, hosts)
        wall, own, server = time.perf_counter(), own_cpu(), postgres_cpu(settings().data_dir)
        waiting: list[Frame] = []
        for at in range(0, len(data), 1 << 16):
            waiting.extend(decoder.feed(data[at : at + (1 << 16)]))
            while len(waiting) >= size:
                await recorder.record(waiting[:size])
                del waiting[:size]
        last = await recorder.record(waiting) if waiting else count
        assert last == count
        return {
            "wall": time.perf_counter() - wall,
            "own": own_cpu() - own,
            "server": postgres_cpu(settings().data_dir) - server,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--batch", type=int, nargs="*", default=[100, 1000])
    arguments = parser.parse_args()
    print("| batch | events/s | CPU ms an event | of it Gantry | of it PostgreSQL |")
    print("| --- | --- | --- | --- | --- |")
    with installation() as url:
        for size in arguments.batch:
            for _ in range(2):
                n = arguments.events
                took = asyncio.run(run(url, n, size))
                own, server = took["own"] * 1000 / n, took["server"] * 1000 / n
                print(
                    f"| {size} | {n / took['wall']:,.0f} | {own + server:.4f} | {own:.4f} |"
                    f" {server:.4f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
