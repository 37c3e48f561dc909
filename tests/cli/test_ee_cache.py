"""`gantry ee images`, `prune` and `platforms`, as a person types them, on a real engine."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner, Result

from gantry.base.config import settings
from gantry.base.engine_probe import probe_engine
from gantry.cli.ee import ee
from gantry.cli.main import main
from gantry.images.podman_cli import Podman
from gantry.resources.models import ExecutionEnvironment, UnifiedJob
from tests.images.conftest import shelf
from tests.images.docker_registry import Shelf
from tests.journeys.conftest import ee_image, engine_url

__all__ = ["ee_image", "engine_url", "shelf"]


def gantry(*arguments: str, code: int = 0) -> Result:
    done = CliRunner(env={"COLUMNS": "200"}).invoke(main, arguments)
    assert done.exit_code == code, done.output
    return done


@pytest.fixture(autouse=True)
def engine(db: str, engine_url: str) -> Iterator[None]:
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def old(tmp_path: Path, engine_url: str) -> Iterator[str]:
    """An image that a job ran 90 days ago, and nothing since."""
    podman = Podman.of(probe_engine(), tmp_path)
    with tarfile.open(tmp_path / "layer.tar", "w") as layer:
        content = uuid4().hex.encode()
        member = tarfile.TarInfo("cargo")
        member.size = len(content)
        layer.addfile(member, io.BytesIO(content))
    name = f"localhost/gantry-test/cli:{uuid4().hex[:8]}"
    podman.run("import", str(tmp_path / "layer.tar"), name)
    identity = podman.image_id(name)
    UnifiedJob.objects.create(
        kind="job", status="successful", ee_digest=f"sha256:{identity}", ee_image=name,
        finished=datetime.now(UTC) - timedelta(days=90),
    )  # fmt: skip
    yield name
    podman.succeeds("image", "rm", "--force", identity)


@pytest.mark.parametrize("command", ["images", "prune", "platforms"])
def test_each_command_says_what_it_is_for_with_an_example(command: str) -> None:
    shown = gantry("ee", command, "--help").output

    assert f"gantry ee {command}" in shown.partition("Example")[2]
    assert command in ee.commands


def test_images_are_listed_with_why_they_stay(old: str, ee_image: str) -> None:
    lines = gantry("ee", "images").output.splitlines()

    (mine,) = [line for line in lines if old in line]
    (starter,) = [line for line in lines if ee_image in line]
    assert "(may go)" in mine
    assert "(may go)" not in starter


def test_pruning_can_be_tried_first(old: str) -> None:
    tried = gantry("ee", "prune", "--older-than", "30d", "--dry-run").output
    kept = gantry("ee", "prune", "--older-than", "91d").output
    gone = gantry("ee", "prune", "--older-than", "30d").output

    assert f"would remove {old}" in tried
    assert "0 images" in kept
    assert f"removed {old}" in gone
    assert old not in gantry("ee", "images").output


def test_pruning_says_what_it_needs() -> None:
    assert "GANTRY_IMAGE_KEEP_DAYS" in gantry("ee", "prune", code=2).output
    assert "30d" in gantry("ee", "prune", "--older-than", "a while", code=2).output


def test_platforms_mark_the_engines_own(shelf: Shelf) -> None:
    shelf.index("many", "linux/s390x", "linux/amd64", "linux/arm64")
    shelf.index("foreign", "linux/s390x")
    for tag in ("many", "foreign"):
        row = ExecutionEnvironment.objects.create(name=tag, image=shelf.image(tag))
        row.credential = _open_registry(tag)
        row.save()

    marked = [r for r in gantry("ee", "platforms", "many").output.splitlines() if "<-" in r]
    foreign = gantry("ee", "platforms", "foreign", code=1).output

    assert len(marked) == 1
    assert "linux/s390x" in foreign
    assert "None is for the engine's platform" in foreign


def _open_registry(name: str) -> Any:
    from gantry.resources.models import Credential, CredentialType

    kind = CredentialType.objects.get(namespace="registry")
    return Credential.objects.create(
        name=name, credential_type=kind, inputs={"host": "", "verify_ssl": False}
    )
