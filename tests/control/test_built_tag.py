"""What a build leaves on its EE's row: a tag that was just made has not drifted."""

from __future__ import annotations

import pytest

from gantry.control.build_rows import keep_result
from gantry.images.builder.lock import Base, Lock
from gantry.images.builder.run import Built
from gantry.images.drift import decide
from gantry.images.inspect.contents import Contents
from gantry.pods.contract import Image
from gantry.resources.models import EnvironmentBuild, ExecutionEnvironment

BEFORE, MADE = "sha256:" + "b" * 64, "sha256:" + "c" * 64


@pytest.mark.parametrize(
    ("image", "pushed", "state"),
    [
        ("localhost/acme/ee:1", False, "in step"),
        ("localhost/acme/ee", False, "in step"),
        ("registry.example.com/acme/ee:1", True, "in step"),
        # Only this engine has it: the registry's tag means what it meant.
        ("registry.example.com/acme/ee:1", False, "drifted"),
    ],
)
async def test_the_tag_of_a_build_means_its_result(db, image, pushed, state):
    from gantry.base.bridge import in_thread

    def keep_rows() -> EnvironmentBuild:
        environment = ExecutionEnvironment.objects.create(
            name="Mine", image=image, last_digest=BEFORE, registry_digest=BEFORE
        )
        named = image if ":" in image else f"{image}:latest"
        return EnvironmentBuild.objects.create(
            kind="environment_build", environment=environment, image=named, status="running",
            stage="running", definition="version: 3\n",
        )  # fmt: skip

    build = await in_thread(keep_rows)()
    base = Base("localhost/base:1", BEFORE, "linux/amd64")
    made = Image(MADE, MADE, "linux/amd64")
    result = Built(made, base, Lock("sha256:0", base), Contents(image))

    await keep_result(build, result, made, pushed)

    row = await in_thread(ExecutionEnvironment.objects.get)(name="Mine")
    assert (row.last_digest, decide(row).state) == (MADE, state)
