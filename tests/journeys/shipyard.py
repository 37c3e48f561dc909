"""Execution environments that run, pushed to registries: the starter EE and one file that tells
which build it is. The play of a job prints that file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from gantry.images.podman_cli import Podman
from tests.journeys.registry import Images, Registry

MARK = """
- hosts: all
  gather_facts: false
  tasks:
    - debug:
        msg: "build {{ lookup('file', '/build') }}, cargo {{ cargo | default('none') }}"
"""


@dataclass
class Shipyard:
    """Builds on the machine's engine; what is shipped is afterwards in the registry alone."""

    images: Images
    home: Path
    label: str = field(default_factory=lambda: f"gantry.test.shipyard={uuid4()}")

    @property
    def podman(self) -> Podman:
        return self.images.podman

    def build(self, reference: str, build: str) -> str:
        """On the engine only, under this name."""
        context = self.home / f"context-{build}"
        context.mkdir(exist_ok=True)
        (context / "build").write_text(build)
        (context / "Containerfile").write_text(
            "FROM localhost/gantry/starter-ee\nCOPY build /build\n"
        )
        self.podman.run(
            "build", "--network=none", "--layers=false", "--label", self.label, "--tag", reference,
            str(context),
        )  # fmt: skip
        return reference

    def ship(self, registry: Registry, name: str, build: str) -> str:
        """Into the registry under `repository:tag`; returns the digest it has there."""
        reference = registry.image(name)
        # The name may stand for what a job pulled; that must stay there, as it would elsewhere.
        self.podman.run("push", "--tls-verify=false", self.build(f"localhost/ship/{build}", build),
                        reference)  # fmt: skip
        self.podman.succeeds("image", "rm", f"localhost/ship/{build}")
        repository, _, tag = name.partition(":")
        return registry.digest(repository, tag)

    def ship_index(self, registry: Registry, name: str, build: str) -> None:
        """An index of platforms, of which this machine's is one."""
        image = self.build(f"localhost/ship/{build}", build)
        index = f"localhost/ship/index:{uuid4()}"
        reference = f"docker://{registry.image(name)}"
        self.podman.run("manifest", "create", index)
        try:
            self.podman.run("manifest", "add", index, f"containers-storage:{image}")
            self.podman.run("manifest", "push", "--all", "--tls-verify=false", index, reference)
        finally:
            self.podman.succeeds("manifest", "rm", index)
            self.podman.succeeds("image", "rm", image)

    def clear(self) -> None:
        """All that was built here, also what lost its name since."""
        held = self.podman.run("images", "--quiet", "--no-trunc", f"--filter=label={self.label}")
        for identity in set(held.split()):
            self.podman.succeeds("image", "rm", "--force", identity)
