"""Project rows on a repository, and their syncs, made short."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from gantry.base.bridge import in_thread
from tests.journeys.outcome import ended, output, told
from tests.journeys.world import World

SITE = "- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: {msg: 'this is %s'}\n"


def project(world: World, url: str, **fields: Any) -> Any:
    from gantry.resources.models import Project

    name = f"Project {Project.objects.count() + 1}"
    values = {"scm_type": "git", **fields}
    return Project.objects.create(
        kind="project", name=name, organization=world.organization, scm_url=url, **values
    )


async def sync(world: World, url: str, **fields: Any) -> Any:
    """The project update, ended, of a new project."""
    from gantry.path.updates import update_project

    def begin() -> Any:
        return update_project(project(world, url, **fields), user=world.admin)

    return await ended(await in_thread(begin)())


async def synced(update: Any) -> Any:
    """Its snapshot, asserting that it went well."""
    assert update.status == "successful", f"{told(update)}\n{await output(update)}"
    return await in_thread(lambda: update.snapshot)()


def template_of(world: World, project: Any, playbook: str = "site.yml", **fields: Any) -> Any:
    template = world.template(project=project, **fields)
    template.playbook = playbook
    template.save()
    return template


def collection(folder: Path) -> bytes:
    """The archive of a collection `tests.thing` with a filter, made by ansible-galaxy."""
    source = folder / "collection"
    (source / "plugins/filter").mkdir(parents=True)
    (source / "README.md").write_text("tests\n")
    (source / "galaxy.yml").write_text(
        "namespace: tests\nname: thing\nversion: 1.0.0\nreadme: README.md\nauthors: [tests]\n"
    )
    (source / "plugins/filter/shout.py").write_text(
        "class FilterModule:\n    def filters(self):\n"
        "        return {'shout': lambda text: text.upper() + '!'}\n"
    )
    galaxy = str(Path(sys.executable).with_name("ansible-galaxy"))
    subprocess.run(
        [galaxy, "collection", "build", "--output-path", str(folder), str(source)],
        check=True, capture_output=True,
    )  # fmt: skip
    return (folder / "tests-thing-1.0.0.tar.gz").read_bytes()
