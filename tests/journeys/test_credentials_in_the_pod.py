"""Credentials do in the pod what they promise, on a real sshd, and are seen nowhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from gantry.base.bridge import in_thread
from gantry.base.engine_probe import probe_engine
from gantry.cli.demo.images import build_demo_images
from gantry.images.podman_cli import Podman
from gantry.path.launch import ASK, launch_job
from tests.journeys.node import OPS_PASSWORD, Node, ssh_key
from tests.journeys.outcome import ended, output, run, told
from tests.journeys.world import World

WHOAMI = (
    "- hosts: node\n  gather_facts: false\n  tasks:\n"
    "    - command: whoami\n      register: me\n"
    "    - debug: {msg: 'it is {{ me.stdout }} here'}\n"
)
PASSPHRASE = "correct horse é"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Node, str]]:
    """A node, and the private key that opens it."""
    home = tmp_path_factory.mktemp("node")
    build_demo_images(probe_engine(), log=print, conf_dir=home)
    private, public = ssh_key()
    running = Node(Podman.of(probe_engine(), home), public, f"gantry-test-node-{os.getpid()}")
    running.start()
    yield running, private
    running.stop()


def on_node(world: World, node: Node, machine: dict[str, Any], play: str = WHOAMI, **f: Any) -> Any:
    """A template that runs on the node with this Machine credential."""
    from gantry.resources.models import Host

    Host.objects.get_or_create(
        name="node", inventory=world.inventory, defaults={"variables": node.variables()}
    )
    template = world.template(play, **f)
    number = template.pk
    template.credentials.add(world.credential("ssh", machine, f"machine {number}"))
    return template


async def run_with(world: World, template: Any, passwords: dict[str, str]) -> Any:
    """Launch with answers to what the credentials ask for, and wait for the end."""

    def launch() -> Any:
        return launch_job(template, user=world.admin, prompts={}, passwords=passwords).job

    return await ended(await in_thread(launch)())


async def events_of(job: Any) -> str:
    """Everything that is kept of a job, as one text."""
    from gantry.resources.models import Job, JobEvent

    def collect() -> str:
        row = Job.objects.filter(pk=job.pk).values().get()
        events = list(JobEvent.objects.filter(job_id=job.pk).values("stdout", "event_data"))
        return json.dumps([row, events], default=str)

    return await in_thread(collect)()


async def test_a_password_logs_in(world: World, control: Any, node: tuple[Node, str]) -> None:
    machine = {"username": "ops", "password": OPS_PASSWORD}

    job = await run(world, await in_thread(lambda: on_node(world, node[0], machine))())

    assert job.status == "successful", f"{told(job)}\n{await output(job)}"
    assert "it is ops here" in await output(job)


async def test_a_wrong_password_and_a_wrong_key_are_told_as_unreachable(
    world: World, control: Any, node: tuple[Node, str]
) -> None:
    wrong = [{"username": "ops", "password": "not it at all"},
             {"username": "deploy", "ssh_key_data": ssh_key()[0]}]  # fmt: skip

    for machine in wrong:
        template = await in_thread(on_node)(world, node[0], machine)
        job = await run(world, template)
        assert (job.status, job.failure_class) == ("failed", "hosts_unreachable"), told(job)
        assert "Machine credential" in job.failure_cure
        assert "not it at all" not in await events_of(job)


async def test_a_key_with_a_passphrase_opens_and_asks_nobody(
    world: World, control: Any, node: tuple[Node, str]
) -> None:
    key = serialization.load_ssh_private_key(node[1].encode(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.BestAvailableEncryption(PASSPHRASE.encode()),
    ).decode()
    stored = {"username": "deploy", "ssh_key_data": locked, "ssh_key_unlock": PASSPHRASE}
    asked = {**stored, "ssh_key_unlock": ASK}

    job = await run(world, await in_thread(on_node)(world, node[0], stored))
    template = await in_thread(on_node)(world, node[0], asked)
    prompted = await run_with(world, template, {"ssh_key_unlock": PASSPHRASE})

    for each in (job, prompted):
        assert each.status == "successful", f"{told(each)}\n{await output(each)}"
        assert "it is deploy here" in await output(each)


async def test_become_with_its_password_stored_or_asked_for(
    world: World, control: Any, node: tuple[Node, str]
) -> None:
    stored = {"username": "ops", "ssh_key_data": node[1], "become_method": "sudo",
              "become_username": "root", "become_password": OPS_PASSWORD}  # fmt: skip
    asked = {**stored, "become_password": ASK}
    wrong = {**stored, "become_password": "surely not"}

    job = await run(
        world, await in_thread(lambda: on_node(world, node[0], stored, become_enabled=True))()
    )
    template = await in_thread(lambda: on_node(world, node[0], asked, become_enabled=True))()
    prompted = await run_with(world, template, {"become_password": OPS_PASSWORD})
    refused = await run(
        world, await in_thread(lambda: on_node(world, node[0], wrong, become_enabled=True))()
    )

    for each in (job, prompted):
        assert each.status == "successful", f"{told(each)}\n{await output(each)}"
        assert "it is root here" in await output(each)
    assert refused.status == "failed"
    assert "surely not" not in await events_of(refused)


def vault(text: str, password: str, identity: str, folder: Path) -> str:
    """Encrypted by ansible-vault itself."""
    secret = folder / f"password-{identity or 'none'}"
    secret.write_text(password)
    label = f"{identity or 'default'}@{secret}"
    tool = str(Path(sys.executable).with_name("ansible-vault"))
    done = subprocess.run(
        [tool, "encrypt", "--vault-id", label, "--encrypt-vault-id", identity or "default", "-"],
        input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_vaults_with_and_without_an_id_are_opened_by_their_own_passwords(
    world: World, control: Any, tmp_path: Path
) -> None:
    play = ("- hosts: alpha\n  gather_facts: false\n  vars_files: [one.yml, prod.yml]\n"
            "  tasks:\n    - debug: {msg: '{{ one }} and {{ prod }}'}\n")  # fmt: skip
    files = {
        "site.yml": play,
        "one.yml": vault("one: first text\n", "password of one", "", tmp_path),
        "prod.yml": vault("prod: second text\n", "password of prod", "prod", tmp_path),
    }

    def template(*credentials: dict[str, str]) -> Any:
        made = world.template(files)
        for number, inputs in enumerate(credentials):
            made.credentials.add(world.credential("vault", inputs, f"v {made.pk} {number}"))
        return made

    one = {"vault_password": "password of one"}
    prod = {"vault_password": "password of prod", "vault_id": "prod"}
    stored = await run(world, await in_thread(template)(one, prod))
    asking = await in_thread(template)(one, {**prod, "vault_password": ASK})
    asked = await run_with(world, asking, {"vault_password.prod": "password of prod"})
    wrong = await run(world, await in_thread(template)(one, {**prod, "vault_password": "not it"}))

    for job in (stored, asked):
        assert job.status == "successful", f"{told(job)}\n{await output(job)}"
        assert "first text and second text" in await output(job)
        assert "password of" not in await events_of(job)
    assert wrong.status == "failed"
    assert "decrypt" in (wrong.job_explanation + await output(wrong)).lower(), told(wrong)


async def test_secrets_that_a_play_prints_are_masked_in_stdout_events_and_row(
    world: World, control: Any, node: tuple[Node, str]
) -> None:
    from gantry.resources.models import Credential, CredentialType

    token = 'tok"en\\with é and more'
    play = (
        "- hosts: alpha\n  gather_facts: false\n  tasks:\n"
        "    - debug: {msg: \"{{ lookup('env', 'API_TOKEN') }}\"}\n"
        "    - debug: {var: api_token}\n"
        "    - command: cat {{ lookup('env', 'API_FILE') }}\n"
        "    - command: env\n"
        "    - fail: {msg: 'refused {{ api_token }}'}\n      ignore_errors: true\n"
    )

    def template() -> Any:
        kind = CredentialType.objects.create(
            name="API", kind="cloud",
            inputs={"fields": [{"id": "token", "label": "T", "type": "string", "secret": True}]},
            injectors={
                "env": {"API_TOKEN": "{{ token }}", "API_FILE": "{{ tower.filename }}"},
                "extra_vars": {"api_token": "{{ token }}"},
                "file": {"template": "token = {{ token }}\n"},
            },
        )  # fmt: skip
        credential = Credential.objects.create(
            name="api", organization=world.organization, credential_type=kind
        )
        credential.set_inputs({"token": token})
        credential.save()
        made = on_node(world, node[0], {"username": "ops", "password": OPS_PASSWORD}, play)
        made.credentials.add(credential)
        return made

    job = await run(world, await in_thread(template)())
    kept = await events_of(job)

    assert job.status == "successful", f"{told(job)}\n{await output(job)}"
    assert "********" in await output(job)
    for secret in (token, json.dumps(token)[1:-1], "with é and more", OPS_PASSWORD):
        assert secret not in kept
        assert secret not in await output(job)


async def test_extra_vars_are_no_jinja_unless_the_template_says_them(
    world: World, control: Any
) -> None:
    play = ("- hosts: alpha\n  gather_facts: false\n  tasks:\n"
            "    - debug: {msg: 'own={{ own }} asked={{ asked }}'}\n")  # fmt: skip
    template = await in_thread(lambda: world.template(
        play, extra_vars='{"own": "{{ 6 * 7 }}"}', ask_variables_on_launch=True))()  # fmt: skip

    job = await run(world, template, extra_vars={"asked": "{{ 6 * 7 }}"})

    assert job.status == "successful", told(job)
    assert "own=42 asked={{ 6 * 7 }}" in await output(job)


async def test_limit_tags_check_and_diff_reach_ansible(world: World, control: Any) -> None:
    play = (
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        "    - copy: {dest: /tmp/made, content: 'a line'}\n      tags: [make]\n"
        "    - debug: {msg: 'must not run'}\n      tags: [skipped]\n"
        "    - debug: {msg: 'not asked for'}\n"
    )
    template = await in_thread(lambda: world.template(
        play, limit="beta", job_tags="make,skipped", skip_tags="skipped", job_type="check",
        diff_mode=True, verbosity=1, forks=3))()  # fmt: skip

    job = await run(world, template)
    text = await output(job)
    hosts = await in_thread(lambda: {s.host_name for s in job.job_host_summaries.all()})()

    assert job.status == "successful", told(job)
    assert hosts == {"beta"}
    assert "+a line" in text
    assert "must not run" not in text
    assert "not asked for" not in text
