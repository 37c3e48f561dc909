"""The numbered duties of an Engine (pods/contract.py), asked of a real Kubernetes.

What differs from a container: a pod begins when it is created, so its program waits for a word
before it speaks, as the agent does; and its removal takes a second, since the node has to say so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from gantry.base.errors import EngineError, EngineUnreachable
from gantry.pods.contract import PodSpec, PodState
from gantry.pods.kubernetes_api import KubernetesEngine
from tests.pods.kubernetes.conftest import STARTER
from tests.pods.test_contract import everything

Spec = Callable[..., PodSpec]
UNKNOWN = "localhost/gantry/no-such-image:1"


async def state_of(engine: KubernetesEngine, pod: str, wanted: str) -> PodState:
    async with asyncio.timeout(60):
        while (state := await engine.inspect(pod)).state != wanted:
            await asyncio.sleep(0.1)
    return state


async def begun(engine: KubernetesEngine, spec: PodSpec) -> tuple[str, Any]:
    pod = await engine.create(spec)
    return pod, await engine.start(pod)


async def test_1_an_image_that_is_not_there_is_none(engine: KubernetesEngine) -> None:
    assert await engine.image(UNKNOWN) is None


async def test_1_an_image_that_a_node_has_is_known_and_remembered(
    engine: KubernetesEngine,
) -> None:
    assert await engine.meant(STARTER) == ""
    image = await engine.image(STARTER)
    assert image is not None
    assert image.digest.startswith("sha256:")
    assert await engine.meant(STARTER) == image.id
    assert await engine.image_by_digest(image.digest) == image
    assert await engine.has(image.id)
    assert await engine.image_by_digest(f"sha256:{'0' * 64}") is None


async def test_2_a_pull_that_fails_says_so_in_the_registrys_words(
    engine: KubernetesEngine,
) -> None:
    began = time.monotonic()
    with pytest.raises(EngineError) as failure:
        await engine.pull("127.0.0.1:1/no/such:1", None, lambda _: None)
    assert not isinstance(failure.value, EngineUnreachable)
    assert "127.0.0.1:1" in failure.value.sentence
    assert time.monotonic() - began < 60


async def test_3_creating_twice_gives_the_same_pod(engine: KubernetesEngine, spec: Spec) -> None:
    wanted = spec()
    first = await engine.create(wanted)
    assert await engine.create(wanted) == first


async def test_4_not_a_byte_is_missed_from_the_first_to_the_last(
    engine: KubernetesEngine, spec: Spec
) -> None:
    _, stream = await begun(engine, spec("read a; seq 1 40000; read b; seq 40001 80000; read c"))
    await stream.write(b"a\n")
    first = await everything(stream, until=b"\n40000\n")
    await stream.write(b"b\n")
    second = await everything(stream, until=b"\n80000\n")
    await stream.write(b"c\n")
    rest = await everything(stream)
    assert first + second + rest == b"".join(b"%d\n" % n for n in range(1, 80001))


async def test_4_stderr_is_apart_and_kept_as_complaints(
    engine: KubernetesEngine, spec: Spec
) -> None:
    _, stream = await begun(engine, spec("read a; echo said; echo complained >&2; read b"))
    await stream.write(b"a\n")
    assert await everything(stream, until=b"said\n") == b"said\n"
    await stream.write(b"b\n")
    await everything(stream)
    assert stream.complaints == "complained\n"


async def test_4_a_program_that_is_not_there_is_an_error_not_a_silence(
    engine: KubernetesEngine, spec: Spec
) -> None:
    pod = await engine.create(PodSpec(**{**vars(spec()), "command": ("/no/such/program",)}))
    with pytest.raises(EngineError, match=r"no such file|not found"):
        await engine.start(pod)


async def test_5_a_pod_is_reached_beside_and_after_its_first_stream(
    engine: KubernetesEngine, spec: Spec
) -> None:
    pod, first = await begun(engine, spec("read a; echo first; read b; tail -f /dev/null"))
    await first.write(b"a\n")
    assert await everything(first, until=b"first\n") == b"first\n"
    second = await engine.reach(pod, ("sh", "-c", "read line; echo got $line"))
    await second.write(b"two\n")
    assert await everything(second) == b"got two\n"
    await first.close()
    again = await engine.reach(pod, ("sh", "-c", "echo again; read line"))
    assert await everything(again, until=b"again\n") == b"again\n"
    assert (await engine.inspect(pod)).state == "running"


async def test_6_the_states_of_a_pods_life(engine: KubernetesEngine, spec: Spec) -> None:
    wanted = spec("read answer; exit 3")
    assert (await engine.inspect(wanted.name)).gone
    pod, stream = await begun(engine, wanted)
    assert (await engine.inspect(pod)).state == "running"
    await stream.write(b"end\n")
    ended = await state_of(engine, pod, "exited")
    await engine.remove(pod)
    assert (ended.exit_code, ended.oom_killed) == (3, False)
    assert (await engine.inspect(pod)).gone
    await engine.remove(pod)


async def test_8_removing_takes_a_running_pod(engine: KubernetesEngine, spec: Spec) -> None:
    pod, _ = await begun(engine, spec("trap '' TERM; while true; do read a; sleep 1; done"))
    await asyncio.gather(*(engine.remove(pod) for _ in range(2)))
    assert (await engine.inspect(pod)).gone


async def test_9_the_evidence_of_an_end_is_kept(engine: KubernetesEngine, spec: Spec) -> None:
    pod, stream = await begun(engine, spec("read a; exit 9"))
    await stream.write(b"a\n")
    await state_of(engine, pod, "exited")
    said = await engine.events(pod, 0)
    assert "died with exit code 9" in said
    assert any(s.startswith("Scheduled: ") for s in said)


async def test_10_the_pods_of_an_installation_are_found(
    engine: KubernetesEngine, spec: Spec, instance: str
) -> None:
    made = {await engine.create(spec()) for _ in range(2)}
    found = await engine.find(instance)
    assert {pod.id for pod in found} == made
    assert {pod.job for pod in found} == {7}
    assert await engine.find(str(uuid4())) == []


async def test_15_what_a_pod_waits_for_is_told_in_the_schedulers_words(
    kubeconfig: Any, instance: str, spec: Spec
) -> None:
    from gantry.pods.kubernetes_client import Cluster

    nowhere = {"spec": {"nodeSelector": {"disk": "none-such"}}}
    engine = KubernetesEngine(Cluster("default", kubeconfig=str(kubeconfig)), nowhere)
    pod = await engine.create(spec())
    told: asyncio.Queue[str] = asyncio.Queue()
    waiting = asyncio.create_task(engine.ready(pod, told.put_nowait))
    async with asyncio.timeout(30):
        while "didn't match" not in (words := await told.get()):
            pass
    assert words.startswith("No node takes the pod: 0/1 nodes are available")
    waiting.cancel()
    await engine.remove(pod)
    await engine.close()
