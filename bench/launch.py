"""Launch request to first event committed, against the first line of bare `podman run`.

    python bench/launch.py [--rounds 10]

Both run the same play in the same image with the same network mode, in turn, A B A B: read the
ratio. Starts a Gantry of its own (web, controller, embedded PostgreSQL) in a temporary directory.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from base64 import b64encode
from pathlib import Path

IMAGE = "localhost/gantry/starter-ee:latest"
PLAY = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ping:\n    - ping:\n"
HOSTS = "[all]\nalpha ansible_connection=local ansible_python_interpreter=/usr/bin/python3\n"
PASSWORD = "bench"


def bare(conf: Path, folder: Path) -> float:
    """Seconds from exec to the first line of ansible-playbook."""
    command = [
        "podman", "run", "--rm", "--user=1000:0", "--cap-drop=ALL", "--read-only",
        "--tmpfs=/runner:rw,exec,mode=1777", "--env=HOME=/runner", f"--volume={folder}:/play:ro",
        "--log-driver=none", IMAGE, "ansible-playbook", "-i", "/play/hosts", "/play/site.yml",
    ]  # fmt: skip
    began = time.perf_counter()
    env = {**os.environ, **({"CONTAINERS_CONF": str(conf)} if conf else {})}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=env)
    assert process.stdout is not None
    while not process.stdout.readline().strip():
        pass
    first = time.perf_counter() - began
    process.stdout.read()
    process.wait()
    return first


def launched(url: str, template: int, database: str) -> tuple[float, float, dict[str, float]]:
    """Seconds from sending POST to the answer, and to the first event readable in PostgreSQL."""
    import psycopg

    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("LISTEN gantry_events")
        token = b64encode(f"admin:{PASSWORD}".encode()).decode()
        request = urllib.request.Request(
            f"{url}/api/v2/job_templates/{template}/launch/", data=b"{}", method="POST",
            headers={"Authorization": f"Basic {token}", "Content-Type": "application/json"},
        )  # fmt: skip
        began = time.perf_counter()
        with urllib.request.urlopen(request) as reply:
            job = json.load(reply)["job"]
        answered = time.perf_counter() - began
        first = 0.0
        while not first:
            select.select([connection], [], [], 10)
            for notice in connection.notifies(timeout=0):
                number, counter, _ = notice.payload.split(":")
                if int(number) == job and int(counter) > 0:
                    first = time.perf_counter() - began
        stages = {}
        while "done" not in stages:
            row = connection.execute(
                "SELECT stage_times FROM resources_unifiedjob WHERE id = %s", [job]
            ).fetchone()
            assert row is not None
            stages = row[0]
            time.sleep(0.05)
    return answered, first, stages


@contextlib.contextmanager
def gantry(data: Path):
    """A whole Gantry; yields its url and its database's."""
    os.environ.update(
        GANTRY_DATA_DIR=str(data), GANTRY_PORT="8149", GANTRY_ADMIN_PASSWORD=PASSWORD,
        GANTRY_CONTROL_PLANE_IMAGE=IMAGE, GANTRY_GLOBAL_IMAGE=IMAGE, GANTRY_LOG_LEVEL="warning",
        DJANGO_SETTINGS_MODULE="gantry.base.django",
    )  # fmt: skip
    process = subprocess.Popen([sys.executable, "-m", "gantry.cli.main", "up"])
    try:
        url = "http://127.0.0.1:8149"
        for _ in range(300):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/api/v2/ping/").close()
                break
            time.sleep(0.1)
        from gantry.base import postgres
        from gantry.base.config import settings

        yield url, postgres.url(settings())
    finally:
        process.terminate()
        process.wait()


def make_template() -> int:
    import django

    django.setup()
    from tests.journeys.world import World

    world = World.make(IMAGE, hosts=("alpha",))
    return int(world.template(PLAY, allow_simultaneous=True).pk)


def report(rows: list[tuple[float, float, float]]) -> None:
    bares, answers, firsts = (sorted(column) for column in zip(*rows, strict=True))
    print("\n| seconds, median (min to max) | |\n| --- | --- |")
    for name, values in (
        ("bare `podman run`, first line", bares),
        ("POST answered", answers),
        ("launch request to first event committed", firsts),
    ):
        middle = statistics.median(values)
        print(f"| {name} | {middle:.3f} ({values[0]:.3f} to {values[-1]:.3f}) |")
    ratios = sorted(first / alone for alone, _, first in rows)
    print(
        f"| **ratio**, pair by pair | **{statistics.median(ratios):.2f}** "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f}) |"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    home = Path(tempfile.mkdtemp(prefix="gantry-bench-"))
    home.chmod(0o711)
    (home / "play").mkdir()
    (home / "play/site.yml").write_text(PLAY)
    (home / "play/hosts").write_text(HOSTS)
    rows = []
    with gantry(home / "data") as (url, database):
        template = make_template()
        conf = home / "data/run/containers.conf"
        launched(url, template, database)
        bare(conf if conf.exists() else Path(), home / "play")
        for _ in range(rounds):
            alone = bare(conf, home / "play")
            answered, first, stages = launched(url, template, database)
            rows.append((alone, answered, first))
            print(f"bare {alone:.3f}  answered {answered:.3f}  first event {first:.3f}", stages)
    report(rows)


if __name__ == "__main__":
    main()
