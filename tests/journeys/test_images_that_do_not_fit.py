"""Images that a job cannot run in: each says what it lacks.

An image whose python3 is really older than 3.9 cannot be had without a registry. The journey takes
one whose python3 reports 3.6; that every older Python can read the boot code, and that the check
comes before anything newer, is tested on the code itself (tests/pods/agent/test_source.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from gantry.base.engine_probe import probe_engine
from gantry.images.podman_cli import Podman
from gantry.images.starter import build_starter_ee
from tests.journeys.outcome import run, told
from tests.journeys.world import World

BASE, STARTER = "localhost/gantry/base:latest", "localhost/gantry/starter-ee:latest"
PRETENDS = """#!/usr/bin/python3 -S
import sys
sys.version_info = (3, 6, 9, "final", 0)
sys.version = "3.6.9 (default)"
code = sys.argv[sys.argv.index("-c") + 1]
exec(compile(code, "boot", "exec"), {"__name__": "__main__"})
"""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Makes images of a Containerfile and removes them in the end."""
    home = tmp_path_factory.mktemp("images")
    podman = Podman.of(probe_engine(), home)
    build_starter_ee(probe_engine(), log=print)
    made: list[str] = []

    def build(name: str, containerfile: str, files: dict[str, str]) -> str:
        context = home / name
        context.mkdir()
        (context / "Containerfile").write_text(containerfile)
        for file, text in files.items():
            (context / file).write_text(text)
            (context / file).chmod(0o755)
        tag = f"localhost/gantry-test/{name}-{os.getpid()}:latest"
        podman.build(tag, context, name)
        made.append(tag)
        return tag

    yield build
    for tag in made:
        podman.succeeds("image", "rm", "--force", tag)


async def run_in(world: World, image: str) -> Any:
    def template() -> Any:
        world.environment.image = image
        world.environment.save()
        return world.template()

    return await run(world, await in_thread(template)())


async def test_an_image_without_python3_says_so(world: World, control: Any, workshop: Any) -> None:
    image = workshop("no-python", f"FROM {BASE}\nRUN rm -f /usr/bin/python3*\n", {})

    job = await run_in(world, image)

    assert (job.status, job.failure_class) == ("error", "image_without_python"), told(job)
    assert "no python3" in job.job_explanation
    assert "3.9 or newer" in job.failure_cure
    assert job.cleanup["removed"] is True


async def test_a_python3_that_is_too_old_says_which_it_is(
    world: World, control: Any, workshop: Any
) -> None:
    recipe = f"FROM {BASE}\nCOPY python3 /usr/local/bin/python3\n"
    image = workshop("old-python", recipe, {"python3": PRETENDS})

    job = await run_in(world, image)

    assert (job.status, job.failure_class) == ("error", "python_too_old"), told(job)
    assert "3.6.9" in job.job_explanation
    assert "3.9 or newer" in job.failure_cure
    assert job.attempt == 1
    assert job.cleanup["removed"] is True


async def test_an_image_without_ansible_says_so(world: World, control: Any, workshop: Any) -> None:
    job = await run_in(world, BASE)

    assert (job.status, job.failure_class) == ("error", "image_without_ansible"), told(job)
    assert "ansible-playbook" in job.job_explanation
    assert "ansible-core" in job.failure_cure
    assert job.cleanup["removed"] is True


async def test_a_broken_ansible_runner_in_the_image_is_not_in_the_way(
    world: World, control: Any, workshop: Any
) -> None:
    find = "$(python3 -c 'import ansible, os; print(os.path.dirname(os.path.dirname(" \
           "ansible.__file__)))')"  # fmt: skip
    recipe = (
        f"FROM {STARTER}\nUSER 0\nCOPY ansible-runner /usr/local/bin/ansible-runner\n"
        f"RUN mkdir -p {find}/ansible_runner && "
        f"echo 'raise SystemExit(\"broken\")' > {find}/ansible_runner/__init__.py\n"
    )
    image = workshop("broken-runner", recipe, {"ansible-runner": "#!/bin/sh\nexit 1\n"})

    job = await run_in(world, image)

    assert job.status == "successful", told(job)


async def test_an_entrypoint_of_the_image_is_not_run(
    world: World, control: Any, workshop: Any
) -> None:
    image = workshop("entrypoint", f'FROM {STARTER}\nENTRYPOINT ["/bin/false"]\nUSER 0\n', {})

    job = await run_in(world, image)

    assert job.status == "successful", told(job)
