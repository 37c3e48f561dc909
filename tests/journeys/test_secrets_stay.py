"""Secrets and playbooks are in the pod's memory and nowhere else, and gone when the play is."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tempfile
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from gantry.pods.docker_api import DockerEngine
from gantry.pods.frames import Order
from tests.journeys.controlling import controlling
from tests.journeys.counting import CountingServer
from tests.journeys.outcome import ended, output, told, until
from tests.journeys.raw import asking
from tests.journeys.record import is_cleaned, whole_row
from tests.journeys.test_pod_killed import podman
from tests.journeys.world import World

# New in each run: a search of the disk must not find this file, or an older run's words.
SECRET = f"orchard-{token_hex(8)}"
PASSWORD = f"lantern-{token_hex(8)}"
PLAYBOOK = f"thistle-{token_hex(8)}"  # a comment in the playbook: never printed
INSIDE = ("/runner", "/tmp", "/var/tmp", "/dev/shm")
SITE = f"""
# {PLAYBOOK}
- hosts: alpha
  gather_facts: false
  tasks:
    - debug: {{msg: "the token is {{{{ lookup('env', 'DEMO_TOKEN') }}}}"}}
    - command: cat {{{{ token_file }}}}
    - shell: 'echo loudly: $DEMO_TOKEN; echo {{{{ token }}}} >&2'
"""


@pytest.fixture
def marked(world: World) -> Any:
    """A function that launches a job with marks in every place where a secret can be."""

    def launch(*tasks: str) -> Any:
        from gantry.resources.models import Credential, CredentialType

        kind = CredentialType.objects.create(
            name="Demo", kind="cloud",
            inputs={"fields": [{"id": "token", "label": "Token", "secret": True}]},
            injectors={
                "env": {"DEMO_TOKEN": "{{ token }}"},
                "file": {"template": "{{ token }}"},
                "extra_vars": {"token": "{{ token }}", "token_file": "{{ tower.filename }}"},
            },
        )  # fmt: skip
        demo = Credential.objects.create(
            name="demo", organization=world.organization, credential_type=kind
        )
        demo.set_inputs({"token": SECRET})
        demo.save()
        machine = world.credential("ssh", {"username": "root", "password": PASSWORD})
        template = world.template(SITE + "".join(tasks))
        template.credentials.set([demo, machine])
        return world.launch(template)

    return launch


def holding(paths: list[Path], marks: tuple[str, ...]) -> list[str]:
    """Files under these paths in which a mark stands in plain text."""
    patterns = [f"--regexp={mark}" for mark in marks]
    found = subprocess.run(
        ["grep", "-rlFa", "--devices=skip", "--exclude-dir=overlay", *patterns, *map(str, paths)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return found.stdout.splitlines()


def disk_of_the_controller() -> list[Path]:
    from gantry.base.config import settings

    return [settings().data_dir, Path(tempfile.gettempdir()), Path("/var/tmp")]


def disk_of_the_engine(pod: str) -> list[Path]:
    """What podman keeps of this pod: its directory, its writable layer and its volumes."""
    show = "{{.StaticDir}} {{.GraphDriver.Data.UpperDir}} {{range .Mounts}}{{.Source}} {{end}}"
    places = podman("container", "inspect", "--format", show, pod).split()
    return [Path(place) for place in places if Path(place).exists()]


def command_lines() -> str:
    texts = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                texts.append((entry / "cmdline").read_bytes().decode("utf-8", "replace"))
            except OSError:
                continue
    return "\n".join(texts)


def inside(pod: str) -> str:
    """Files in the pod's memory that hold a mark."""
    script = "; ".join(
        f"grep -rlFa --devices=skip -e {mark} {' '.join(INSIDE)} 2>/dev/null"
        for mark in (SECRET, PASSWORD, PLAYBOOK)
    )
    return podman("exec", pod, "sh", "-c", f"{script}; true")


