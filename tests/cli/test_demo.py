"""The README's first command, as a person runs it: from nothing to a record, again, and stopped."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """A data directory of the test's own, which the database's user can reach; this venv."""
    data = Path(f"/tmp/gantry-demo-{os.getpid()}")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GANTRY_", "DJANGO_"))}
    environment = {
        **kept, "GANTRY_DATA_DIR": str(data), "GANTRY_ADMIN_PASSWORD": "correct horse",
        "GANTRY_VENV": sys.prefix,
    }  # fmt: skip
    yield environment
    demo(environment, "--stop")
    subprocess.run(["rm", "-rf", str(data)], check=True)


def demo(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts/demo", *arguments], env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def containers(label: str) -> str:
    listed = subprocess.run(
        ["podman", "ps", "--all", "--quiet", "--filter", f"label={label}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return listed.stdout.strip()


def test_the_demo_runs_unattended_twice_and_leaves_nothing_when_stopped(
    environment: dict[str, str],
) -> None:
    first = demo(environment)

    assert first.returncode == 0, first.stdout + first.stderr
    assert re.search(r"Job 1 in the browser: http://127\.0\.0\.1:\d+/jobs/1/", first.stdout)
    for told in ("status     successful", "why        organization default of Demo",
                 "digest     sha256:", "commit     ", "host       node1: ok=",
                 "removed and checked gone", "pin    Demo EE runs sha256:", "drift  Its jobs run",
                 "python hvac: not there -> 2.3.0", "python packaging: "):  # fmt: skip
        assert told in first.stdout

    again = demo(environment)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "is here already" in again.stdout

    stopped = demo(environment, "--stop")
    assert stopped.returncode == 0, stopped.stdout + stopped.stderr
    assert containers("gantry.demo=1") == ""
    data = environment["GANTRY_DATA_DIR"]
    left = [p for p in Path("/proc").glob("[0-9]*") if works_for(p, data)]
    assert left == []


def works_for(process: Path, data: str) -> bool:
    try:
        return f"GANTRY_DATA_DIR={data}".encode() in (process / "environ").read_bytes()
    except OSError:
        return False
