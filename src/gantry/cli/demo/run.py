"""The demo: build what it needs, make its rows, launch its job, show it, print its record.

Everything is reused on a second run. It makes rows as a person would, and launches as anyone does.
"""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gantry.base.config import Settings, settings
from gantry.base.engine_probe import EngineSetup, probe_engine
from gantry.base.errors import ConfigurationError
from gantry.cli import jobs
from gantry.cli.demo.images import build_demo_images
from gantry.cli.demo.versions import show_versions
from gantry.cli.demo.world import DemoFacts, DemoWorld, remove_containers
from gantry.images.podman_cli import Podman
from gantry.images.starter import STARTER_IMAGE

NAME = "Gantry demo"
PATIENCE = 90.0
INSTANCE = "instance"  # file with the installation's uuid: its pods are found by it


def run(state: Path) -> int:
    """0 when the demo's job was successful."""
    from gantry.resources.jobs import Installation

    s = settings()
    setup = probe_engine()
    for problem in setup.problems:
        click.secho(f"engine: {problem.sentence} {problem.cure}", fg="yellow", err=True)
    facts = _world(setup, state)
    _wait_until_up(s)
    if _older_tables():
        raise ConfigurationError(
            "The Gantry that runs here is older than this code.",
            cure="`scripts/demo --stop`, then `scripts/demo`: its tables are brought up to date.",
        )
    _login(s)
    (state / INSTANCE).write_text(str(Installation.objects.get().uuid))
    template = _rows(facts, s)
    job = jobs.launch(str(template.pk), {}, "")
    click.secho(f"\nJob {job.pk} in the browser: {jobs.page(job)}", bold=True)
    click.echo(f"Login: {s.admin_user} / {_password()}\n")
    code = jobs.follow(job)
    job.refresh_from_db()
    click.echo("\n" + jobs.record(job))
    sync = job.dependencies.filter(kind="project_update").first()
    if sync is not None:
        click.echo("\nThe project's sync, a job of its own:\n" + jobs.record(sync))
    if code == 0 and job.execution_environment is not None:
        show_versions(setup, state, job.execution_environment)
    click.secho(f"\nGantry goes on running at {s.public_url}", bold=True)
    click.echo(f"Login: {s.admin_user} / {_password()}    Stop everything: scripts/demo --stop")
    return code


def stop(state: Path) -> int:
    """End jobs, processes, nodes and pods of the demo; keys, database and images stay."""
    from gantry.cli.up import running_pid
    from gantry.cli.up import stop as stop_gantry

    if running_pid(settings()) and not _older_tables():
        _cancel_jobs()
    click.echo(stop_gantry())
    setup = probe_engine()
    if (state / INSTANCE).exists():
        # Only this installation's: another may run on the same engine.
        label = f"label=gantry.instance={(state / INSTANCE).read_text()}"
        podman = Podman.of(setup, state)
        left = podman.run("ps", "--all", "--quiet", "--filter", label).split()
        if left:
            remove_containers(podman, left)
    DemoWorld(setup, state).stop()
    click.echo("Nodes, cloud and pods are gone. `scripts/demo` starts them again in seconds.")
    return 0


