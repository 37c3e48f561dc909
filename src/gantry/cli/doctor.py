"""`gantry doctor`: each check is a function that answers ok, warn or fail, and what mends it.

Runs without a database and without Django, since these may be what is missing.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from gantry.base.config import Settings, settings
from gantry.base.engine_probe import ping, probe_engine
from gantry.base.image_reference import parse_reference

MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}
ROOM = 5 << 30


@dataclass(frozen=True)
class Finding:
    verdict: str  # ok, warn, fail
    subject: str
    sentence: str
    cure: str = ""


def check_python(_: Settings) -> Iterator[Finding]:
    enough = sys.version_info >= (3, 11)
    yield Finding(
        "ok" if enough else "fail", "python", platform.python_version(),
        "" if enough else "Install Python 3.11 or newer.",
    )  # fmt: skip


def check_engine_programs(_: Settings) -> Iterator[Finding]:
    """podman itself, and what it needs here: runtime, ulimits, subuids, networks."""
    setup = probe_engine()
    if setup.works and not setup.problems:
        runtime = setup.runtime or "podman's default"
        limits = ", ".join(setup.ulimits or []) or "podman's default"
        yield Finding("ok", "podman", f"runtime {runtime}; ulimits {limits}")
    for problem in setup.problems:
        verdict = "warn" if setup.works else "fail"
        yield Finding(verdict, f"podman ({problem.code})", problem.sentence, problem.cure)


def check_engine_socket(s: Settings) -> Iterator[Finding]:
    url = s.engine_url or os.environ.get("DOCKER_HOST", "")
    path = Path(url.removeprefix("unix://")) if url else s.run_dir / "podman.sock"
    if url and not url.startswith("unix://"):
        yield Finding("ok", "engine socket", f"{url} is reached over the network; not tried here")
    elif ping(path):
        yield Finding("ok", "engine socket", f"an engine answers on {path}")
    elif url:
        yield Finding(
            "fail", "engine socket", f"nobody answers on {path}",
            "Start it: systemctl enable --now podman.socket (or docker.socket).",
        )  # fmt: skip
    else:
        yield Finding("ok", "engine socket", "`gantry up` starts a podman service of its own")


def check_data_dir(s: Settings) -> Iterator[Finding]:
    place = s.data_dir
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK):
        yield Finding(
            "fail", "data directory", f"{place} cannot be written",
            "Set GANTRY_DATA_DIR to a directory of yours.",
        )  # fmt: skip
    free = shutil.disk_usage(place).free
    yield Finding(
        "ok" if free > ROOM else "warn", "disk", f"{free >> 30} GiB free at {place}",
        "" if free > ROOM else "Images and records need room: 5 GiB at least.",
    )  # fmt: skip


def check_database(s: Settings) -> Iterator[Finding]:
    from gantry.base import postgres

    try:
        if s.database_url:
            import psycopg

            with psycopg.connect(s.database_url, connect_timeout=5) as connection:
                yield Finding("ok", "database", f"PostgreSQL {connection.info.server_version}")
            return
        here = postgres.Embedded(s)
        if not s.data_dir.exists():
            yield Finding("ok", "database", "embedded; `gantry up` makes it")
            return
        running = (here.directory / "PG_VERSION").exists() and here.running()
        yield Finding("ok", "database", f"embedded, {'running' if running else 'not running'}")
    except Exception as error:  # whatever is wrong with it is the finding
        yield Finding("fail", "database", str(error), "Check DATABASE_URL, or unset it.")


def check_registries(s: Settings) -> Iterator[Finding]:
    """Do the registries of the configured images answer from here?"""
    images = {s.control_plane_image, s.global_image}
    for host in sorted({parse_reference(image).registry for image in images}):
        if host == "localhost":
            yield Finding("ok", "registry", "images are local: none is needed")
            continue
        try:
            urllib.request.urlopen(f"https://{host}/v2/", timeout=5)
            yield Finding("ok", "registry", f"{host} answers")
        except urllib.error.HTTPError as error:
            yield Finding("ok", "registry", f"{host} answers ({error.code})")
        except (OSError, ValueError) as error:
            yield Finding(
                "warn", "registry", f"{host} does not answer: {error}",
                "Use images of a registry you reach, or build the starter EE: "
                "python -m gantry.images.starter",
            )  # fmt: skip


CHECKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    check_python,
    check_engine_programs,
    check_engine_socket,
    check_data_dir,
    check_database,
    check_registries,
)


def examine() -> int:
    """Print every finding; 1 if something fails."""
    s, failed = settings(), False
    for check in CHECKS:
        for finding in check(s):
            mark, colour = MARKS[finding.verdict]
            click.echo(click.style(mark, fg=colour) + f"  {finding.subject}: {finding.sentence}")
            if finding.cure:
                click.echo(f"      {finding.cure}")
            failed |= finding.verdict == "fail"
    return int(failed)
