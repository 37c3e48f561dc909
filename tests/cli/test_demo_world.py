"""What the demo clears away beside itself: images that a build of its own has replaced."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from gantry.base.engine_probe import probe_engine
from gantry.cli.demo.world import DemoWorld
from tests.journeys.conftest import ee_image, engine_url

__all__ = ["ee_image", "engine_url"]


def test_only_its_own_images_without_a_name_are_removed(ee_image: str, tmp_path: Path) -> None:
    """A build that runs beside it has such images too, and with the same labels."""
    world = DemoWorld(probe_engine(), tmp_path / "demo")
    podman = world.podman
    made = []
    for _ in range(3):
        (tmp_path / "Containerfile").write_text(f"FROM {ee_image}\nLABEL gantry.test={uuid4()}\n")
        made.append(podman.run("build", "--quiet", "--network=none", str(tmp_path)))
    replaced, of_a_build, named = made
    name = f"localhost/gantry-test/{uuid4()}:1"
    podman.run("tag", named, name)

    world.sweep({replaced, named})

    assert [podman.succeeds("image", "exists", i) for i in made] == [False, True, True]
    podman.run("image", "rm", of_a_build)
    podman.run("image", "rm", name)