def _older_tables() -> bool:
    """Whether what runs was started before this code came: it knows other tables."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _cancel_jobs() -> None:
    """Ask for the end of all that runs and wait for it."""
    from gantry.path.launch import cancel_job
    from gantry.resources.jobs import ACTIVE, UnifiedJob

    for job in UnifiedJob.objects.filter(status__in=ACTIVE):
        cancel_job(job, user=None)
    _until(lambda: not UnifiedJob.objects.filter(status__in=ACTIVE).exists(), 30)


def _world(setup: EngineSetup, state: Path) -> DemoFacts:
    def log(line: str) -> None:
        click.echo(f"    {line}")

    click.echo("Images of the demo (built from the distribution's packages and PyPI, once):")
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    build_demo_images(setup, log=log, conf_dir=state)
    click.echo("Starting a Git server, two nodes and a cloud API, each a container")
    return DemoWorld(setup, state).ensure()


def _wait_until_up(s: Settings) -> None:
    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"{s.public_url}/api/v2/ping/", timeout=5) as reply:  # noqa: S310
                return bool(reply.status == 200)
        except (OSError, ValueError):
            return False

    if not _until(answers, PATIENCE):
        raise ConfigurationError(
            f"Gantry does not answer at {s.public_url}.", cure="Start it with `gantry up`."
        )


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _rows(facts: DemoFacts, s: Settings) -> Any:
    """Organization, credentials, project, inventory, template: made once, kept up to date."""
    from gantry.resources.models import Inventory, JobTemplate, Organization, Project

    organization, _ = Organization.objects.update_or_create(
        name="Demo",
        defaults={"description": "What `gantry demo` makes.", "ca_bundle": facts.ca_pem},
    )
    _environment(organization, s)
    git = _credential(organization, "Demo Git", "scm", {"ssh_key_data": facts.git_private_key})
    machine = {"username": facts.node_user, "ssh_key_data": facts.node_private_key}
    nodes = _credential(organization, "Demo nodes", "ssh", machine)
    aws_inputs = {"username": facts.aws_access_key, "password": facts.aws_secret_key}
    aws = _credential(organization, "Demo cloud", "aws", aws_inputs)
    project, _ = Project.objects.update_or_create(
        name="Demo playbooks", organization=organization, kind="project",
        defaults={"scm_type": "git", "scm_url": facts.git_url, "scm_branch": facts.git_branch,
                  "credential": git, "scm_update_on_launch": True,
                  "scm_update_cache_timeout": 3600},
    )  # fmt: skip
    inventory, _ = Inventory.objects.get_or_create(name="Demo nodes", organization=organization)
    _hosts(inventory, facts)
    template, _ = JobTemplate.objects.update_or_create(
        name=NAME, organization=organization, kind="job_template",
        defaults={"project": project, "inventory": inventory, "playbook": "site.yml",
                  "description": "Provisions an instance in a cloud, then configures two nodes.",
                  "extra_vars": json.dumps({"cloud_url": facts.cloud_url}),
                  "allow_simultaneous": True},
    )  # fmt: skip
    template.credentials.set([nodes, aws])
    return template


def _environment(organization: Any, s: Settings) -> None:
    """The organization's default EE: the one that was chosen on the first run."""
    from gantry.resources.models import ExecutionEnvironment

    if s.global_image == STARTER_IMAGE:
        environment, _ = ExecutionEnvironment.objects.update_or_create(
            name="Starter EE",
            defaults={"image": STARTER_IMAGE, "pull": "never", "organization": organization,
                      "description": "Built on this machine, without a registry."},
        )  # fmt: skip
    else:
        environment = ExecutionEnvironment.objects.get(name="AWX EE (latest)")
    organization.default_environment = environment
    organization.save()


def _credential(organization: Any, name: str, namespace: str, inputs: dict[str, str]) -> Any:
    from gantry.resources.models import Credential, CredentialType

    kind = CredentialType.objects.get(namespace=namespace, managed=True)
    credential, _ = Credential.objects.get_or_create(
        name=name, organization=organization, credential_type=kind
    )
    credential.set_inputs(inputs)
    credential.save()
    return credential


def _hosts(inventory: Any, facts: DemoFacts) -> None:
    from gantry.resources.models import Group, Host

    group, _ = Group.objects.get_or_create(name="nodes", inventory=inventory)
    for node in facts.nodes:
        variables = {
            "ansible_host": node.address,
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        host, _ = Host.objects.update_or_create(
            name=node.name, inventory=inventory,
            defaults={"variables": json.dumps(variables)},
        )  # fmt: skip
        group.hosts.add(host)


def _login(s: Settings) -> None:
    """What is printed must work: an administrator made by an earlier run gets this password."""
    from gantry.resources.models import User

    user = User.objects.filter(username=s.admin_user).first()
    if user is not None and s.admin_password and not user.check_password(s.admin_password):
        user.set_password(s.admin_password)
        user.save()


def _password() -> str:
    return os.environ.get("GANTRY_ADMIN_PASSWORD") or "(as given at the first start)"
