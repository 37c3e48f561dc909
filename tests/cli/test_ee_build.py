"""`gantry ee build -f` and `gantry ee lock`, without a database, on this machine's engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gantry.cli.main import main
from gantry.images.podman_cli import Podman
from tests.journeys.building import definition, packages, podman, site
from tests.journeys.conftest import ee_image, engine_url
from tests.journeys.package_index import PackageIndex

__all__ = ["ee_image", "engine_url", "packages", "podman", "site"]
IMAGE = "localhost/gantry-test/here:1"


def gantry(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == code, done.output
    return done


@pytest.mark.engine
@pytest.mark.slow
def test_a_definition_becomes_an_image_and_a_lock_beside_it(
    ee_image: str, site: PackageIndex, podman: Podman, tmp_path: Path
) -> None:
    site.add("dinghy", "1.0")
    file = tmp_path / "ee.yml"
    file.write_text(definition("dependencies: {python: [dinghy]}\n"))
    try:
        said = gantry("ee", "build", "-f", str(file), "-t", IMAGE, "--no-cache").output
        assert podman.image_id(IMAGE)
        lock = (tmp_path / "ee.lock.yml").read_text()
        assert "- {name: dinghy, version: '1.0'" in lock
        assert "Lock: " in said
        assert "agree" in gantry("ee", "lock", "--check", str(file)).output
        file.write_text(definition("dependencies: {python: [dinghy>1]}\n"))
        said = gantry("ee", "lock", "--check", str(file), code=1).output
        assert "dinghy>1 is not met by the lock's 1.0" in said
    finally:
        podman.succeeds("image", "rm", IMAGE)


def test_a_check_needs_a_lock_and_names_what_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "execution-environment.yml"
    file.write_text("version: 3\n")
    assert "makes it" in gantry("ee", "lock", "--check", str(file), code=1).output
    file.write_text("version: 3\ndependencies:\n  pyton: []\n")
    assert "Line 3, dependencies.pyton" in gantry("ee", "lock", "--check", str(file), code=1).output
