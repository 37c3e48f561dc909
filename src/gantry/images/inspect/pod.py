"""Runs the probe in a pod of the image: without network, not root, read-only, limited, then gone.

The engine's own part (size, layers, labels) is asked for meanwhile. Nothing of the pod is trusted:
its output and its time have an end here, its memory and processes at the engine.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from gantry.base.errors import EngineError, EngineUnreachable, GantryError
from gantry.images.inspect import answer
from gantry.images.inspect.contents import Contents
from gantry.pods.contract import Engine, Image, Limits, PodSpec
from gantry.pods.image_store import ImageConfig

TIME = 60.0  # seconds for a whole inspection; one of 1,000 packages takes less than one
LIMITS = Limits(memory=1 << 30, pids=64)
SCRATCH = 16 << 20
EE_CURE = (
    "An execution environment needs python3 (3.6 or newer to be looked into) and ansible-core."
)
HOSTILE_CURE = "Do not run jobs in this image before you know where it comes from."


class Describes(Protocol):
    """The part of pods.image_store.ImageStore that is needed here."""

    async def config(self, reference: str) -> ImageConfig | None:
        """The image's own words about itself; None when it is not here."""


class NotInspected(GantryError):
    """The probe gave no answer."""

    code = "not_inspected"


@lru_cache(maxsize=1)
def probe() -> str:
    return Path(__file__).with_name("probe.py").read_text()


def pod_spec(name: str, image_id: str, labels: dict[str, str], user: str) -> PodSpec:
    return PodSpec(
        name=name, image=image_id, command=("python3", "-S", "-u", "-c", probe()), labels=labels,
        user=user, tmpfs={"/tmp": SCRATCH}, limits=LIMITS, network="none",  # noqa: S108
    )  # fmt: skip


async def look(engine: Engine, store: Describes, image: Image, spec: PodSpec) -> Contents:
    """What is inside `image`. What the image is to blame for is told in the result; raises
    EngineError for what the engine is. No pod is left, unless this process is killed."""
    began = time.monotonic()
    found = Contents(reference="", digest=image.digest, platform=image.platform, image_id=image.id)
    config, output = await asyncio.gather(
        store.config(image.id), _output(engine, spec), return_exceptions=True
    )
    for part in (config, output):
        if isinstance(part, BaseException) and not isinstance(part, NotInspected):
            raise part
    assert not isinstance(config, BaseException)
    if config is not None:
        describe(found, config)
    try:
        if isinstance(output, NotInspected):
            raise output
        assert not isinstance(output, BaseException)
        await asyncio.to_thread(answer.take, output, found)
    except answer.NotTold as error:
        found.error, found.cure = f"The image's python3 misbehaved: {error}.", HOSTILE_CURE
    except NotInspected as error:
        found.error, found.cure = error.sentence, error.cure
    found.seconds = time.monotonic() - began
    return found


def describe(found: Contents, config: ImageConfig) -> None:
    """The engine's part. Labels and the like are the image's words too, hence cut to size."""
    words = answer.text
    found.user = words(config.user, 200)
    found.entrypoint = [words(word) for word in config.entrypoint[:100]]
    found.command = [words(word) for word in config.command[:100]]
    labels = list(config.labels.items())[:200]
    found.labels = {words(key): words(value, 2000) for key, value in labels}
    found.size, found.created = config.size, config.created
    found.layers = [words(layer) for layer in config.layers[:500]]


async def _output(engine: Engine, spec: PodSpec) -> bytes:
    """What the probe printed. Raises NotInspected, EngineError."""
    try:
        async with asyncio.timeout(TIME):
            return await _run(engine, spec)
    except TimeoutError as error:
        raise NotInspected(
            f"The image's python3 gave no answer in {TIME:.0f} s.", cure=HOSTILE_CURE
        ) from error
    except EngineUnreachable:
        raise
    except EngineError as error:
        raise _explained(error) from error
    finally:
        # Shielded: a cancel must not leave the pod behind.
        await asyncio.shield(_remove(engine, spec.name))


async def _run(engine: Engine, spec: PodSpec) -> bytes:
    pod = await engine.create(spec)
    stream = await engine.start(pod)
    output = bytearray()
    try:
        while data := await stream.read():
            output += data
            if len(output) > answer.MOST_OUTPUT:
                raise NotInspected(
                    f"The image's python3 printed more than {answer.MOST_OUTPUT >> 20} MiB.",
                    cure=HOSTILE_CURE,
                )
    finally:
        await stream.close()
    if output.find(answer.MARK.encode()) < 0:
        # podman learns of an end a moment after the stream does.
        while (state := await engine.inspect(pod)).state == "running":
            await asyncio.sleep(0.05)
        if state.exit_code or state.oom_killed:
            said = answer.text(stream.complaints[-answer.LONGEST :])
            why = "it ran out of memory" if state.oom_killed else f"exit code {state.exit_code}"
            raise NotInspected(
                f"The image's python3 could not look around ({why}). {said}".strip(), cure=EE_CURE
            )
    return bytes(output)


async def _remove(engine: Engine, pod: str) -> None:
    with contextlib.suppress(EngineError):  # the sweep finds it
        await engine.remove(pod)


def _explained(error: EngineError) -> GantryError:
    lower = error.sentence.lower()
    if "python3" in lower and ("not found" in lower or "no such file" in lower):
        return NotInspected("There is no python3 in the image to look around with.", cure=EE_CURE)
    if "exec format error" in lower:
        return NotInspected(
            "The image is built for another processor than the engine's machine has.",
            cure="Use an image for the platform of the engine's machine.",
        )
    return error
