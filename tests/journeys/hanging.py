"""A controller that stops dead at chosen points of the path, so that it can be killed just there.

`python -m tests.journeys.hanging` is `gantry controller`, but that a job whose name is one of
POINTS hangs there for ever. It prints the point's name when it has come to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

# In the order of the path. `queued` is no point to hang at: nobody holds the job yet.
POINTS = (
    "resolving",
    "pulling",
    "preparing",
    "before the pod is created",
    "before the pod is started",
    "the agent half sent",
    "the payload half sent",
    "before the go",
    "after the go",
    "before the first frame is recorded",
    "in the middle of the play",
    "before the end is recorded",
    "before the end is acknowledged",
    "before the pod is removed",
    "before the proof is kept",
    "before the job is ended",
)
_point: ContextVar[str] = ContextVar("point", default="")


async def hang(point: str) -> None:
    print(point, flush=True)
    await asyncio.Event().wait()


def hang_before(owner: Any, name: str, point: str, when: Callable[..., bool] | None = None) -> None:
    """Let `owner.name` hang instead of running, where `when` says so of its arguments."""
    original: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def patched(*args: Any, **kwargs: Any) -> Any:
        if _point.get() == point and (when is None or when(*args, **kwargs)):
            await hang(point)
        return await original(*args, **kwargs)

    setattr(owner, name, patched)


def hang_after(owner: Any, name: str, point: str, when: Callable[..., bool]) -> None:
    original: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def patched(*args: Any, **kwargs: Any) -> Any:
        result = await original(*args, **kwargs)
        if _point.get() == point and when(*args, **kwargs):
            await hang(point)
        return result

    setattr(owner, name, patched)


def hang_in_the_middle_of_a_write(point: str, when: Callable[[bytes], bool]) -> None:
    from gantry.pods.docker_api import DockerStream

    original = DockerStream.write

    async def patched(self: DockerStream, data: bytes) -> None:
        if _point.get() == point and when(data):
            await original(self, data[: len(data) // 2])
            await hang(point)
        await original(self, data)

    DockerStream.write = patched  # type: ignore[method-assign]


def patch() -> None:
    from gantry.control import rows, walk
    from gantry.path.pod import GO
    from gantry.path.pull import Puller
    from gantry.pods.agent import source
    from gantry.pods.docker_api import DockerEngine, DockerStream
    from gantry.pods.frames import Kind, Order
    from gantry.record.ingest import Recorder

    def is_end(_: Recorder, frames: list[Any]) -> bool:
        return frames[-1].kind == Kind.END

    def is_go(_: DockerStream, data: bytes) -> bool:
        return data == GO

    hang_before(rows, "resolve", "resolving")
    hang_before(Puller, "obtain", "pulling")
    hang_before(rows, "prepare", "preparing")
    hang_before(DockerEngine, "create", "before the pod is created")
    hang_before(DockerEngine, "start", "before the pod is started")
    boot = source.boot_input()[:20]
    hang_in_the_middle_of_a_write("the agent half sent", lambda data: data.startswith(boot))
    hang_in_the_middle_of_a_write(
        "the payload half sent", lambda data: data[0] == Order.PAYLOAD and len(data) > 1000
    )
    hang_before(DockerStream, "write", "before the go", is_go)
    hang_after(DockerStream, "write", "after the go", is_go)
    hang_before(Recorder, "record", "before the first frame is recorded")
    hang_before(
        Recorder, "record", "in the middle of the play", lambda _, frames: frames[-1].counter > 20
    )
    hang_before(Recorder, "record", "before the end is recorded", is_end)
    hang_after(Recorder, "record", "before the end is acknowledged", is_end)
    hang_before(walk, "remove_pod", "before the pod is removed")
    hang_before(rows, "keep_proof", "before the proof is kept")
    hang_before(rows, "end", "before the job is ended")
    _name_the_point(walk.Walk)


def _name_the_point(walk: Any) -> None:
    """Every task of a walk knows the point of its job, by inheriting its context."""
    original = walk.walk

    async def patched(self: Any) -> None:
        _point.set(self.job.name)
        await original(self)

    walk.walk = patched


if __name__ == "__main__":
    from gantry.cli.main import main
    from gantry.cli.setup import setup_django

    setup_django()
    patch()
    main(["controller"])
