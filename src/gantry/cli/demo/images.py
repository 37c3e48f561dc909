"""Builds the demo's two images on top of the starter EE's base, without any container registry.

Called by `cli/demo/run.py` and tests. What must be fetched is fetched while the base is made.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gantry.base.engine_probe import EngineSetup
from gantry.images.podman_cli import Log, Podman, recipe_hash
from gantry.images.starter import build_starter_ee, fetch_target, starter_recipe, wheels
from gantry.images.starter.distribution import base_recipe, build_base

NODE_IMAGE = "localhost/gantry/demo-node:latest"
CLOUD_IMAGE = "localhost/gantry/demo-cloud:latest"
FILES = Path(__file__).parent


def build_demo_images(engine: EngineSetup, *, log: Log, conf_dir: Path) -> None:
    """Have the starter EE and both demo images in the engine; nothing happens when they are."""
    podman = Podman.of(engine, conf_dir)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gantry-demo-") as work, ThreadPoolExecutor(2) as pool:
        node = _context(podman, NODE_IMAGE, base_recipe(), Path(work) / "node")
        cloud = _context(podman, CLOUD_IMAGE, starter_recipe(), Path(work) / "cloud")
        tasks: list[Future[None]] = []

        def build_node() -> None:
            if node:
                tasks.append(pool.submit(_build_node, podman, node, log))

        if cloud:
            tasks.append(pool.submit(_fetch_moto, cloud.path, fetch_target(podman, log), log))
        build_starter_ee(engine, log=log, conf_dir=conf_dir, after_base=build_node)
        for task in tasks:
            task.result()
        if cloud:
            log(f"demo images: building {CLOUD_IMAGE}")
            podman.build(CLOUD_IMAGE, cloud.path, cloud.recipe)
    log(f"demo images: ready after {time.monotonic() - began:.1f} s")


@dataclass(frozen=True)
class Context:
    """A copy of the files an image is built from, and the name of that recipe."""

    path: Path
    recipe: str


def _context(podman: Podman, image: str, below: str, copy: Path) -> Context | None:
    """What to build the image from; None when it is there already. `below`: its base's recipe."""
    files = FILES / copy.name
    recipe = recipe_hash(below, *(file.read_bytes() for file in sorted(files.iterdir())))
    if podman.recipe_of(image) == recipe:
        return None
    return Context(Path(shutil.copytree(files, copy)), recipe)


def _fetch_moto(context: Path, target: list[str], log: Log) -> None:
    log("demo images: fetching moto, the cloud's stand-in, from the Python package index")
    wheels.download(["-r", str(context / "requirements.txt")], context / "wheels", target)


def _build_node(podman: Podman, context: Context, log: Log) -> None:
    build_base(podman, log=log)  # someone may have removed it since the starter EE was built
    log(f"demo images: building {NODE_IMAGE}")
    podman.build(NODE_IMAGE, context.path, context.recipe)
