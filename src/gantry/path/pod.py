"""Step 5, start: the pod's specification, and its start with the payload on the stream.

One pod for one job: not root, no capabilities, a read-only image, memory for everything it writes.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator

from gantry.base.config import Settings
from gantry.base.crypto import key_ring
from gantry.base.errors import EngineBusy, EngineError, EngineUnreachable, JobFailure
from gantry.path.payload import Payload
from gantry.pods.agent import source
from gantry.pods.contract import (
    LABEL_ATTEMPT,
    LABEL_INSTANCE,
    LABEL_JOB,
    Engine,
    Limits,
    PodSpec,
    PodStream,
)
from gantry.pods.frames import Order, order
from gantry.resources.jobs import UnifiedJob

PIECE = 1 << 20
SCRATCH = 256 << 20
# The end of the payload, at which the agent begins. Sent only after the row says `running`: a pod
# of a job that is still `starting` has certainly run nothing, and may be replaced.
GO = order(Order.BLOB)


def pod_name(instance: str, job: int, attempt: int) -> str:
    """Chosen by us and written down before the pod is made, so that no crash can lose it."""
    return f"gantry-{instance[:8]}-job-{job}-{attempt}"


def build_pod_spec(
    job: UnifiedJob, instance: str, image_id: str, on_disk: tuple[str, ...], s: Settings
) -> PodSpec:
    """Pure: everything the engine is told. Nothing in it is secret."""
    return PodSpec(
        name=pod_name(instance, job.pk, job.attempt),
        image=image_id,
        command=source.boot_command(),
        labels={
            LABEL_JOB: str(job.pk),
            LABEL_INSTANCE: instance,
            LABEL_ATTEMPT: str(job.attempt),
        },
        user=s.pod_user,
        tmpfs={"/runner": s.pod_tmpfs, "/tmp": SCRATCH, "/var/tmp": SCRATCH},  # noqa: S108
        environment={"HOME": "/runner"},
        disk=on_disk,
        limits=Limits(s.pod_memory, s.pod_cpus, s.pod_pids, s.pod_nofile, s.pod_nproc),
        network=s.pod_network,
    )


def token(job: UnifiedJob) -> str:
    """Proves to the agent that a stream comes from this installation's controllers."""
    key = next(iter(key_ring().keys.values()))
    return hmac.new(key, f"agent:{job.pk}:{job.attempt}".encode(), hashlib.sha256).hexdigest()


def hello(job: UnifiedJob) -> bytes:
    body = {"token": token(job), "epoch": job.lease_epoch, "resume_from": job.acknowledged}
    return order(Order.HELLO, json.dumps(body).encode())


def orders(payload: Payload) -> Iterator[bytes]:
    """The payload as the agent takes it: the head, facts and tree in pieces; GO comes after."""
    yield order(Order.PAYLOAD, json.dumps(payload.head).encode())
    for piece in payload.facts:
        yield order(Order.BLOB, piece)
    for chunk in payload.tree:
        for at in range(0, len(chunk), PIECE):
            yield order(Order.BLOB, chunk[at : at + PIECE])


async def create_pod(engine: Engine, spec: PodSpec) -> str:
    """The engine's id. Raises EngineBusy while there is no room for it."""
    with _explained():
        return await engine.create(spec)


async def until_ready(engine: Engine, pod: str, tell: Callable[[str], None]) -> None:
    with _explained():
        await engine.ready(pod, tell)


async def start_pod(engine: Engine, pod: str, first: bytes) -> PodStream:
    """Start, and say hello; the payload follows."""
    with _explained():
        stream = await engine.start(pod)
    # A pod that has ended already (its python3 too old, say) takes no input, but what it said can
    # be read from its stream all the same.
    with contextlib.suppress(EngineUnreachable):
        await stream.write(source.boot_input() + first)
    return stream


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except (EngineUnreachable, EngineBusy):
        raise
    except EngineError as error:
        raise explain_start(error.sentence) from error


def explain_start(words: str) -> JobFailure:
    """What an engine means when it cannot start a pod."""
    lower = words.lower()
    if "python3" in lower and ("not found" in lower or "no such file" in lower):
        return JobFailure(
            f"The image has no python3: {words}",
            cure="Use an execution environment with python3 (3.9 or newer) and ansible-core.",
            code="image_without_python",
        )
    if "exec format error" in lower:
        return JobFailure(
            f"The image is built for another processor: {words}",
            cure="Use an image for the platform of the engine's machine.",
            code="wrong_platform",
        )
    if "rlimit" in lower:
        return JobFailure(
            f"The engine may not set the limits it was asked for: {words}",
            cure="Run `gantry doctor`; it names the limits that this machine allows.",
            code="engine_limits",
        )
    if "no space left" in lower:
        return JobFailure(
            f"The engine's disk is full: {words}",
            cure="Remove images that are no longer used (`podman image prune -a`) or add disk.",
            code="disk_full",
        )
    if "network" in lower:
        return JobFailure(
            f"The pod's network could not be made: {words}",
            cure="Check GANTRY_POD_NETWORK and the engine's networks (`podman network ls`).",
            code="engine_network",
        )
    return JobFailure(
        f"The pod could not be started. {words}",
        cure="The engine's words say why; `gantry doctor` checks the engine.",
        code="pod_not_started",
    )
