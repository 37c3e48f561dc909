"""The starter EE is made of the host's packages, runs ansible, and tells nothing of the host."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gantry.base.engine_probe import probe_engine
from gantry.images.podman_cli import Podman
from gantry.images.starter import COLLECTIONS, STARTER_IMAGE, build_starter_ee, wheels
from gantry.images.starter.distribution import distribution_sources, os_release

HARDENED = (
    *("run", "--rm", "--read-only", "--user=1000:0", "--cap-drop=ALL", "--network=none"),
    *("--security-opt=no-new-privileges", "--tmpfs=/runner:rw,mode=1777", "--tmpfs=/tmp"),
)


def test_only_the_distributions_own_sources_go_into_an_image() -> None:
    files = {
        "debian.sources": (
            "# a comment\nTypes: deb deb-src\nURIs: http://mirror.example/debian\n"
            "Suites: bookworm bookworm-updates other\nComponents: main\n"
            "Signed-By: /usr/share/keyrings/debian.gpg\n\n"
            "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm-backports\n"
            "Components: main\nEnabled: no\n\n"
            "Types: deb-src\nURIs: http://mirror.example/debian\nSuites: bookworm\n"
        ),
        "node.sources": "Types: deb\nURIs: https://vendor.example/node\nSuites: nodistro\n",
        "sources.list": (
            "deb [signed-by=/k.gpg arch=amd64] http://mirror.example/debian bookworm main contrib\n"
            "# deb http://mirror.example/debian bookworm main\n"
            "deb-src http://mirror.example/debian bookworm main\n"
            "deb https://vendor.example/apt cloud-sdk main\n"
            "deb http://security.example bookworm-security main\n"
        ),
    }

    sources = distribution_sources(files, "debian", "bookworm")

    assert sources[".sources"] == (
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\n"
        "Components: main\nSigned-By: /usr/share/keyrings/debian.gpg\n"
    )
    assert sources[".list"].splitlines() == [
        "deb [signed-by=/k.gpg arch=amd64] http://mirror.example/debian bookworm main contrib",
        "deb http://security.example bookworm-security main",
    ]


def test_moving_suite_names_are_debians_alone() -> None:
    files = {"a.list": "deb http://mirror.example/debian stable main\n"}

    assert distribution_sources(files, "debian", "trixie")[".list"]
    assert distribution_sources(files, "ubuntu", "noble") == {".list": "", ".sources": ""}


def test_os_release_is_read_with_and_without_quotes() -> None:
    assert os_release('ID=ubuntu\nVERSION_ID="24.04"\n') == {"ID": "ubuntu", "VERSION_ID": "24.04"}


def test_packages_that_do_not_exist_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(wheels.PackagesUnreachable, match="no-such-thing"):
        wheels.download(
            ["--no-index", "--find-links", str(tmp_path / "empty"), "gantry-no-such-thing"],
            tmp_path / "wheels",
            wheels.pip_target() or ["--python-version", "3.11"],
        )


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Podman:
    """podman with the starter EE in its store, built if need be."""
    conf_dir = tmp_path_factory.mktemp("podman")
    engine = probe_engine()
    assert engine.works, engine.problems
    lines: list[str] = []
    assert build_starter_ee(engine, log=lines.append, conf_dir=conf_dir) == STARTER_IMAGE
    assert lines
    return Podman.of(engine, conf_dir)


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(900)
def test_a_second_build_finds_the_first(podman: Podman) -> None:
    before = podman.image_id(STARTER_IMAGE)
    lines: list[str] = []

    build_starter_ee(probe_engine(), log=lines.append)

    assert lines == [f"starter EE: {STARTER_IMAGE} is here already"]
    assert podman.image_id(STARTER_IMAGE) == before


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(900)
def test_it_runs_ansible_without_any_right_to_write(podman: Podman) -> None:
    pinged = podman.run(*HARDENED, STARTER_IMAGE, "ansible", "localhost", "-m", "ping")

    assert "localhost | SUCCESS" in pinged


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(900)
def test_it_has_the_collections_and_no_ansible_runner(podman: Podman) -> None:
    listed = podman.run(*HARDENED, STARTER_IMAGE, "ansible-galaxy", "collection", "list")
    assert all(name in listed for name in COLLECTIONS)

    look = "import importlib.util as u; print(u.find_spec('ansible_runner'), u.find_spec('boto3'))"
    found = podman.run(*HARDENED, STARTER_IMAGE, "python3", "-c", look)
    assert found.startswith("None ModuleSpec")


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(900)
def test_every_module_is_compiled_so_that_a_launch_need_not(podman: Podman) -> None:
    look = (
        "find /usr/local/lib /usr/share/ansible -name '*.py' | wc -l;"
        "find /usr/local/lib /usr/share/ansible -name '*.pyc' | wc -l"
    )
    sources, compiled = podman.run(*HARDENED, STARTER_IMAGE, "sh", "-c", look).split()

    assert int(compiled) >= int(sources) - 10 > 1000


@pytest.mark.slow
@pytest.mark.engine
@pytest.mark.timeout(900)
def test_it_knows_nothing_of_the_host_that_made_it(podman: Podman) -> None:
    look = "cat /etc/apt/sources.list* /etc/apt/sources.list.d/* /etc/apt/apt.conf.d/99* 2>&1; true"
    assert "http" not in podman.run(*HARDENED, STARTER_IMAGE, "sh", "-c", look)

    told = podman.run("history", "--no-trunc", STARTER_IMAGE)
    told += podman.run("image", "inspect", STARTER_IMAGE)
    assert "http" not in told
    assert f'"{socket.gethostname()}"' not in told
