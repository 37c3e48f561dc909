"""An execution environment built from its definition: by a controller, podman and a site's own
package index, and held to its lock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gantry.base.bridge import in_thread
from gantry.images.builder.lock import read_lock
from gantry.images.podman_cli import Podman
from tests.journeys.building import (
    BASE,
    IMAGE,
    cancel,
    defined,
    definition,
    everything_of,
    nothing_half_made,
    packages,
    podman,
    site,
    start_build,
)
from tests.journeys.conftest import ControllerProcess
from tests.journeys.outcome import ended, output, told, until
from tests.journeys.package_index import PASSWORD, PackageIndex, sha256
from tests.journeys.record import faults_of_record
from tests.journeys.registry import Registry
from tests.journeys.world import World

__all__ = ["nothing_half_made", "packages", "podman", "site"]
pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.usefixtures("nothing_half_made")]

COLLECTION = {
    "galaxy.yml": "{namespace: acme, name: tools, version: 1.2.3, readme: README.md, authors: [a]}",
    "README.md": "Tools of Acme.\n",
    "requirements.txt": "anchor\n",
}
WITH_ALL = """
dependencies:
  galaxy: requirements.yml
  python: [harbour]
additional_build_files:
  - {src: acme, dest: acme}
"""


def a_project(world: World) -> Any:
    files = {f"ee/acme/{name}": text for name, text in COLLECTION.items()}
    files["ee/requirements.yml"] = "collections:\n  - {name: ./acme, type: dir}\n"
    files["ee/execution-environment.yml"] = definition(WITH_ALL)
    return world.project(files, "Environments")


async def test_a_definition_in_a_project_becomes_an_image_with_a_history_and_a_lock(
    world: World, control: Any, site: PackageIndex, podman: Podman, tmp_path: Path
) -> None:
    from gantry.resources.models import EnvironmentDefinition, EnvironmentDigest, ImageContents

    site.add("anchor", "2.0")
    wheel = site.add("harbour", "1.0", requires="anchor")
    project = await in_thread(a_project)(world)
    environment = await defined(
        world, "", IMAGE, project=project, path="ee/execution-environment.yml"
    )
    build = await ended(await start_build(world, environment))
    said = await output(build)
    assert build.status == "successful", (told(build), said)

    # Its output is a job's: every line once, in order, and the index's password in none.
    assert "Successfully installed anchor-2.0 harbour-1.0" in said
    assert PASSWORD not in said
    assert not await in_thread(faults_of_record)(build)
    # The password and the site's CA are neither in a layer nor in the history.
    whole = everything_of(podman, IMAGE, tmp_path)
    assert b"harbour-1.0.dist-info" in whole
    assert PASSWORD.encode() not in whole
    assert site.ca.read_bytes() not in whole
    history = podman.run("history", "--no-trunc", "--format=json", IMAGE)
    assert "/run/gantry-build" in history
    assert PASSWORD not in history

    def rows() -> tuple[Any, ...]:
        return (
            EnvironmentDigest.objects.get(environment=environment),
            ImageContents.objects.get(digest=build.result_digest),
            EnvironmentDefinition.objects.get(environment=environment),
        )

    seen, contents, kept = await in_thread(rows)()
    assert (seen.digest, seen.origin) == (build.result_digest, "built")
    assert contents.state == "inspected"
    assert kept.lock == build.lock
    lock = yaml.safe_load(build.lock)
    assert lock["base"]["reference"] == BASE
    assert lock["base"]["digest"] == build.base_digest
    hashes = [f"sha256:{sha256(wheel)}"]
    assert {"name": "harbour", "version": "1.0", "hashes": hashes} in lock["python"]
    [tools] = [c for c in lock["collections"] if c["name"] == "acme.tools"]
    assert tools["version"] == "1.2.3"
    assert len(tools["sha256"]) == 64
    assert all(p.get("base") for p in lock["system"])


async def test_builds_from_one_lock_are_alike_and_fail_when_a_release_is_gone(
    world: World, control: Any, site: PackageIndex
) -> None:
    from gantry.resources.models import ImageContents

    wheel = site.add("buoy", "1.0")
    environment = await defined(world, definition("dependencies: {python: [buoy]}\n"), IMAGE)
    first = await ended(await start_build(world, environment))
    assert first.status == "successful", (told(first), await output(first))
    site.add("buoy", "1.1")
    second = await ended(await start_build(world, environment, locked=True))
    third = await ended(await start_build(world, environment, locked=True))
    for build in (second, third):
        assert build.status == "successful", (told(build), await output(build))

    def packages_of(build: Any) -> Any:
        return ImageContents.objects.get(digest=build.result_digest).packages

    sets = [await in_thread(packages_of)(b) for b in (first, second, third)]
    assert sets[0] == sets[1] == sets[2]
    assert [p["version"] for p in sets[2] if p["name"] == "buoy"] == ["1.0"]
    assert second.result_digest != third.result_digest, "the third was truly built again"
    assert read_lock(third.lock) == read_lock(first.lock)

    # The same version with other bytes, then none at all.
    site.add("buoy", "1.0", requires="anchor")
    changed = await ended(await start_build(world, environment, locked=True))
    wheel.unlink()
    gone = await ended(await start_build(world, environment, locked=True))
    for build, why in ((changed, "whose hash is in the lock"), (gone, "has no such release")):
        assert (build.status, build.failure_class) == ("failed", "lock_gone"), told(build)
        assert "buoy 1.0 is no longer to be had" in build.job_explanation
        assert why in build.job_explanation


@pytest.mark.parametrize(
    ("what", "code", "words"),
    [
        ({"step": "RUN cat /etc/passwd > /dev/full"}, "disk_full", "No space left on device"),
        ({"step": "RUN python3 -m pip install one two"}, "python_conflict", "one"),
        ({"step": "RUN python3 -m pip install --retries 1 -i https://127.0.0.1:9/simple tug"},
         "index_unreachable", "127.0.0.1"),
        ({"base": "127.0.0.1:9/no/such:1"}, "registry_unreachable", "127.0.0.1:9/no/such:1"),
        ({"base": "localhost/no/such:1"}, "image_not_present", "localhost/no/such:1"),
    ],
)  # fmt: skip
async def test_what_goes_wrong_is_named(
    world: World, control: Any, site: PackageIndex, what: dict[str, str], code: str, words: str
) -> None:
    site.add("one", "1.0", requires="shared==1.0")
    site.add("two", "1.0", requires="shared==2.0")
    site.add("shared", "1.0")
    site.add("shared", "2.0")
    environment = await defined(world, definition(**what), IMAGE)
    build = await ended(await start_build(world, environment))
    assert (build.failure_class, build.failed) == (code, True), (told(build), await output(build))
    assert words in build.job_explanation
    assert build.failure_cure


async def test_a_base_of_a_registry_that_the_organization_does_not_allow_is_refused(
    world: World, control: Any, site: PackageIndex
) -> None:
    world.organization.allowed_registries = ["registry.example.org"]
    await in_thread(world.organization.save)()
    text = definition(base="127.0.0.1:9/no/such:1")
    build = await ended(await start_build(world, await defined(world, text, IMAGE)))
    assert build.failure_class == "registry_not_allowed", told(build)


async def test_a_cancel_in_the_middle_leaves_nothing(
    world: World, control: Any, site: PackageIndex, podman: Podman
) -> None:
    before = podman.image_id(BASE)
    podman.run("tag", BASE, IMAGE)
    text = definition(step="RUN echo under way && sleep 300")
    build = await start_build(world, await defined(world, text, IMAGE))
    await until(lambda: _said(build, "under way"), "the step that takes long")
    await cancel(world, build)
    build = await ended(build)
    assert build.status == "canceled", told(build)
    assert podman.image_id(IMAGE) == before, "the name stayed with the image that had it"
    await until(lambda: "sleep 300" not in _processes(), "the end of the step")


async def test_a_build_whose_controller_is_killed_is_begun_anew(
    world: World, controller: ControllerProcess, site: PackageIndex, tmp_path: Path
) -> None:
    text = definition(step="RUN echo under way && sleep 6 && echo done sleeping")
    controller.environment |= {
        "PIP_INDEX_URL": site.url, "SSL_CERT_FILE": str(site.ca), "PIP_CONFIG_FILE": "/dev/null",
    }  # fmt: skip
    build = await start_build(world, await defined(world, text, IMAGE))
    controller.start()
    await until(lambda: _said(build, "under way"), "the step that takes long")
    controller.kill()
    controller.start()
    build = await ended(build)
    said = await output(build)
    assert build.status == "successful", (told(build), said)
    assert said.count("A controller ended while it built this: begun anew.") == 1
    assert said.splitlines().count("done sleeping") == 1
    assert not await in_thread(faults_of_record)(build)


async def test_the_result_is_pushed_and_a_registry_that_dies_leaves_the_name_alone(
    world: World, control: Any, site: PackageIndex, podman: Podman, registry: Registry
) -> None:
    image = registry.image("site/ee:1")
    login = await in_thread(
        lambda: world.credential("registry", {"host": registry.address, "verify_ssl": False})
    )()
    environment = await defined(world, definition(), image, push=True, push_credential=login)
    try:
        build = await ended(await start_build(world, environment))
        assert build.status == "successful", (told(build), await output(build))
        assert build.result_digest == registry.digest("site/ee", "1")
        assert build.pushed is not None
        named = podman.image_id(image)
        registry.stop()
        await in_thread(_change)(environment)
        build = await ended(await start_build(world, environment))
        assert build.failure_class == "registry_unreachable", told(build)
        assert "built, but not pushed" in build.job_explanation
        assert podman.image_id(image) == named
    finally:
        podman.succeeds("image", "rm", image)


@pytest.fixture
def registry(tmp_path: Path, engine_url: str) -> Iterator[Registry]:
    started = Registry(tmp_path / "registry").start()
    yield started
    started.stop()


def _change(environment: Any) -> None:
    from gantry.resources.models import EnvironmentDefinition

    text = definition(step="RUN echo another")
    EnvironmentDefinition.objects.filter(environment=environment).update(text=text)


def _said(build: Any, words: str) -> bool:
    from gantry.resources.models import JobEvent

    return JobEvent.objects.filter(job_id=build.pk, stdout=words).exists()


def _processes() -> str:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(found)
