"""The Git servers and repositories of these journeys."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gantry.base.engine_probe import probe_engine
from gantry.cli.demo import keys
from gantry.cli.demo.images import build_demo_images
from gantry.images.podman_cli import Podman
from tests.journeys.git_server import GitServer, Repository, host_address
from tests.journeys.node import Node, ssh_key
from tests.journeys.projects.projects import SITE


@pytest.fixture(scope="package")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("git")


@pytest.fixture(scope="package")
def demo(ground: Path) -> Repository:
    """A history with a branch, a tag, a pull request, a submodule and a link out of the tree."""
    library = Repository(ground, "library")
    library.commit("library", {"tasks/greet.yml": "- debug: {msg: 'hello from the library'}\n"})
    demo = Repository(ground, "demo")
    demo.commit("first", {"site.yml": SITE % "first", "README.md": "no playbook\n"})
    demo.git("tag", "v1")
    demo.git("checkout", "--quiet", "-b", "feature/x")
    demo.commit("feature", {"site.yml": SITE % "feature", "only-here.yml": SITE % "extra"})
    demo.git("checkout", "--quiet", "--detach", "v1")
    demo.commit("pull", {"site.yml": SITE % "pull request"})
    demo.git("update-ref", "refs/pull/7/head", demo.commits["pull"])
    demo.git("checkout", "--quiet", "main")
    demo.git("submodule", "add", "--quiet", str(library.bare), "library")
    demo.git("config", "--file", ".gitmodules", "submodule.library.url", "../library.git")
    demo.commit(
        "main",
        {
            "site.yml": SITE % "main",
            "plays/deploy.yml": "# first a comment\n- hosts: all\n",
            "roles/web/tasks/main.yml": "- ping:\n",
            "inventory/hosts.ini": "[web]\nalpha\n",
            "greet.yml": "- hosts: all\n  gather_facts: false\n  tasks:\n"
            "    - include_tasks: library/tasks/greet.yml\n",
        },
        links={"outside.yml": "/etc/hostname.yml", "inside.yml": "site.yml", "way-out": "/etc"},
    )
    demo.publish()
    return demo


@pytest.fixture(scope="package")
def http(ground: Path, demo: Repository) -> Iterator[GitServer]:
    server = GitServer(ground / "served")
    yield server
    server.stop()


@pytest.fixture(scope="package")
def private(ground: Path, demo: Repository) -> Iterator[GitServer]:
    """HTTPS by a self-made authority, and a password."""
    folder = ground / "tls"
    folder.mkdir()
    server_ca = keys.server_certificate(folder, folder, "git.example.org", host_address())
    server = GitServer(ground / "served", password=True, tls=folder)
    server.ca = server_ca  # type: ignore[attr-defined]
    yield server
    server.stop()


@pytest.fixture(scope="package")
def podman(ground: Path) -> Podman:
    return Podman.of(probe_engine(), ground)


@pytest.fixture(scope="package")
def ssh(podman: Podman, ground: Path) -> Iterator[tuple[Node, str]]:
    """A Git server over SSH, and the private key that opens it."""
    build_demo_images(probe_engine(), log=print, conf_dir=ground)
    private_key, public_key = ssh_key()
    node = Node(podman, public_key, f"gantry-test-git-{os.getpid()}").start()
    yield node, private_key
    node.stop()
