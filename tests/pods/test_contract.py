"""The numbered duties of an Engine (pods/contract.py), asked of a real podman."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gantry.base.engine_probe import probe_engine
from gantry.base.errors import EngineError, EngineUnreachable
from gantry.images.podman_cli import Podman
from gantry.pods.contract import LABEL_INSTANCE, LABEL_JOB, PodSpec, PodState
from gantry.pods.docker_api import DockerEngine

Spec = Callable[..., PodSpec]
UNKNOWN = "localhost/gantry/no-such-image:1"


@pytest.fixture
def instance() -> str:
    return str(uuid4())


@pytest.fixture
async def engine(engine_url: str, instance: str) -> AsyncIterator[DockerEngine]:
    engine = DockerEngine(engine_url)
    yield engine
    for pod in await engine.find(instance):
        await engine.remove(pod.id)
    await engine.close()


@pytest.fixture
def spec(ee_image: str, instance: str) -> Spec:
    def make(script: str = "read answer", **fields: Any) -> PodSpec:
        labels = {LABEL_JOB: "7", LABEL_INSTANCE: instance}
        values = {"tmpfs": {"/runner": 4 << 20}, "user": "1000:0"}
        return PodSpec(
            name=f"gantry-contract-{uuid4().hex[:12]}", image=ee_image,
            command=("sh", "-c", script), labels=labels, **(values | fields),
        )  # fmt: skip

    return make


async def everything(stream: Any, until: bytes = b"") -> bytes:
    """All bytes of a stream, or those until these have come."""
    data = b""
    while not (until and until in data):
        piece = await asyncio.wait_for(stream.read(), 30)
        if not piece:
            break
        data += piece
    return data


async def state_of(engine: DockerEngine, pod: str, wanted: str) -> PodState:
    async with asyncio.timeout(30):
        while (state := await engine.inspect(pod)).state != wanted:
            await asyncio.sleep(0.05)
    return state


async def test_1_an_image_that_is_not_there_is_none_and_is_not_fetched(
    engine: DockerEngine,
) -> None:
    assert await engine.image(UNKNOWN) is None
    assert await engine.image(UNKNOWN) is None


async def test_1_an_image_has_id_digest_and_platform(engine: DockerEngine, ee_image: str) -> None:
    image = await engine.image(ee_image)

    assert image is not None
    assert image.id.startswith("sha256:")
    assert image.digest.startswith("sha256:")
    assert image.platform.startswith("linux/")


async def test_2_a_pull_that_fails_says_so_in_the_engines_words(engine: DockerEngine) -> None:
    with pytest.raises(EngineError) as failure:
        await engine.pull("127.0.0.1:1/no/such:1", None, lambda _: None)

    assert not isinstance(failure.value, EngineUnreachable)
    assert "127.0.0.1:1" in failure.value.sentence


async def test_3_creating_twice_gives_the_same_pod(engine: DockerEngine, spec: Spec) -> None:
    wanted = spec()

    first = await engine.create(wanted)

    assert await engine.create(wanted) == first
    assert (await engine.inspect(first)).state == "created"


async def test_3_a_pod_of_an_unknown_image_is_refused(engine: DockerEngine, spec: Spec) -> None:
    with pytest.raises(EngineError) as failure:
        await engine.create(PodSpec(**{**vars(spec()), "image": UNKNOWN}))

    assert not isinstance(failure.value, EngineUnreachable)


async def test_4_not_a_byte_is_missed_from_the_first_to_the_last(
    engine: DockerEngine, spec: Spec
) -> None:
    """A pod that prints at once, and as soon as it was answered prints again and ends."""
    pod = await engine.create(spec("seq 1 40000; read answer; seq 40001 80000; read answer"))

    stream = await engine.start(pod)
    first = await everything(stream, until=b"\n40000\n")
    await stream.write(b"go on\n")
    second = await everything(stream, until=b"\n80000\n")
    await stream.write(b"end\n")
    rest = await everything(stream)

    numbers = b"".join(b"%d\n" % n for n in range(1, 80001))
    assert first + second + rest == numbers


async def test_4_stderr_is_apart_and_kept_as_complaints(engine: DockerEngine, spec: Spec) -> None:
    stream = await engine.start(await engine.create(spec("echo said; echo complained >&2")))

    assert await everything(stream) == b"said\n"
    assert stream.complaints == "complained\n"


async def test_4_a_stream_whose_pod_has_ended_cannot_be_written_to(
    engine: DockerEngine, spec: Spec
) -> None:
    stream = await engine.start(await engine.create(spec("true")))
    await everything(stream)

    async def write_on() -> None:
        async with asyncio.timeout(30):
            while True:
                await stream.write(b"x" * 4096)

    with pytest.raises(EngineUnreachable):
        await write_on()
    assert await stream.read() == b""


async def test_4_a_program_that_is_not_there_is_an_error_not_a_silence(
    engine: DockerEngine, spec: Spec
) -> None:
    pod = await engine.create(PodSpec(**{**vars(spec()), "command": ("/no/such/program",)}))

    with pytest.raises(EngineError, match=r"no such file|not found"):
        await engine.start(pod)


async def test_5_a_running_pod_is_reached_while_its_first_stream_is_open(
    engine: DockerEngine, spec: Spec
) -> None:
    pod = await engine.create(spec("echo first; read answer; echo $answer; read answer"))
    first = await engine.start(pod)
    assert await everything(first, until=b"first\n") == b"first\n"

    second = await engine.reach(pod, ("sh", "-c", "read line; echo got $line"))
    third = await engine.reach(pod, ("sh", "-c", "read line; echo got $line"))
    await third.write(b"three\n")
    await second.write(b"two\n")
    await first.write(b"one\n")

    assert await everything(second) == b"got two\n"
    assert await everything(third) == b"got three\n"
    assert await everything(first, until=b"one\n") == b"one\n"


async def test_5_a_pod_is_reached_after_its_first_stream_was_cut(
    engine: DockerEngine, spec: Spec
) -> None:
    # podman gives the pod an end of file when the stream is closed: the pod must live on by itself.
    pod = await engine.create(spec("echo first; cat; tail -f /dev/null"))
    first = await engine.start(pod)
    await everything(first, until=b"first\n")
    await first.close()

    again = await engine.reach(pod, ("sh", "-c", "echo again; read line"))

    assert await everything(again, until=b"again\n") == b"again\n"
    assert (await engine.inspect(pod)).state == "running"


async def test_5_a_pod_that_does_not_run_cannot_be_reached(
    engine: DockerEngine, spec: Spec
) -> None:
    pod = await engine.create(spec())

    with pytest.raises(EngineError):
        await engine.reach(pod, ("true",))


async def test_6_the_states_of_a_pods_life(engine: DockerEngine, spec: Spec) -> None:
    wanted = spec("read answer; exit 3")
    assert (await engine.inspect(wanted.name)).gone

    pod = await engine.create(wanted)
    assert (await engine.inspect(wanted.name)).state == "created"
    stream = await engine.start(pod)
    assert (await engine.inspect(pod)).state == "running"
    await stream.write(b"end\n")
    ended = await state_of(engine, pod, "exited")
    await engine.remove(pod)

    assert (ended.exit_code, ended.oom_killed) == (3, False)
    assert (await engine.inspect(pod)).gone
    assert (await engine.inspect(wanted.name)).gone


async def test_7_a_pod_that_does_not_listen_is_killed_after_the_grace(
    engine: DockerEngine, spec: Spec
) -> None:
    pod = await engine.create(spec("trap '' TERM; while true; do read answer; done"))
    await engine.start(pod)

    await engine.stop(pod, 1)
    await engine.stop(pod, 1)

    assert (await state_of(engine, pod, "exited")).exit_code == 137
    await engine.remove(pod)
    await engine.stop(pod, 1)


async def test_8_removing_takes_a_running_pod_and_its_volumes_and_may_be_asked_twice(
    engine: DockerEngine, spec: Spec
) -> None:
    before = await volumes(engine)
    pod = await engine.create(spec(disk=("/runner/project",)))
    await engine.start(pod)
    assert len(await volumes(engine) - before) == 1

    await engine.remove(pod)
    await engine.remove(pod)

    assert (await engine.inspect(pod)).gone
    assert await volumes(engine) - before == set()


async def volumes(engine: DockerEngine) -> set[str]:
    listed = await engine._docker.volumes.list()
    return {volume["Name"] for volume in listed["Volumes"] or []}


async def test_8_two_that_remove_a_pod_at_once_both_succeed(
    engine: DockerEngine, spec: Spec
) -> None:
    pod = await engine.create(spec())
    await engine.start(pod)

    await asyncio.gather(*(engine.remove(pod) for _ in range(3)))

    assert (await engine.inspect(pod)).gone


async def test_9_the_engine_tells_how_a_pod_died_also_when_it_is_gone(
    engine: DockerEngine, spec: Spec
) -> None:
    since = time.time()
    pod = await engine.create(spec("exit 9"))
    await everything(await engine.start(pod))
    await state_of(engine, pod, "exited")
    while "died with exit code 9" not in await engine.events(pod, since):
        await asyncio.sleep(0.1)  # the engine writes its events down beside what it does

    await engine.remove(pod)
    assert "died with exit code 9" in await engine.events(pod, since)
    assert await engine.events(uuid4().hex, since) == []


async def test_10_the_pods_of_an_installation_are_found_whatever_their_state(
    engine: DockerEngine, spec: Spec, instance: str
) -> None:
    made, running, ended = [await engine.create(spec(s)) for s in ("true", "read a", "true")]
    await engine.start(running)
    await everything(await engine.start(ended))
    await state_of(engine, ended, "exited")

    found = await engine.find(instance)

    assert {pod.id for pod in found} == {made, running, ended}
    assert {pod.job for pod in found} == {7}
    assert await engine.find(str(uuid4())) == []


async def test_an_engine_that_is_not_there_is_unreachable_for_every_verb(
    tmp_path: Path, spec: Spec
) -> None:
    absent = DockerEngine(f"unix://{tmp_path}/absent.sock")
    asked: list[Awaitable[Any]] = [
        absent.image(UNKNOWN),
        absent.pull(UNKNOWN, None, lambda _: None),
        absent.create(spec()),
        absent.start("pod"),
        absent.reach("pod", ("true",)),
        absent.inspect("pod"),
        absent.remove("pod"),
        absent.events("pod", 0),
        absent.find("instance"),
        absent.has(f"sha256:{'0' * 64}"),
        absent.meant("localhost/a:1"),
    ]

    answers = await asyncio.gather(*asked, return_exceptions=True)
    await absent.close()

    assert [type(answer) for answer in answers] == [EngineUnreachable] * len(asked)


async def test_11_an_image_is_found_by_its_digest_or_id_under_whatever_name(
    engine: DockerEngine, ee_image: str
) -> None:
    known = await engine.image(ee_image)
    assert known is not None

    for digest in {known.digest, known.id}:
        assert await engine.image_by_digest(digest) == replace(known, digest=digest)
    assert await engine.image_by_digest(f"sha256:{'0' * 64}") is None


async def test_11_an_image_that_lost_its_names_is_found_by_its_digest(
    engine: DockerEngine, ee_image: str, tmp_path: Path
) -> None:
    podman = Podman.of(probe_engine(), tmp_path)
    (tmp_path / "Containerfile").write_text(f"FROM {ee_image}\nLABEL gantry.test={uuid4()}\n")
    name = f"localhost/gantry-test/{uuid4()}:1"
    podman.run("build", "--network=none", "--tag", name, str(tmp_path))
    named = await engine.image(name)
    assert named is not None
    podman.run("untag", named.id)

    assert await engine.image(name) is None
    assert await engine.image_by_digest(named.digest) == replace(named, digests=())
    podman.run("image", "rm", named.id)
    assert await engine.image_by_digest(named.digest) is None


async def test_13_whether_an_image_is_here_is_told_by_its_id(
    engine: DockerEngine, ee_image: str
) -> None:
    known = await engine.image(ee_image)
    assert known is not None

    assert await engine.has(known.id)
    assert not await engine.has(f"sha256:{'0' * 64}")


async def test_14_what_a_name_means_is_told_without_reading_the_image(
    engine: DockerEngine, ee_image: str, tmp_path: Path
) -> None:
    """Also of two images that have all layers in common and differ in their configuration."""
    podman = Podman.of(probe_engine(), tmp_path)
    (tmp_path / "Containerfile").write_text(f"FROM {ee_image}\nLABEL gantry.test={uuid4()}\n")
    name = f"localhost/gantry-test/{uuid4()}:1"
    podman.run("build", "--network=none", "--tag", name, str(tmp_path))
    known = await engine.image(ee_image)
    assert known is not None

    meant = await engine.meant(ee_image)
    assert meant
    assert await engine.meant(known.id) == meant
    assert await engine.meant(name) not in (meant, None, "")
    podman.run("image", "rm", name)
    assert await engine.meant(name) is None
