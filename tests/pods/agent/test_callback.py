"""The callback in the pod against its model: ansible-runner's `awx_display`.

Every run is a real `ansible-playbook` of the environment under test (`GANTRY_TEST_PYTHON` names
another one), and the model's events come from a real `ansible-runner` on the same playbook.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

CALLBACK = Path(__file__).parents[3] / "src/gantry/pods/agent/callback.py"
FIXTURES = Path(__file__).parent / "fixtures"
BIN = Path(os.environ.get("GANTRY_TEST_PYTHON", sys.executable)).parent
FORCED = {
    "ANSIBLE_FORCE_COLOR": "True",
    "ANSIBLE_HOST_KEY_CHECKING": "False",
    "ANSIBLE_NOCOWS": "1",
    "LC_ALL": "C.UTF-8",
}


@dataclass
class Run:
    code: int
    events: list[dict[str, Any]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    output: str = ""

    def named(self, *names: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] in names]

    @property
    def text(self) -> str:
        """What a reader of the events sees, put together as the frames say."""
        parts = (
            event["stdout"] + "\r\n" * (lines - event["stdout"].count("\n"))
            for event, lines in zip(self.events, self.lines, strict=True)
        )
        return "".join(parts)


def read_frames(end: socket.socket, into: list[tuple[int, bytes]]) -> None:
    with end.makefile("rb") as stream:
        while head := stream.read(8):
            size, lines = struct.unpack(">II", head)
            into.append((lines, stream.read(size)))


def environment(tmp: Path, **extra: str) -> dict[str, str]:
    plugins = tmp / "plugins"
    plugins.mkdir(exist_ok=True)
    shutil.copy(CALLBACK, plugins / "gantry_events.py")
    keep = {key: value for key, value in os.environ.items() if not key.startswith("ANSIBLE_")}
    own = {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "HOME": str(tmp),
        "ANSIBLE_CALLBACK_PLUGINS": str(plugins),
        "ANSIBLE_STDOUT_CALLBACK": "gantry_events",
    }
    return {**keep, **FORCED, **own, **extra}


def play(tmp: Path, playbook: Path | str, *args: str, **extra: str) -> Run:
    """Runs ansible-playbook with the callback, and its end of the socket in our hands."""
    if isinstance(playbook, str):
        (tmp / "play.yml").write_text(playbook)
        playbook = tmp / "play.yml"
    ours, theirs = socket.socketpair()
    frames: list[tuple[int, bytes]] = []
    reader = threading.Thread(target=read_frames, args=(ours, frames))
    reader.start()
    with theirs:
        fd = theirs.fileno()
        done = subprocess.run(
            [BIN / "ansible-playbook", playbook, *args],
            env=environment(tmp, GANTRY_EVENTS_FD=str(fd), **extra),
            pass_fds=[fd],
            cwd=tmp,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    reader.join(30)
    ours.close()
    return Run(
        done.returncode,
        [orjson.loads(body) for _, body in frames],
        [lines for lines, _ in frames],
        done.stdout,
    )


def play_by_runner(tmp: Path, playbook: Path, *args: str) -> Run:
    """The same by ansible-runner: the model."""
    private = tmp / "private"
    (private / "project").mkdir(parents=True)
    (private / "env").mkdir()
    (private / "env" / "cmdline").write_text(" ".join(args))
    env = environment(tmp)
    for key in ("ANSIBLE_CALLBACK_PLUGINS", "ANSIBLE_STDOUT_CALLBACK"):
        del env[key]
    command = [BIN / "ansible-runner", "run", private, "-p", str(playbook), "-q", "--ident", "x"]
    done = subprocess.run(command, env=env, cwd=tmp, stdin=subprocess.DEVNULL, check=False)
    files = (private / "artifacts" / "x" / "job_events").glob("*.json")
    events = sorted((json.loads(file.read_text()) for file in files), key=lambda e: e["counter"])
    return Run(done.returncode, events)


# ---- comparing with the model -----------------------------------------------------------------

VOLATILE = {"pid", "created", "counter", "start_line", "end_line", "runner_ident", "start", "end",
            "duration", "delta", "ansible_job_id", "jid", "results_file", "task_path_line",
            "mtime", "ctime", "atime", "inode", "ansible_facts", "before_header", "after_header",
            "playbook"}  # fmt: skip
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NOISE = re.compile(
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d+|\d:\d\d:\d\d\.\d+|j?\d{9,}\.\d+|"
    r"ansible-(?:tmp|local)-[\w.-]+|tmp[a-z0-9_]{8}"
)


def comparable(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ids by the order they came in, nothing that time or the process id decides."""
    seen: dict[str, str] = {}

    def same(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: same(item) for key, item in value.items() if key not in VOLATILE}
        if isinstance(value, list):
            return [same(item) for item in value]
        if isinstance(value, str):
            value = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            value = UUID.sub(lambda m: seen.setdefault(m[0], f"uuid-{len(seen)}"), value)
            return NOISE.sub("~", value)
        return value

    keyed = ({key: event[key] for key in sorted(event)} for event in events)
    return [same(event) for event in keyed]


if __name__ == "__main__":
    tmp = Path(sys.argv[1])
    shutil.rmtree(tmp, ignore_errors=True)
    args = ["-i", str(FIXTURES / "hosts.yml"), *sys.argv[2:]]
    runs = []
    for name in "ab":
        (tmp / name / "work").mkdir(parents=True)
    a = play_by_runner(tmp / "a", FIXTURES / "site.yml", *args, "-e", f"work={tmp}/a/work")
    b = play(tmp / "b", FIXTURES / "site.yml", *args, "-e", f"work={tmp}/b/work")
    for name, run in (("a", a), ("b", b)):
        text = json.dumps(comparable(run.events), indent=1, sort_keys=True, ensure_ascii=False)
        Path(f"{tmp}/{name}.json").write_text(text.replace(f"{tmp}/{name}", "TMP"))
    print(a.code, b.code, len(a.events), len(b.events))
    print("OUTPUT", b.output)
