"""What is sent into a pod: Python 3.9 takes it, an older one says so, nothing else is needed."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gantry.pods import frames
from gantry.pods.agent import source, wire
from tests.pods.agent.pod import Pod, wait_for

SENT = [
    *(f"{name}.py" for name in source.AGENT),
    "loader.py",
    "bridge.py",
    *(f"sync/{path.name}" for path in (Path(source.__file__).parent / "sync").glob("*.py")),
    "callback.py",
]


def interpreters() -> list[tuple[str, tuple[int, ...]]]:
    """This one, and what pyenv has beside it."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = sorted((root / "versions").glob("*/bin/python")) if root.is_dir() else []
    versions = [(str(p), p.parts[-3].split(".")[:2]) for p in found]
    return [(p, tuple(map(int, v))) for p, v in versions if all(map(str.isdigit, v))]


NEW = [p for p, version in interpreters() if version >= source.OLDEST_PYTHON]
OLD = [p for p, version in interpreters() if version < source.OLDEST_PYTHON]


@pytest.mark.parametrize("name", SENT)
def test_every_file_sent_into_a_pod_is_python_3_9_and_imports_nothing_of_gantry(name: str) -> None:
    parsed = ast.parse(source.text(name), feature_version=source.OLDEST_PYTHON)

    imported = {n.module for n in ast.walk(parsed) if isinstance(n, ast.ImportFrom) and not n.level}
    imported |= {a.name for n in ast.walk(parsed) if isinstance(n, ast.Import) for a in n.names}
    assert not [m for m in imported if m and m.split(".")[0] == "gantry"]


def test_every_module_beside_the_agent_is_sent() -> None:
    here = {p.stem for p in Path(source.__file__).parent.glob("*.py")}

    programs = {"callback", "inventory"}  # files of a job's payload
    assert here - {"__init__", "source", "loader", "bridge"} - programs == {*source.AGENT}


def test_agent_and_controller_have_the_same_numbers() -> None:
    kinds = {k.name: k.value for k in frames.Kind} | {k.name: k.value for k in frames.Order}

    assert {name: getattr(wire, name) for name in kinds} == kinds
    assert wire.HEADER.format == frames.HEADER.format
    assert wire.COMMAND.format == frames.COMMAND.format
    assert wire.LARGEST_BODY == frames.LARGEST_BODY


@pytest.mark.parametrize("python", [sys.executable, *NEW])
def test_the_agent_runs_a_job_under_every_python_from_3_9(
    make_pod: Callable[..., Pod], python: str
) -> None:
    pod = make_pod(python=python)

    stream = pod.start(pod.head("sh", "-c", "echo hello; exit 3", timeout=60))

    end = stream.end()
    assert (end["rc"], end["reason"]) == (3, "exited")
    assert stream.text == "hello\n"
    assert pod.exit_code() == 0


@pytest.mark.parametrize("python", OLD)
def test_an_older_python_says_that_it_is_too_old(python: str) -> None:
    command = source.boot_command()

    ran = subprocess.run([python, *command[1:]], input=source.boot_input(), capture_output=True)

    assert ran.returncode == 1
    assert source.TOO_OLD in ran.stderr.decode()


def test_the_agent_stands_in_memory_alone(pod: Pod) -> None:
    pod.first.hello()
    pod.first.welcome()
    wait_for((pod.home / ".gantry/agent.sock").exists)

    assert [str(p.relative_to(pod.home)) for p in pod.home.rglob("*")] == [
        ".gantry", ".gantry/agent.sock",
    ]  # fmt: skip


def test_a_file_of_the_play_is_not_taken_for_a_module_of_the_agent(pod: Pod) -> None:
    for name in ("shutil", "tarfile", "datetime"):
        (pod.home / f"{name}.py").write_text("raise SystemExit('a stranger')")

    stream = pod.start(pod.head("echo", "fine", erase=[str(pod.home / "shutil.py")]))

    assert stream.end()["rc"] == 0


def test_a_stream_cut_in_the_boot_ends_the_pod(home: Path) -> None:
    command = source.boot_command(str(home))

    ran = subprocess.run([sys.executable, *command[1:]], input=source.boot_input()[:5000])

    assert ran.returncode == 4


def test_the_bridge_says_that_no_agent_listens(home: Path) -> None:
    command = source.bridge_command(str(home))

    ran = subprocess.run([sys.executable, *command[1:]], input=b"", capture_output=True)

    assert ran.returncode == 5
    assert b"no agent listens" in ran.stderr


def test_the_agent_loads_no_slow_module_before_it_hears_the_controller() -> None:
    program = source.boot_input().partition(b"\n")[2].decode()
    probe = program[: program.rindex("sys.exit(run(")] + (
        "\nimport json\nsys.meta_path.insert(0, Loader(json.loads(sys.argv[1])))\n"
        "from gantry_agent import agent\nprint(json.dumps(sorted(sys.modules)))"
    )
    sources = json.dumps({name: source.text(f"{name}.py") for name in source.AGENT})

    ran = subprocess.run([sys.executable, "-S", "-c", probe, sources], capture_output=True)

    slow = {"typing", "tarfile", "subprocess", "socket", "shutil", "datetime", "inspect"}
    assert slow & set(json.loads(ran.stdout)) == set()
