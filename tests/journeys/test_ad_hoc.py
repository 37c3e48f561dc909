"""Ad hoc commands from launch to record, on real nodes: `ansible -m` in a pod of the job's EE."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from gantry.base.bridge import in_thread
from gantry.base.engine_probe import probe_engine
from gantry.cli.demo.images import build_demo_images
from gantry.images.podman_cli import Podman
from gantry.path.launch import ASK, cancel_job
from tests.journeys.node import OPS_PASSWORD, Node, ssh_key
from tests.journeys.outcome import ended, output, told, until
from tests.journeys.world import World
from tests.resources.lookups.server import Asked, service
from tests.resources.lookups.vault import TOKEN


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    home: Path = tmp_path_factory.mktemp("node")
    build_demo_images(probe_engine(), log=print, conf_dir=home)
    running = Node(Podman.of(probe_engine(), home), ssh_key()[1], f"gantry-ad-hoc-{os.getpid()}")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def nodes(world: World, node: Node) -> Any:
    """An inventory of the node and of a host where nobody listens."""
    from gantry.resources.models import Host, Inventory

    inventory = Inventory.objects.create(name="Nodes", organization=world.organization)
    for name, port in (("node", node.port), ("nobody", 1)):
        where = json.dumps({"ansible_host": node.address, "ansible_port": port})
        Host.objects.create(name=name, inventory=inventory, variables=where)
    return inventory


async def run(
    world: World, inventory: Any, passwords: dict[str, str] | None = None, **values: Any
) -> Any:
    from gantry.path.ad_hoc import run_ad_hoc

    def launch() -> Any:
        given = {"inventory": inventory, **values}
        return run_ad_hoc(given, user=world.admin, passwords=passwords)

    return await in_thread(launch)()


async def events(job: Any) -> list[tuple[str, str]]:
    from gantry.resources.models import JobEvent

    rows = JobEvent.objects.filter(job_id=job.pk).order_by("id")
    return await in_thread(lambda: list(rows.values_list("event", "host_name")))()


async def test_a_module_runs_with_the_credential_the_variables_and_as_another_user(
    world: World, control: Any, nodes: Any
) -> None:
    def credential() -> Any:
        asked = {"username": "ops", "password": ASK, "become_password": ASK}
        return world.credential("ssh", asked)

    job = await ended(
        await run(
            world, nodes, {"ssh_password": OPS_PASSWORD, "become_password": OPS_PASSWORD},
            credential=await in_thread(credential)(), limit="node", become_enabled=True,
            module_name="shell", module_args="echo it is $(whoami) here",
            extra_vars="greeting: hello", verbosity=1, forks=2,
        )
    )  # fmt: skip

    text = await output(job)
    assert job.status == "successful", f"{told(job)}\n{text}"
    assert "it is root here" in text
    assert OPS_PASSWORD not in text
    assert ("runner_on_ok", "node") in await events(job)
    assert job.name == "shell: echo it is $(whoami) here"
    assert job.ee_reason == "organization default of Acme, owner of inventory Nodes"
    assert job.cleanup["removed"] is True
    assert json.loads(job.job_args)[:3] == ["ansible", "-u", "ops"]
    assert OPS_PASSWORD not in json.dumps([job.job_args, job.job_env])
    hosts = await in_thread(lambda: [h.name for h in job.hosts.all()])()
    assert hosts == ["node"]


async def test_a_host_that_fails_and_one_that_nobody_answers_are_told_apart(
    world: World, control: Any, nodes: Any
) -> None:
    from gantry.api.ad_hoc_commands import AdHocCommandDetailSerializer

    def credential() -> Any:
        return world.credential("ssh", {"username": "ops", "password": OPS_PASSWORD})

    machine = await in_thread(credential)()
    failing, missing = [
        await run(world, nodes, credential=machine, module_name="command", **values)
        for values in ({"module_args": "false", "limit": "node"}, {"module_args": "true"})
    ]

    for job, code in ((failing, "hosts_failed"), (missing, "hosts_unreachable")):
        await ended(job)
        assert (job.status, job.failure_class) == ("failed", code), told(job)
    assert ("runner_on_failed", "node") in await events(failing)
    assert {("runner_on_ok", "node"), ("runner_on_unreachable", "nobody")} <= set(
        await events(missing)
    )
    counts = AdHocCommandDetailSerializer().get_host_status_counts
    assert await in_thread(counts)(missing) == {"changed": 1, "dark": 1}


async def test_check_mode_diff_and_hosts_that_look_like_an_option(
    world: World, control: Any
) -> None:
    def options() -> Any:
        from gantry.resources.models import Host

        local = world.inventory.hosts.first().variables
        return Host.objects.create(name="-m", inventory=world.inventory, variables=local)

    await in_thread(options)()
    checked = await run(
        world, world.inventory, module_name="command", module_args="touch /tmp/x",
        job_type="check", diff_mode=True, limit="alpha",
    )  # fmt: skip
    odd = await run(world, world.inventory, module_name="ping", limit="-m")
    arguments = await run(
        world, world.inventory, module_name="command", module_args="-missing", limit="alpha"
    )

    jinja = await run(
        world, world.inventory, module_name="command", module_args="echo {{ a }}", limit="alpha"
    )

    await asyncio.gather(*(ended(job) for job in (checked, odd, arguments, jinja)))
    assert checked.status == "successful", f"{told(checked)}\n{await output(checked)}"
    assert ("runner_on_skipped", "alpha") in await events(checked)
    assert {"--check", "--diff"} <= set(json.loads(checked.job_args))
    assert odd.status == "successful", f"{told(odd)}\n{await output(odd)}"
    assert [host for event, host in await events(odd) if event == "runner_on_ok"] == ["-m"]
    assert (arguments.status, arguments.failure_class) == ("failed", "hosts_failed")
    assert (jinja.status, jinja.failure_class) == ("error", "jinja_refused")


async def test_a_running_command_is_canceled(world: World, control: Any) -> None:
    job = await run(
        world, world.inventory, module_name="shell", module_args="sleep 600", limit="alpha"
    )

    def running() -> bool:
        job.refresh_from_db()
        return bool(job.job_args)

    await until(running, "ansible to run")
    await in_thread(lambda: cancel_job(job, user=world.admin))()
    await ended(job)
    assert (job.status, job.failure_class) == ("canceled", "canceled"), told(job)
    assert job.cleanup["removed"] is True


async def test_a_password_is_looked_up_for_the_job_and_is_nowhere_else(
    world: World, control: Any, nodes: Any
) -> None:
    from gantry.resources.models import CredentialInputSource, JobEvent, UnifiedJob

    def machine(url: str) -> Any:
        vault = world.credential("hashivault_kv", {"url": url, "token": TOKEN}, "The vault")
        target = world.credential("ssh", {"username": "ops"}, "Operators")
        CredentialInputSource.objects.create(
            target_credential=target, source_credential=vault, input_field_name="password",
            metadata={"secret_path": "kv/ops", "secret_key": "password"},
        )  # fmt: skip
        return target

    def kept(job: Any) -> str:
        rows = UnifiedJob.objects.filter(pk=job.pk).values().get()
        events = JobEvent.objects.filter(job_id=job.pk).values("stdout", "event_data")
        return json.dumps([rows, list(events)], default=str)

    asked = {"module_name": "shell", "module_args": f"echo {OPS_PASSWORD}", "limit": "node"}
    with service() as vault:
        answer = {"data": {"password": OPS_PASSWORD}}
        vault.routes["GET /v1/kv/ops"] = lambda asked: (200, answer)
        credential = await in_thread(machine)(vault.url)
        found = await ended(await run(world, nodes, credential=credential, **asked))
        tokens = {request.headers["x-vault-token"] for request in vault.asked}
    down = await ended(await run(world, nodes, credential=credential, **asked))

    assert found.status == "successful", f"{told(found)}\n{await output(found)}"
    assert tokens == {TOKEN}
    assert "********" in await output(found)
    assert (down.status, down.failure_class) == ("error", "lookup_failed"), told(down)
    assert down.job_explanation.startswith(
        "Field password of credential Operators could not be looked up by credential The vault "
        "(HashiCorp Vault Secret Lookup): 127.0.0.1:"
    )
    for job in (found, down):
        text = (await in_thread(kept)(job)).replace(json.dumps(job.module_args)[1:-1], "")
        assert TOKEN not in text
        assert OPS_PASSWORD not in text.replace(job.name, "")


async def test_a_key_that_vault_signs_for_the_job_logs_in(
    world: World, control: Any, nodes: Any, node: Node
) -> None:
    from gantry.resources.models import CredentialInputSource

    authority = ed25519.Ed25519PrivateKey.generate()
    private, public = ssh_key()
    node.trust(ssh_public(authority))

    def sign(asked: Asked) -> tuple[int, Any]:
        given = asked.json()
        return 200, {"data": {"signed_key": certificate(authority, **given)}}

    def machine(url: str) -> Any:
        vault = world.credential("hashivault_ssh", {"url": url, "token": TOKEN}, "The signer")
        target = world.credential("ssh", {"username": "ops", "ssh_key_data": private}, "Signed")
        CredentialInputSource.objects.create(
            target_credential=target, source_credential=vault,
            input_field_name="ssh_public_key_data",
            metadata={"secret_path": "ssh", "role": "ops", "public_key": public,
                      "valid_principals": "ops"},
        )  # fmt: skip
        return target

    with service() as vault:
        vault.routes["POST /v1/ssh/sign/ops"] = sign
        credential = await in_thread(machine)(vault.url)
        job = await ended(
            await run(world, nodes, credential=credential, module_name="ping", limit="node")
        )

    assert job.status == "successful", f"{told(job)}\n{await output(job)}"


def ssh_public(key: ed25519.Ed25519PrivateKey) -> str:
    openssh = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return key.public_key().public_bytes(*openssh).decode()


def certificate(
    authority: ed25519.Ed25519PrivateKey, public_key: str, valid_principals: str
) -> str:
    """As Vault signs: https://developer.hashicorp.com/vault/api-docs/secret/ssh#sign-ssh-key"""
    key = serialization.load_ssh_public_key(public_key.encode())
    assert isinstance(key, ed25519.Ed25519PublicKey)
    made = (
        serialization.SSHCertificateBuilder()
        .public_key(key)
        .type(serialization.SSHCertificateType.USER)
        .key_id(b"vault")
        .valid_principals([valid_principals.encode()])
        .valid_after(0)
        .valid_before(2**62)
        .sign(authority)
    )
    return made.public_bytes().decode()
