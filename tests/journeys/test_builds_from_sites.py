"""Builds whose collections come from a Galaxy server and whose system packages from an apt
repository, of every schema version, and held to their lock."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gantry.base.bridge import in_thread
from gantry.images.builder import host
from gantry.images.builder.lock import read_lock
from gantry.images.podman_cli import Podman
from tests.journeys.building import (
    BASE,
    IMAGE,
    defined,
    definition,
    nothing_half_made,
    packages,
    podman,
    site,
    start_build,
)
from tests.journeys.deb_repository import DebRepository
from tests.journeys.galaxy_server import TOKEN, GalaxyServer, build_archives
from tests.journeys.outcome import ended, output, told
from tests.journeys.package_index import PackageIndex
from tests.journeys.world import World

__all__ = ["nothing_half_made", "packages", "podman", "site"]
pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.usefixtures("nothing_half_made")]

COLLECTIONS = [
    ("acme.rope", "1.0.0", {}), ("acme.rope", "2.0.0", {}), ("acme.rope", "2.1.0", {}),
    ("acme.mast", "1.0.0", {"acme.rope": ">=1.0.0,<2.0.0"}),
    ("acme.sail", "1.0.0", {"acme.rope": ">=2.0.0"}),
]  # fmt: skip
SITE_BASE = "localhost/gantry-test/site-base:1"
VERSION_1 = f"""
version: 1
build_arg_defaults: {{EE_BASE_IMAGE: '{SITE_BASE}', EE_BUILDER_IMAGE: '{SITE_BASE}'}}
dependencies: {{galaxy: requirements.yml, python: requirements.txt, system: bindep.txt}}
additional_build_steps: {{prepend: RUN echo before, append: [RUN echo behind]}}
"""
VERSION_2 = f"""
version: 2
images: {{base_image: {{name: '{SITE_BASE}'}}, builder_image: {{name: '{SITE_BASE}'}}}}
dependencies: {{galaxy: requirements.yml, python: requirements.txt, system: bindep.txt}}
"""
REQUIREMENTS = {
    "requirements.yml": "collections: [acme.sail]\n", "requirements.txt": "windlass\n",
    "bindep.txt": "hawser [platform:dpkg]\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("collections")
    build_archives(folder, COLLECTIONS)
    return folder


@pytest.fixture
def galaxy(
    archives: Path, site: PackageIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[GalaxyServer]:
    """This machine's ansible-galaxy knows the site's server alone."""
    folder = tmp_path / "galaxy"
    shutil.copytree(archives, folder, ignore=shutil.ignore_patterns("sources"))
    server = GalaxyServer(folder).start()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    yield server
    server.stop()


@pytest.fixture
def debs(tmp_path: Path, ee_image: str, podman: Podman) -> Iterator[DebRepository]:
    """The repository that SITE_BASE, a base and builder image, installs from."""
    repository = DebRepository(tmp_path / "apt" / "pool").start()
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "Containerfile").write_text(
        f"FROM {ee_image}\nCOPY sources.list /etc/apt/sources.list\n"
    )
    (tmp_path / "base" / "sources.list").write_text(f"{repository.source}\n")
    podman.run("build", "--network=none", "--tag", SITE_BASE, str(tmp_path / "base"))
    yield repository
    podman.succeeds("image", "rm", SITE_BASE)
    repository.stop()


async def in_a_project(world: World, text: str) -> Any:
    """A project with the definition and the files that it names."""
    files = {**REQUIREMENTS, "execution-environment.yml": text}
    return await in_thread(lambda: world.project(files, f"Environments {text[:11].strip()}"))()


async def change_project(environment: Any, project: Any) -> None:
    from gantry.resources.models import EnvironmentDefinition

    rows = EnvironmentDefinition.objects.filter(environment=environment)
    await in_thread(lambda: rows.update(project=project))()


async def test_schema_1_with_everything_from_a_site_and_from_its_lock_the_same_by_schema_2(
    world: World, control: Any, site: PackageIndex, galaxy: GalaxyServer, debs: DebRepository,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    from gantry.resources.models import ImageContents

    read, pip_settings = [], host.pip_settings

    def counted() -> dict[str, str]:
        read.append(1)
        return pip_settings()

    monkeypatch.setattr(host, "pip_settings", counted)
    site.add("windlass", "1.0")
    debs.add("bollard", "1.0-1")
    debs.add("hawser", "1.0-1", depends="bollard")
    newer = galaxy.archive("acme.rope", "2.1.0").rename(galaxy.folder / "not-yet")
    project = await in_a_project(world, VERSION_1)
    environment = await defined(world, "", IMAGE, project=project, path="execution-environment.yml")
    first = await ended(await start_build(world, environment))
    said = await output(first)
    assert first.status == "successful", (told(first), said)
    assert TOKEN not in said
    assert f"Builder image {SITE_BASE}: " in said
    assert len(read) == 1, "each takes 0.3 s"
    assert said.index("\nbefore\n") < said.index("\nbehind\n")

    lock = yaml.safe_load(first.lock)
    # bindep and its like are the builder's alone.
    assert [p["name"] for p in lock["python"] if not p.get("base")] == ["windlass"]
    assert lock["builder"]["reference"] == SITE_BASE
    for name, version in (("sail", "1.0.0"), ("rope", "2.0.0")):
        [found] = [c for c in lock["collections"] if c["name"] == f"acme.{name}"]
        assert found["version"] == version
        assert len(found["sha256"]) == 64
        assert found["source"].endswith(f"/acme-{name}-{version}.tar.gz")
    added = [(p["name"], p["version"]) for p in lock["system"] if not p.get("base")]
    assert added == [("bollard", "1.0-1"), ("hawser", "1.0-1")]

    # Newer ones of all of them, and the definition written anew: the lock's are built again.
    await change_project(environment, await in_a_project(world, VERSION_2))
    newer.rename(galaxy.archive("acme.rope", "2.1.0"))
    site.add("windlass", "1.1")
    debs.add("bollard", "1.1-1")
    debs.add("hawser", "1.1-1", depends="bollard")
    second = await ended(await start_build(world, environment, locked=True))
    assert second.status == "successful", (told(second), await output(second))
    locks = read_lock(first.lock), read_lock(second.lock)
    assert locks[0] == replace(locks[1], definition=locks[0].definition)
    assert locks[0].definition != locks[1].definition

    def packages_of(build: Any) -> Any:
        return ImageContents.objects.get(digest=build.result_digest).packages

    assert await in_thread(packages_of)(second) == await in_thread(packages_of)(first)

    # One that is gone is named, whichever it is.
    debs.remove("hawser", "1.0-1")
    gone = await ended(await start_build(world, environment, locked=True))
    assert (gone.status, gone.failure_class) == ("failed", "lock_gone"), told(gone)
    assert "Debian package hawser 1.0-1 of the lock is no longer to be had" in gone.job_explanation
    galaxy.archive("acme.rope", "2.0.0").unlink()
    gone = await ended(await start_build(world, environment, locked=True))
    assert (gone.status, gone.failure_class) == ("failed", "lock_gone"), told(gone)
    assert "Collection acme.rope 2.0.0 of the lock is no longer to be had" in gone.job_explanation


async def test_a_builder_image_that_nobody_named_is_said_to_be_the_default(
    world: World, control: Any, site: PackageIndex
) -> None:
    world.organization.allowed_registries = ["localhost"]
    await in_thread(world.organization.save)()
    text = f"build_arg_defaults: {{EE_BASE_IMAGE: '{BASE}'}}\n"
    build = await ended(await start_build(world, await defined(world, text, IMAGE)))
    assert build.failure_class == "registry_not_allowed", told(build)
    assert build.job_explanation.startswith(
        "The definition names no builder image, and ansible-builder's own cannot be had: "
    )
    assert "quay.io" in build.job_explanation
    assert "build_arg_defaults.EE_BUILDER_IMAGE" in build.failure_cure


async def test_collections_that_contradict_each_other_are_named(
    world: World, control: Any, galaxy: GalaxyServer
) -> None:
    text = definition("dependencies: {galaxy: {collections: [acme.mast, acme.sail]}}\n")
    build = await ended(await start_build(world, await defined(world, text, IMAGE)))
    assert (build.status, build.failure_class) == ("failed", "collection_conflict"), told(build)
    for words in (
        "The collections' requirements contradict each other",
        "acme.rope:>=2.0.0 (dependency of acme.sail:1.0.0)",
        "acme.rope:>=1.0.0,<2.0.0 (dependency of acme.mast:1.0.0)",
    ):
        assert words in build.job_explanation


async def test_a_base_without_a_package_manager_is_told_when_something_is_to_be_installed(
    world: World, control: Any, site: PackageIndex
) -> None:
    # What ansible-builder's scripts call, in their order: cleaning up is no reason to fail.
    steps = "RUN rm /usr/bin/apt-get && $PKGMGR clean all && $PKGMGR install -y tree"
    text = definition(f"additional_build_steps: {{prepend_base: {steps}}}\n")
    build = await ended(await start_build(world, await defined(world, text, IMAGE)))
    assert (build.status, build.failure_class) == ("failed", "no_package_manager"), told(build)
    assert build.job_explanation.startswith(
        "The image has none of the package managers that Gantry knows (apt-get, dnf, microdnf): "
        "no package manager to install tree"
    )
    assert "Choose a base image that has one" in build.failure_cure
