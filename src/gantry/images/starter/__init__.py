"""Builds the *starter EE*: an execution environment made without any container registry.

From the distribution's packages and PyPI, both fetched on the host with the host's own mirrors,
proxies and certificates. Called by `gantry demo`, `scripts/` and `python -m gantry.images.starter`.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gantry.base.engine_probe import EngineSetup
from gantry.images.podman_cli import Log, Podman, recipe_hash
from gantry.images.starter import distribution, wheels

STARTER_IMAGE = "localhost/gantry/starter-ee:latest"
COLLECTIONS = ("amazon.aws", "ansible.posix", "community.general")
FILES = Path(__file__).parent
RECIPE_FILES = ("Containerfile", "install.sh", "requirements.txt")


def starter_recipe() -> str:
    """Changes whenever the image must be built anew."""
    files = [(FILES / name).read_bytes() for name in RECIPE_FILES]
    return recipe_hash(distribution.base_recipe(), *COLLECTIONS, *files)


def build_starter_ee(
    engine: EngineSetup,
    *,
    log: Log,
    conf_dir: Path | None = None,
    after_base: Callable[[], None] = lambda: None,
) -> str:
    """Have the starter EE in this machine's engine and return its name; built only if need be.

    `log` gets one line a step. `conf_dir` keeps Gantry's containers.conf; a temporary one without.
    `after_base` is called as soon as other images can be built on the base, beside this one.
    """
    with tempfile.TemporaryDirectory(prefix="gantry-starter-") as work:
        podman = Podman.of(engine, conf_dir or Path(work))
        recipe = starter_recipe()
        if podman.recipe_of(STARTER_IMAGE) == recipe:
            log(f"starter EE: {STARTER_IMAGE} is here already")
            after_base()
            return STARTER_IMAGE
        began = time.monotonic()
        context = Path(work) / "context"
        context.mkdir()
        for name in RECIPE_FILES:
            shutil.copy(FILES / name, context)
        target = fetch_target(podman, log)
        with ThreadPoolExecutor(max_workers=1) as pool:
            fetched = pool.submit(_fetch, context, target, log)
            distribution.build_base(podman, log=log)
            after_base()
            fetched.result()
        log("starter EE: installing ansible-core and the collections, compiling them")
        podman.build(STARTER_IMAGE, context, recipe)
        log(f"starter EE: built {STARTER_IMAGE} in {time.monotonic() - began:.0f} s")
        return STARTER_IMAGE


def fetch_target(podman: Podman, log: Log) -> list[str]:
    """What pip must be told to fetch for the base image's Python, which is the distribution's."""
    target = wheels.pip_target()
    if target is None:
        # The host lacks that Python: only the base can tell which one it is.
        target = wheels.pip_target_of(podman, distribution.build_base(podman, log=log))
    return target


def _fetch(context: Path, target: list[str], log: Log) -> None:
    log("starter EE: fetching ansible-core and the cloud libraries from the Python package index")
    wheels.download(["-r", str(FILES / "requirements.txt")], context / "wheels", target)
    log(f"starter EE: fetching the collections {', '.join(COLLECTIONS)}")
    wheels.fetch_collections(COLLECTIONS, context / "collections", target)
