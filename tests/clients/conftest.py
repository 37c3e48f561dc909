"""Programs written for AWX, run against a web process of Gantry's on a port of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.api.conftest import api  # noqa: F401  # a fixture
from tests.clients.exports import run_awx
from tests.journeys.git_server import GitServer, Repository
from tests.journeys.world import PING
from tests.web.conftest import Server

Awx = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def server(database: str) -> Iterator[Server]:
    running = Server()
    running.start()
    yield running
    running.kill()


@pytest.fixture(scope="session")
def playbooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a repository with site.yml, wait.yml that never ends, and hosts.ini."""
    home: Path = tmp_path_factory.mktemp("git")
    repository = Repository(home, "playbooks")
    waits = "- hosts: all\n  gather_facts: false\n  tasks:\n    - pause: {minutes: 60}\n"
    repository.commit(
        "first", {"site.yml": PING, "wait.yml": waits, "hosts.ini": "[web]\nweb1\nweb2\n"}
    )
    server = GitServer(home / "served")
    yield server.of(repository)
    server.stop()


@pytest.fixture
def awx(db: str, server: Server) -> Awx:
    """`awx` of awxkit 24.6.1, which scripts/test installs apart."""

    def run(
        *arguments: str, given: str | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return run_awx(server.url, *arguments, given=given, **variables)

    return run
