"""The podman command line of this machine, run as the probe says it must be.

Used where images are built from nothing (`images/starter`, the demo's images and world). Jobs never
come here: their pods go over the engine's API (`gantry.pods`).
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from gantry.base.engine_probe import EngineSetup, engine_environment, write_containers_conf
from gantry.base.errors import EngineError

RECIPE_LABEL = "io.gantry.recipe"
Log = Callable[[str], None]


@dataclass(frozen=True)
class Podman:
    """podman with Gantry's own containers.conf."""

    executable: str
    env: dict[str, str]

    @classmethod
    def of(cls, setup: EngineSetup, conf_dir: Path) -> Podman:
        """`conf_dir` gets Gantry's containers.conf where this machine needs one."""
        conf = write_containers_conf(conf_dir, setup)
        return cls(setup.executable, engine_environment(setup, conf))

    def run(self, *args: str, input_text: str | None = None, timeout: float = 300) -> str:
        """What the command prints; EngineError with podman's own words when it fails."""
        done = self._start(args, input_text, timeout)
        if done.returncode:
            raise self._error(args, done.stderr)
        return done.stdout.strip()

    def succeeds(self, *args: str) -> bool:
        return self._start(args, None, 60).returncode == 0

    def _start(
        self, args: Iterable[str], input_text: str | None, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.executable, *args],
            env=self.env,
            input=input_text or "",
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def _error(self, args: Iterable[str], said: str) -> EngineError:
        words = " ".join(list(args)[:2])
        return EngineError(f"podman {words} failed: {said.strip()[-2000:]}", cure="")

    def recipe_of(self, image: str) -> str:
        """The recipe an image here was built from; "" when it is absent or not Gantry's."""
        template = f'{{{{index .Labels "{RECIPE_LABEL}"}}}}'
        done = self._start(("image", "inspect", "--format", template, image), None, 60)
        return done.stdout.strip() if done.returncode == 0 else ""

    def build(self, tag: str, context: Path, recipe: str) -> None:
        """Build `context`/Containerfile on images that are here already, without any network."""
        before = self.image_id(tag)
        self.run(
            "build",
            *("--network=none", "--pull=never", "--layers=false", "--http-proxy=false"),
            *("--label", f"{RECIPE_LABEL}={recipe}", "--tag", tag, str(context)),
            timeout=900,
        )
        self.drop(before)

    def image_id(self, image: str) -> str:
        done = self._start(("image", "inspect", "--format={{.Id}}", image), None, 60)
        return done.stdout.strip() if done.returncode == 0 else ""

    def drop(self, image_id: str) -> None:
        """Remove an image that lost its name, and what only it stood on; not one in use."""
        if image_id:
            self.succeeds("image", "rm", image_id)


def recipe_hash(*parts: str | bytes) -> str:
    """A name for what an image is built from: the same parts, the same image need not be built."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]
