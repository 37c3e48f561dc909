"""`gantry ee inspect`, `diff`, `sbom`: on a real engine, and without a database where they can."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.images.inspect.conftest import BASE, STARTER
from tests.journeys.conftest import ee_image, engine_url

__all__ = ["ee_image", "engine_url"]
Gantry = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def gantry(engine_url: str, ee_image: str, tmp_path: Path) -> Gantry:
    """The command, where no Gantry was ever started but for an engine."""
    alone = {"GANTRY_DATA_DIR": str(tmp_path / "none"), "GANTRY_ENGINE_URL": engine_url,
             "COLUMNS": "200", "TERM": "dumb"}  # fmt: skip

    def run(*arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "gantry.cli.main", "ee", *arguments],
            capture_output=True, text=True, env={**os.environ, **alone}, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def pods_gone(engine_url: str) -> Iterator[None]:
    """No pod of these commands is left on the engine."""
    yield
    from gantry.base.engine_probe import probe_engine
    from gantry.images.podman_cli import Podman

    podman = Podman.of(probe_engine(), Path("/tmp/gantry-test-inspect"))
    assert podman.run("ps", "-a", "--filter=name=gantry-inspect-", "--format={{.Names}}") == ""


def test_inspect_shows_what_is_inside(gantry: Gantry, pods_gone: None) -> None:
    shown = gantry("inspect", STARTER).stdout

    for words in (STARTER, "linux/", "Debian", "ansible-core", "amazon.aws", "boto3", "Apache-2.0",
                  "deb packages"):  # fmt: skip
        assert words in shown
    assert "libc6" not in shown
    assert "boto3" not in gantry("inspect", STARTER, "--search", "posix").stdout
    assert "libc6" in gantry("inspect", STARTER, "--kind", "deb", "--search", "libc6").stdout


def test_inspect_as_json_and_a_bill_of_materials(gantry: Gantry, tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    found = json.loads(gantry("inspect", STARTER, "--json", "--sbom", str(file)).stdout)

    assert found["ansible_core"]
    assert found["reference"] == STARTER
    assert {p["kind"] for p in found["packages"]} == {"collection", "python", "deb"}
    text = file.read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert len(json.loads(text)["components"]) == len(found["packages"])


def test_inspect_tells_what_it_did_not_find(gantry: Gantry) -> None:
    assert "ansible-core was not found" in gantry("inspect", BASE).stdout


@pytest.mark.parametrize("name", ["localhost/no/such:1", "sha256:" + "0" * 64, "Not a name"])
def test_an_image_that_is_not_there_is_a_sentence(gantry: Gantry, name: str) -> None:
    assert "gantry: " in gantry("inspect", name, status=1).stderr


def test_diff_of_two_images(gantry: Gantry) -> None:
    shown = gantry("diff", BASE, STARTER).stdout
    assert "ansible-core" in shown
    assert "3 collections" in shown
    found = json.loads(gantry("diff", BASE, STARTER, "--json", "--exit-code", status=1).stdout)
    assert [c["name"] for c in found["kinds"]["collection"]["added"]] == [
        "amazon.aws", "ansible.posix", "community.general",
    ]  # fmt: skip
    assert found["facts"][0]["name"] == "ansible_core"
    assert gantry("diff", STARTER, STARTER, "--exit-code").stdout == "No package differs.\n"


def test_diff_and_sbom_of_environments_by_name(db: str, tmp_path: Path) -> None:
    """What the database knows needs no engine."""
    from gantry.resources.models import ExecutionEnvironment
    from tests.api.test_environment_contents import NEW, OLD, inspected

    for name, digest in (("one", OLD), ("two", NEW)):
        ExecutionEnvironment.objects.create(name=name, image="a/b", last_digest=digest)
    inspected(OLD, packages=[])
    inspected(NEW)

    def run(*arguments: str) -> Any:
        away = {**os.environ, "GANTRY_ENGINE_URL": f"unix://{tmp_path}/none.sock", "COLUMNS": "200"}
        return subprocess.run(
            [sys.executable, "-m", "gantry.cli.main", "ee", *arguments],
            capture_output=True, text=True, env=away, check=False,
        )  # fmt: skip

    assert "boto3" in run("diff", "one", "two").stdout
    assert "boto3" in run("diff", OLD, NEW).stdout
    text = run("sbom", "two").stdout
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    assert run("sbom", "two", "--digest", OLD).stderr.startswith("gantry: two never meant")
    assert "named three" in run("sbom", "three").stderr
