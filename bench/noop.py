"""An engine whose pods run nothing: what is left is the controller's own work for a job.

Its agent answers as pods/agent does: welcome, started, one line of output, end. Run as a program it
is a controller on the installation of GANTRY_DATA_DIR, as `gantry controller` is.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator

from gantry.pods.contract import FoundPod, Image, PodSpec, PodState, PodStream, PullProgress
from gantry.pods.frames import COMMAND, Frame, Kind, Order, encode

DIGEST = "sha256:" + "a" * 64
IMAGE = Image("b" * 64, DIGEST, "linux/amd64", (DIGEST,))
END = {"rc": 0, "reason": "", "erased": {"paths": ["/runner"], "left": []}}


def _frames() -> Iterator[Frame]:
    yield Frame(Kind.STARTED, 1, 0, 0, 0, json.dumps({"argv": [], "cwd": "/", "env": {}}).encode())
    yield Frame(Kind.END, 2, 0, 0, 0, json.dumps(END).encode())


class Stream:
    """Ends when it has been told to go, after `seconds`."""

    complaints = ""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._input = bytearray()
        self._said: asyncio.Queue[bytes] = asyncio.Queue()
        welcome = json.dumps({"state": "waiting", "sequence": 0, "oldest": 0}).encode()
        self._said.put_nowait(encode(Frame(Kind.WELCOME, 0, 0, 0, 0, welcome)))
        self._going = False

    async def write(self, data: bytes) -> None:
        if not self._going and data.endswith(COMMAND.pack(Order.BLOB, 0)):
            self._going = True
            asyncio.get_running_loop().call_later(self.seconds, self._end)

    def _end(self) -> None:
        self._said.put_nowait(b"".join(encode(frame) for frame in _frames()))

    async def read(self) -> bytes:
        return await self._said.get()

    async def close(self) -> None:
        return None


class NoopEngine:
    name = "unix:///nowhere"

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.pods: dict[str, PodSpec] = {}

    async def image(self, reference: str) -> Image | None:
        return IMAGE

    async def image_by_digest(self, digest: str) -> Image | None:
        return IMAGE

    async def has(self, image_id: str) -> bool:
        return True

    async def meant(self, reference: str) -> str | None:
        return IMAGE.id

    async def tag(self, reference: str, name: str) -> None:
        return None

    async def pull(
        self, reference: str, login: object, on_progress: Callable[[PullProgress], None]
    ) -> None:
        return None

    async def create(self, spec: PodSpec) -> str:
        self.pods[spec.name] = spec
        return spec.name

    async def ready(self, pod: str, tell: Callable[[str], None]) -> None:
        return None

    async def start(self, pod: str) -> PodStream:
        return Stream(self.seconds)

    async def reach(self, pod: str, bridge: tuple[str, ...]) -> PodStream:
        return Stream(self.seconds)

    async def inspect(self, pod: str) -> PodState:
        return PodState("running" if pod in self.pods else "gone")

    async def stop(self, pod: str, grace: int) -> None:
        return None

    async def remove(self, pod: str) -> None:
        self.pods.pop(pod, None)

    async def events(self, pod: str, since: float) -> list[str]:
        return []

    async def find(self, instance: str) -> list[FoundPod]:
        return []

    async def close(self) -> None:
        return None


def main() -> None:
    import django

    django.setup()
    from gantry.base.config import settings
    from gantry.control.main import serve
    from gantry.triggers import schedules

    engine = NoopEngine(float(os.environ.get("BENCH_SECONDS", "0")))
    asyncio.run(serve(settings(), engine, (schedules.watch,)))


if __name__ == "__main__":
    main()
