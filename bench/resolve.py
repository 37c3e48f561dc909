"""What resolve and "is the image there" add to a launch when the image is there.

    python -m bench.resolve [--rounds 200]

Four EEs: one that follows its tag, one pinned, one held, and one pinned whose image the engine has
under another repository's name alone; the steps are those of control/walk.py with a real PostgreSQL
and the engine's own socket. No registry is asked: the images' registry does not exist. Asked for:
under 15 ms.

A digest that this controller ran before is asked for by its image's id. What a controller's first
job costs is told after the table: with and without an earlier job's row, and where the engine has
to list all its images.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.launch import IMAGE, gantry

NAME = "registry.invalid/bench/ee:1"
ELSEWHERE = "registry.invalid/bench/other:1"  # no image has this name


def prepare() -> tuple[dict[str, Any], str]:
    """Templates by what their EE does, and the image's digest."""
    import django

    django.setup()
    from gantry.base.engine_probe import probe_engine
    from gantry.images.podman_cli import Podman
    from gantry.resources.models import ExecutionEnvironment
    from tests.journeys.world import World

    podman = Podman.of(probe_engine(), Path(tempfile.mkdtemp(prefix="gantry-bench-conf-")))
    podman.run("tag", IMAGE, NAME)
    digest = podman.run("image", "inspect", "--format={{.Digest}}", IMAGE)
    world = World.make(IMAGE, hosts=("alpha",))
    kinds: dict[str, dict[str, str]] = {
        "follows": {},
        "pinned": {"pinned_digest": digest},
        "held": {"drift_policy": "hold", "accepted_digest": digest},
        "pinned, under another name": {"pinned_digest": digest, "image": ELSEWHERE},
    }
    made = {}
    for kind, fields in kinds.items():
        ee = ExecutionEnvironment.objects.create(name=kind, **{"image": NAME, **fields})
        made[kind] = world.template(execution_environment=ee, name=kind)
    return {"templates": made, "world": world, "podman": podman}, digest


async def steps(template: Any, world: Any, engine: Any, rounds: int) -> tuple[list[float], ...]:
    """Milliseconds of resolve and of the engine's answer, each round a job of its own."""
    from django.utils import timezone

    from gantry.base.bridge import in_thread
    from gantry.control import rows
    from gantry.path.pull import Puller
    from gantry.resources.models import Job, UnifiedJob

    puller = Puller(engine)
    resolving, asking = [], []

    def job() -> Any:
        """As if another controller held it: the one that runs must not walk it."""
        row = Job.objects.create(
            kind="job", name="bench", job_template=template, project=template.project,
            inventory=template.inventory, organization=world.organization,
            execution_environment=template.execution_environment, status="waiting",
            stage="resolving", lease_owner=uuid4(), lease_expires=timezone.now() + timedelta(1),
        )  # fmt: skip
        return UnifiedJob.objects.get(pk=row.pk)

    for _ in range(rounds):
        row = await in_thread(job)()
        began = time.perf_counter()
        resolved = await rows.resolve(row)
        middle = time.perf_counter()
        obtained = await puller.obtain(resolved.request, lambda _: None)
        ended = time.perf_counter()
        assert not obtained.pulled
        resolving.append((middle - began) * 1000)
        asking.append((ended - middle) * 1000)
        await in_thread(UnifiedJob.objects.filter(pk=row.pk).delete)()
    return resolving, asking


def told(values: list[float]) -> str:
    ordered = sorted(values)
    return (
        f"{statistics.median(ordered):.1f} ({ordered[0]:.1f} to {ordered[-1]:.1f}, "
        f"p95 {ordered[int(len(ordered) * 0.95)]:.1f})"
    )


async def once(engine: Any, image: str, digest: str, known: tuple[Any, ...]) -> float:
    """Milliseconds of a controller's first look for a digest."""
    from gantry.base.errors import JobFailure
    from gantry.path.pull import Puller, PullRequest

    began = time.perf_counter()
    with contextlib.suppress(JobFailure):
        request = PullRequest(image, "never", None, digest, known=known)
        await Puller(engine).obtain(request, lambda _: None)
    return (time.perf_counter() - began) * 1000


async def first_looks(engine: Any, digest: str, rounds: int) -> None:
    known = await engine.image(NAME)
    cases = {
        "an earlier job's image is known": (digest, (known,)),
        "no job has run it": (digest, ()),
        f"it is not here ({len(await engine.all_images())} images listed)": (
            "sha256:" + 64 * "0",
            (),
        ),
    }
    print("\n| a controller's first look for a digest under another name | ms |\n| --- | --- |")
    for name, (wanted, images) in cases.items():
        values = [await once(engine, ELSEWHERE, wanted, images) for _ in range(rounds)]
        print(f"| {name} | {told(values)} |")


async def measure(made: dict[str, Any], digest: str, rounds: int) -> None:
    from gantry.base.config import settings
    from gantry.pods.docker_api import DockerEngine

    engine = DockerEngine(settings().engine)
    print("\n| EE | resolve, ms | is it there, ms | **both** |\n| --- | --- | --- | --- |")
    for kind, template in made["templates"].items():
        await steps(template, made["world"], engine, 5)
        resolving, asking = await steps(template, made["world"], engine, rounds)
        both = [a + b for a, b in zip(resolving, asking, strict=True)]
        print(f"| {kind} | {told(resolving)} | {told(asking)} | **{told(both)}** |")
    await first_looks(engine, digest, 5)
    await engine.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    home = Path(tempfile.mkdtemp(prefix="gantry-bench-"))
    home.chmod(0o711)
    with gantry(home / "data"):
        made, digest = prepare()
        try:
            asyncio.run(measure(made, digest, rounds))
        finally:
            made["podman"].run("untag", IMAGE, NAME)


if __name__ == "__main__":
    main()