async def test_while_a_job_runs_its_secrets_are_in_its_pods_memory_only(
    marked: Any, control: Any, outside: CountingServer
) -> None:
    gate = outside.hold("/gate")
    job = await in_thread(lambda: marked(asking(f"{outside.url}/gate")))()
    await until(lambda: outside.counts["/gate"], "the play")
    await in_thread(job.refresh_from_db)()
    marks = (SECRET, PASSWORD, PLAYBOOK)

    assert "/runner" in await in_thread(inside)(job.pod_name)  # the search would find it
    shown = await in_thread(lambda: podman("container", "inspect", job.pod_name))()
    lines = await in_thread(command_lines)()
    assert [mark for mark in marks if mark in shown or mark in lines] == []
    places = disk_of_the_controller() + await in_thread(disk_of_the_engine)(job.pod_name)
    assert await in_thread(holding)(places, marks) == []

    gate.set()
    await ended(job)
    assert job.status == "successful", told(job)
    assert await in_thread(holding)(disk_of_the_controller(), marks) == []


async def test_what_is_recorded_of_a_job_is_masked(marked: Any, control: Any) -> None:
    job = await ended(await in_thread(marked)())

    assert job.status == "successful", told(job)
    text = await in_thread(whole_row)(job)
    assert SECRET not in text
    assert PASSWORD not in text
    said = await output(job)
    assert "the token is $encrypted$" in said or "the token is ***" in said, said
    assert "DEMO_TOKEN" in job.job_env
    assert job.start_secrets == ""


class KeepingEngine(DockerEngine):
    """Keeps acknowledgements from the agent, and pods from being removed before `may_remove`."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.may_remove = asyncio.Event()
        self.asked_to_remove = False

    async def start(self, pod: str) -> Any:
        stream = await super().start(pod)
        write = stream.write

        async def without_acknowledgements(data: bytes) -> None:
            if data[0] != Order.ACK:
                await write(data)

        stream.write = without_acknowledgements  # type: ignore[method-assign]
        return stream

    async def remove(self, pod: str) -> None:
        self.asked_to_remove = True
        await self.may_remove.wait()
        await super().remove(pod)


async def test_the_pod_is_empty_as_soon_as_the_play_has_ended(marked: Any, engine_url: str) -> None:
    """Not when it is removed: the record of its output may take its time."""
    engine = KeepingEngine(engine_url)
    async with controlling(engine):
        job = await in_thread(marked)()
        await until(lambda: engine.asked_to_remove, "the play's end")
        await in_thread(job.refresh_from_db)()

        assert (await engine.inspect(job.pod_id)).state == "running"
        assert await in_thread(inside)(job.pod_name) == ""
        names = await in_thread(lambda: podman("exec", job.pod_name, "ls", "-A", "/runner"))()
        engine.may_remove.set()
        await ended(job)

    assert "project" not in names.split()
    assert job.status == "successful", told(job)
    assert job.cleanup["erased_in_pod"]["left"] == []
    assert is_cleaned(job)


async def test_nothing_of_a_job_is_left_on_the_engine(marked: Any, control: Any) -> None:
    before = await in_thread(things_on_the_engine)()

    job = await ended(await in_thread(marked)())

    after = await in_thread(things_on_the_engine)()
    assert [name for name in after - before if str(control.world.instance[:8]) in name] == []
    assert job.pod_id not in " ".join(after)
    assert {thing for thing in after - before if thing.startswith("network ")} == set()


def things_on_the_engine() -> set[str]:
    found = set()
    for kind, arguments in {
        "pod": ("ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}}"),
        "volume": ("volume", "ls", "--format", "{{.Name}}"),
        "network": ("network", "ls", "--format", "{{.Name}}"),
        "secret": ("secret", "ls", "--format", "{{.Name}}"),
    }.items():
        found |= {f"{kind} {line}" for line in podman(*arguments).splitlines()}
    return found
