"""`gantry up`: database, engine service, web and controller on one machine, kept running.

The supervisor itself imports no Django: it is what sits idle all day.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import click

from gantry.base.config import Settings, settings
from gantry.base.engine_probe import EngineService, probe_engine, start_service
from gantry.base.errors import ConfigurationError, GantryError
from gantry.base.postgres import Embedded

RESTART_PAUSE = 1.0
STOP_PATIENCE = 15.0


def pid_file(s: Settings) -> Path:
    return s.run_dir / "gantry.pid"


def running_pid(s: Settings) -> int:
    """The pid of the `gantry up` of this data dir, 0 if none runs."""
    try:
        pid = int(pid_file(s).read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return 0
    return pid if b"gantry" in command else 0


def stop() -> str:
    """Ask the running `gantry up` to end and wait for it."""
    pid = running_pid(settings())
    if not pid:
        return "Gantry is not running."
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 2 * STOP_PATIENCE
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    return "Gantry has stopped."


class Supervisor:
    """Starts the processes in order, starts again what dies, ends them in reverse order."""

    def __init__(self) -> None:
        self.settings = settings()
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.service: EngineService | None = None
        self.database: Embedded | None = None
        self.stopping = False

    def run(self) -> int:
        s = self.settings
        if running_pid(s):
            raise ConfigurationError(
                f"Gantry already runs here (pid {running_pid(s)}): {s.public_url}",
                cure="`gantry down` stops it.",
            )
        s.make_data_dir()
        s.run_dir.mkdir(exist_ok=True, mode=0o700)
        pid_file(s).write_text(str(os.getpid()))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        try:
            environment = self._prepare()
            self._start("web", environment)
            self._start("controller", environment)
            click.echo(f"Gantry is at {s.public_url}")
            self._watch(environment)
        finally:
            self._end()
            pid_file(s).unlink(missing_ok=True)
        return 0

    def _prepare(self) -> dict[str, str]:
        if not self.settings.database_url:
            self.database = Embedded(self.settings)
            self.database.start()
        environment = dict(os.environ)
        if not self.settings.engine_url and "DOCKER_HOST" not in environment:
            self.service = start_service(self.settings.run_dir, probe_engine())
            environment["GANTRY_ENGINE_URL"] = self.service.url
        subprocess.run(
            [sys.executable, "-m", "gantry.cli.main", "migrate"], env=environment, check=True
        )
        return environment

    def _start(self, name: str, environment: dict[str, str], *arguments: str) -> None:
        self.children[name] = subprocess.Popen(
            [sys.executable, "-m", "gantry.cli.main", name, *arguments],
            env=environment, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def _watch(self, environment: dict[str, str]) -> None:
        """Start again whatever dies; a controller's successor need not wait for its leases."""
        while not self.stopping:
            time.sleep(RESTART_PAUSE)
            for name, child in list(self.children.items()):
                if self.stopping or child.poll() is None:
                    continue
                click.echo(f"{name} ended with {child.returncode}, starting it again", err=True)
                replaces = ["--replaces", str(child.pid)] if name == "controller" else []
                self._start(name, environment, *replaces)
            self._watch_service()

    def _watch_service(self) -> None:
        process = self.service.process if self.service else None
        if process is None or process.poll() is None or self.stopping:
            return
        click.echo("the engine service ended, starting it again", err=True)
        with contextlib.suppress(GantryError):
            self.service = start_service(self.settings.run_dir, probe_engine())

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _end(self) -> None:
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_PATIENCE
        for child in self.children.values():
            try:
                child.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if self.service is not None:
            self.service.stop()
        if self.database is not None:
            self.database.stop()
