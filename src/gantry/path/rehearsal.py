"""A launch that is told and taken back: what it would run, where, with which variables.

The row is made by launch_job itself and rolled back with all that hangs on it, so that nothing here
can say anything else than what a launch does. Nothing is started, no secret is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from gantry.base.errors import GantryError
from gantry.path.arguments import playbook_arguments
from gantry.path.launch import launch_job, passwords_needed
from gantry.path.resolve import Resolution, resolve_environment
from gantry.resources.jobs import Job
from gantry.resources.organizations import User
from gantry.resources.surveys import shown_variables
from gantry.resources.templates import JobTemplate


@dataclass(frozen=True)
class Rehearsed:
    """`problem` says why no environment was found; `ignored` names prompts that the template does
    not take. `slices`: so many jobs of its hosts, each with this command."""

    command: list[str]
    variables: str
    facts: list[tuple[str, Any]]
    resolution: Resolution | None
    problem: str
    ignored: list[str]
    slices: int = 1


def rehearse(template: JobTemplate, *, user: User, prompts: Mapping[str, Any]) -> Rehearsed:
    """Raises Forbidden and InvalidInput, as the launch would. Passwords are taken for granted."""
    asked = passwords_needed(list(template.credentials.select_related("credential_type")))
    with transaction.atomic():
        launched = launch_job(
            template, user=user, prompts=prompts, passwords=dict.fromkeys(asked, "rehearsed")
        )
        job, slices = launched.job, 1
        if not isinstance(job, Job):
            slices = job.workflow_job_nodes.count()
            launched = launch_job(
                template, user=user, prompts=prompts, piece=(1, slices),
                passwords=dict.fromkeys(asked, "rehearsed"),
            )  # fmt: skip
            job = launched.job
        assert isinstance(job, Job)
        told = _told(job, sorted(launched.ignored_fields), slices)
        transaction.set_rollback(True)
    return told


def _told(job: Job, ignored: list[str], slices: int) -> Rehearsed:
    credentials = list(job.credentials.select_related("credential_type").order_by("pk"))
    machine: dict[str, Any] = {}
    vaults: list[tuple[str, str]] = []
    for credential in credentials:
        if credential.credential_type.kind == "ssh":
            machine = credential.shown_inputs()
        elif credential.credential_type.kind == "vault":
            identity = str(credential.shown_inputs().get("vault_id") or "")
            vaults.append((identity, f"/runner/env/vault_{len(vaults)}"))
    resolution, problem = None, ""
    try:
        resolution = resolve_environment(job)
    except GantryError as error:
        problem = str(error)
    facts = [
        ("Inventory", job.inventory), ("Project", job.project), ("Branch", job.scm_branch),
        ("Credentials", ", ".join(c.name for c in credentials)),
        ("First", ", ".join(sorted(f"{one.name} is updated" for one in job.dependencies.all()))),
    ]  # fmt: skip
    return Rehearsed(
        playbook_arguments(job, machine, vaults), shown_variables(job),
        [(name, value) for name, value in facts if value], resolution, problem, ignored, slices,
    )  # fmt: skip
