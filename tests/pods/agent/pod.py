"""The real agent as a process of this machine, started as in a pod, and a controller's side of it.

What a test waits for has a deadline, which is there to end a broken test and is asserted nowhere.
"""

from __future__ import annotations

import io
import json
import os
import select
import struct
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gantry.pods.agent import source
from gantry.pods.frames import Frame, FrameDecoder, Kind, Order, order

DEADLINE = 30.0
PYTHON = os.environ.get("GANTRY_TEST_PYTHON", sys.executable)  # what runs the agent
NAMESPACE = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child",
             "--mount-proc"]  # fmt: skip
# The start of a program that speaks as the callback does.
SPEAKER = """
import json, os, struct, sys
fd = int(os.environ["GANTRY_EVENTS_FD"])
def say(number, size=0):
    body = json.dumps({"uuid": str(number), "event": "verbose", "stdout": "x" * size,
                       "event_data": {}}, separators=(",", ":")).encode()
    frame = struct.pack(">II", len(body), 1) + body
    while frame:
        frame = frame[os.write(fd, frame):]
"""


def has_namespaces() -> bool:
    try:
        return (
            subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0
        )
    except OSError:
        return False


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < until, condition
        select.select([], [], [], 0.01)


def tree(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


class Stream:
    """A controller's connection; `frames` is all that came by it."""

    def __init__(self, reader: int, writer: int, process: subprocess.Popen[bytes]) -> None:
        self.reader, self.writer, self.process = reader, writer, process
        self.frames: list[Frame] = []
        self._decoder = FrameDecoder()

    def send(self, kind: Order, body: bytes | dict[str, Any] = b"") -> None:
        self.write(order(kind, json.dumps(body).encode() if isinstance(body, dict) else body))

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.writer, data) :]

    def hello(self, epoch: int = 1, resume_from: int = 0, token: str = "secret") -> None:
        self.send(Order.HELLO, {"token": token, "epoch": epoch, "resume_from": resume_from})

    def payload(self, head: dict[str, Any], blob: bytes = b"") -> None:
        self.send(Order.PAYLOAD, head)
        for at in range(0, len(blob), 1000):
            self.send(Order.BLOB, blob[at : at + 1000])
        self.send(Order.BLOB)

    def ack(self, sequence: int | None = None) -> None:
        last = self.frames[-1].sequence if sequence is None else sequence
        self.send(Order.ACK, struct.pack(">Q", last))

    def read(self, size: int = 1 << 16) -> list[Frame] | None:
        """The next frames, at least one; None at the stream's end."""
        while True:
            ready = select.select([self.reader], [], [], DEADLINE)[0]
            assert ready, f"nothing came; so far {[Kind(f.kind).name for f in self.frames[-5:]]}"
            data = os.read(self.reader, size)
            if not data:
                return None
            frames = list(self._decoder.feed(data))
            self.frames += frames
            if frames:
                return frames

    def until(self, enough: Callable[[], bool], *, ack: bool = False) -> None:
        if ack and self.recorded:
            self.ack(self.recorded[-1])
        while not enough():
            frames = self.read()
            assert frames is not None, "the stream ended"
            if ack and frames[-1].sequence:
                self.ack()

    def welcome(self) -> dict[str, Any]:
        self.until(lambda: any(f.kind == Kind.WELCOME for f in self.frames))
        found: dict[str, Any] = json.loads(self.recent(Kind.WELCOME)[-1].body)
        return found

    def end(self, *, ack: bool = True) -> dict[str, Any]:
        self.until(lambda: any(f.kind == Kind.END for f in self.frames), ack=ack)
        if ack:
            self.ack()
        found: dict[str, Any] = json.loads(self.frames[-1].body)
        return found

    def ends(self) -> None:
        """Reads on until the other side has closed."""
        while self.read() is not None:
            pass

    def recent(self, kind: Kind) -> list[Frame]:
        return [f for f in self.frames if f.kind == kind]

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(f.body) for f in self.recent(Kind.EVENT)]

    @property
    def text(self) -> str:
        return "".join(e["stdout"] + "\n" for e in self.events)

    @property
    def recorded(self) -> list[int]:
        return [f.sequence for f in self.frames if f.sequence]


class Pod:
    """One agent with a home of its own; `first=True` makes it process 1 of its own namespace."""

    def __init__(
        self, home: Path, python: str = PYTHON, *, first: bool = False, **env: str
    ) -> None:
        self.home, self._python = home, [*(NAMESPACE if first else []), python]
        self._bridges: list[subprocess.Popen[bytes]] = []
        self.process = self._run(source.boot_command(str(home)), {**os.environ, **env})
        self.first = self._stream(self.process)
        self.first.write(source.boot_input())

    def _run(
        self, command: tuple[str, ...], env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*self._python, *command[1:]], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    @staticmethod
    def _stream(process: subprocess.Popen[bytes]) -> Stream:
        assert process.stdin is not None
        assert process.stdout is not None
        return Stream(process.stdout.fileno(), process.stdin.fileno(), process)

    def head(self, *argv: str, **values: Any) -> dict[str, Any]:
        return {
            "argv": list(argv) or ["true"], "cwd": str(self.home), "env": {}, "files": {},
            "directories": [], "tree": str(self.home), "ca_bundle": None, "ssh_keys": [],
            "artifacts": {}, "erase": [], "timeout": 0, "grace": 20, "spool": 64 << 20,
            "acknowledge_wait": 60, **values,
        }  # fmt: skip

    def python(self, program: str, **values: Any) -> dict[str, Any]:
        return self.head(sys.executable, "-c", SPEAKER + program, **values)

    def start(self, head: dict[str, Any], blob: bytes = b"") -> Stream:
        """Hello and payload on the first stream."""
        self.first.hello()
        self.first.payload(head, blob)
        return self.first

    def connect(self) -> Stream:
        """A second stream, by the bridge, as `Engine.reach` makes it."""
        wait_for(lambda: (self.home / ".gantry/agent.sock").exists())
        self._bridges.append(self._run(source.bridge_command(str(self.home))))
        return self._stream(self._bridges[-1])

    def exit_code(self) -> int:
        return self.process.wait(DEADLINE)

    def close(self) -> None:
        for process in (self.process, *self._bridges):
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                pipe.close()
