"""`gantry ee export` and `import`, as a person types them, on the real engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gantry.base.config import settings
from gantry.base.engine_probe import probe_engine
from gantry.cli.main import main
from gantry.images.podman_cli import Podman
from gantry.resources.models import ExecutionEnvironment, Organization
from tests.journeys.conftest import engine_url

__all__ = ["engine_url"]
pytestmark = pytest.mark.engine
NAME = f"localhost/gantry-test/cli-carry-{os.getpid()}"


def gantry(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["ee", *arguments])
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def podman(
    db: str, engine_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Podman]:
    """With the image NAME:1, which the EE Network runs. Nothing executes in it: it has no python3,
    so that its bill of materials cannot be had, which is no reason not to carry it."""
    monkeypatch.setenv("GANTRY_ENGINE_URL", engine_url)
    settings.cache_clear()
    (tmp_path / "cargo").write_text("x")
    (tmp_path / "Containerfile").write_text("FROM scratch\nCOPY cargo /cargo\n")
    podman = Podman.of(probe_engine(), tmp_path)
    podman.build(f"{NAME}:1", tmp_path, "x")
    ExecutionEnvironment.objects.create(name="Network", image=f"{NAME}:1")
    Organization.objects.create(name="Acme")
    yield podman
    for tag in ("1", "2"):
        podman.succeeds("image", "rm", "--force", f"{NAME}:{tag}")
    monkeypatch.undo()
    settings.cache_clear()


def test_there_and_back(podman: Podman, tmp_path: Path) -> None:
    file = str(tmp_path / "network.tar")

    told = gantry("export", "Network", file)
    identity = podman.image_id(f"{NAME}:1")
    podman.run("image", "rm", f"{NAME}:1")
    made = gantry("import", file, "--name", "Carried", "--organization", "Acme")
    again = gantry("import", file, "--name", "Carried", "--image", f"{NAME}:2")

    assert f"{NAME}:1 (linux/" in told
    assert identity in told
    assert "with      the image alone" in told
    assert podman.image_id(f"{NAME}:1") == podman.image_id(f"{NAME}:2") == identity
    assert "Made execution environment Carried" in made
    assert "Updated execution environment Carried" in again
    assert f"Its image was {NAME}:1." in again
    row = ExecutionEnvironment.objects.get(name="Carried")
    assert (row.image, str(row.organization)) == (f"{NAME}:2", "Acme")


def test_refusals_are_a_sentence_and_a_cure(podman: Podman, tmp_path: Path) -> None:
    file = tmp_path / "network.tar"
    gantry("export", "Network", str(file))
    file.write_bytes(file.read_bytes()[:2000])

    cut = gantry("import", str(file), code=1)
    nobody = gantry("import", str(file), "--organization", "Nobody", code=1)
    podman.run("image", "rm", f"{NAME}:1")
    absent = gantry("export", "Network", str(tmp_path / "none.tar"), code=1)

    assert "network.tar is cut off or damaged" in cut
    assert "Copy it again." in cut
    assert "No organization is named Nobody" in nobody
    assert f"does not have image {NAME}:1" in absent
    assert not list(tmp_path.glob("*none.tar*"))
