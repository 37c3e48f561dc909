"""Step 1, launch: the one function that makes a job row, whoever asks for it.

Prompts are merged here, once; nothing later reads the template again. Errors are InvalidInput with
AWX's field names, so that API, web and CLI print the same words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from gantry.base.crypto import key_ring
from gantry.base.errors import Forbidden, GantryError, InvalidInput
from gantry.path.preflight import check_launch
from gantry.path.prompts import Handed, Prompted, brought_along, hand_on, merge_prompts
from gantry.path.queue import enqueue, tell_controllers
from gantry.path.repeat import environment_of, repeated
from gantry.path.slices import launch_slices, slices_of
from gantry.path.updates import wait_for_content
from gantry.resources import access
from gantry.resources.credentials import ASK, ENCRYPTED, Credential
from gantry.resources.instances import InstanceGroup, in_order
from gantry.resources.jobs import ACTIVE, Job, UnifiedJob
from gantry.resources.organizations import User
from gantry.resources.projects import Project
from gantry.resources.surveys import open_answers, password_variables, questions, seal_answers
from gantry.resources.templates import PROMPTS, JobTemplate, LaunchOptions, UnifiedJobTemplate
from gantry.resources.variables import parse_variables
from gantry.resources.workflows import WorkflowJob

_MASK = "gantry:mask"  # a name that no password has
PASSWORDS = {"password": "ssh_password", "ssh_key_unlock": "ssh_key_unlock",
             "become_password": "become_password"}  # fmt: skip


class NotCancelable(GantryError):
    """The job is over, or nobody may cancel it."""

    code = "not_cancelable"


class ResourcesNeeded(InvalidInput):
    """The template lacks something that every launch needs."""


@dataclass(frozen=True)
class Launched:
    """`job` is a WorkflowJob where the launch went into slices."""

    job: Job | WorkflowJob
    ignored_fields: dict[str, Any] = field(default_factory=dict)


def launch_job(  # noqa: PLR0913 (whoever starts a job ends here)
    template: JobTemplate,
    *,
    user: User | None,
    prompts: Mapping[str, Any],
    passwords: Mapping[str, str] | None = None,
    launch_type: str = "manual",
    limit: str | None = None,
    handed: Handed | None = None,
    piece: tuple[int, int] | None = None,
) -> Launched:
    """Make a pending job of a template, or a workflow job of its slices. `prompts` is a launch
    request's body, `passwords` the answers to what its credentials ask for; with `limit` the job is
    for these hosts, whether or not the template lets a launch say so; `handed` is what a workflow
    gives besides, `piece` which slice of how many it is. Raises Forbidden and InvalidInput."""
    if user is not None and not access.may(user, "start", template):
        raise Forbidden("You do not have permission to perform this action.")
    prompted = merge_prompts(template, prompts, user)
    prompted.passwords |= hand_on(prompted.values, handed)
    if limit is not None:
        prompted.values |= {"limit": limit, "job_slice_count": 1}
    _check_resources(template, prompted)
    sealed = take_passwords(prompted.credentials, passwords or {})
    if piece is not None:
        prompted.values |= {"job_slice_count": piece[1], "allow_simultaneous": True}
    elif (count := slices_of(template, prompted)) > 1:
        with transaction.atomic():
            workflow = launch_slices(template, prompted, count, user, launch_type)
            seal_passwords(workflow, sealed)  # each slice asks for them
        return Launched(workflow, prompted.ignored)
    else:
        prompted.values["job_slice_count"] = count
    with transaction.atomic():
        job = _make_job(template, prompted, user, launch_type)
        if piece is not None:
            job.job_slice_number = piece[0]
            job.save(update_fields=["job_slice_number"])
        if prompted.credentials:
            job.credentials.set(prompted.credentials)
        if prompted.labels:
            job.labels.set(prompted.labels)
        wait_for_content(job)
        check_launch(job)
        seal_passwords(job, sealed)
        enqueue(job)
    return Launched(job, prompted.ignored)


def launch_preview(template: JobTemplate) -> dict[str, Any]:
    """What a launch of this template asks for and falls back to: GET of AWX's launch endpoint."""
    credentials = list(template.credentials.select_related("credential_type"))
    needed = passwords_needed(credentials)
    variables_needed = [q["variable"] for q in questions(template) if q["required"]]
    inventory_missing = template.inventory_id is None
    return {
        "can_start_without_user_input": not needed
        and not variables_needed
        and not inventory_missing
        and not any(getattr(template, flag) for flag in PROMPTS.values()),
        "passwords_needed_to_start": needed,
        **{flag: getattr(template, flag) for flag in PROMPTS.values()},
        "survey_enabled": template.survey_enabled and "spec" in template.survey_spec,
        "variables_needed_to_start": variables_needed,
        "credential_needed_to_start": False,
        "inventory_needed_to_start": inventory_missing,
    }


def relaunch_job(
    job: Job,
    *,
    user: User | None,
    hosts: str = "all",
    passwords: Mapping[str, str] | None = None,
    exactly: bool = False,
    environment: str = "same",
) -> Job:
    """The same job again with the same prompts; `hosts="failed"` limits it to those that failed,
    `environment` says in which EE (path/repeat.py: environment_of).
    `exactly` repeats digest, commit, inventory and variables too (path/repeat.py), and starts no
    update of the project."""
    if user is not None and not access.may(user, "start", job):
        raise Forbidden("You do not have permission to perform this action.")
    credentials = list(job.credentials.select_related("credential_type"))
    _check_repeat(job, credentials, user)
    limit = job.limit
    kept = environment_of(job, environment)
    if exactly:
        if environment != "same":
            raise InvalidInput("An exact relaunch runs the same digest.", field="environment")
        kept |= repeated(job)
    if hosts == "failed":
        if exactly:
            raise InvalidInput("An exact relaunch runs on the same hosts.", field="hosts")
        names = job.job_host_summaries.filter(failed=True).values_list("host_name", flat=True)
        if not names:
            raise InvalidInput(
                "Cannot relaunch because previous job had 0 failed hosts.", field="hosts"
            )
        limit = ",".join(names)
    sealed = take_passwords(credentials, passwords or {})
    with transaction.atomic():
        again = Job(
            **{f.name: getattr(job, f.name) for f in LaunchOptions._meta.fields}
            | {"limit": limit},
            kind="job", name=job.name, description=job.description, launch_type="relaunch",
            unified_job_template=job.unified_job_template, job_template=job.job_template,
            organization=job.organization, created_by=user, modified_by=user,
            prompted_groups=job.prompted_groups, preferred_groups=job.preferred_groups,
            job_slice_number=job.job_slice_number,
            **kept,
        )  # fmt: skip
        answers = open_answers(job)
        again.survey_passwords = job.survey_passwords
        again.save()
        _keep_answers(again, answers)
        again.credentials.set(credentials)
        again.labels.set(job.labels.all())
        if not exactly:
            wait_for_content(again)
        check_launch(again)
        seal_passwords(again, sealed)
        enqueue(again)
    return again


def _check_repeat(job: Job, credentials: list[Credential], user: User | None) -> None:
    """To launch anew what another person brought along takes the right to use it, or to run
    everything of the organization."""
    if user is None or job.job_template is None:
        return
    brought = brought_along(job.job_template, job.inventory, credentials)
    if job.prompted_groups:
        own = in_order(job.job_template).values("pk")
        brought += InstanceGroup.objects.filter(pk__in=job.preferred_groups).exclude(pk__in=own)
    if all(access.may(user, "use", row) for row in brought):
        return
    if job.organization is None or not access.holds(user, "execute_role", job.organization):
        raise Forbidden("Job was launched with prompted fields you do not have access to.")


def cancel_job(job: UnifiedJob, *, user: User | None) -> None:
    """Ask for a job's end. What has not started ends at once; a running one is told first."""
    if user is not None and not access.may(user, "cancel", job):
        raise Forbidden("You do not have permission to perform this action.")
    changed = UnifiedJob.objects.filter(pk=job.pk, status__in=ACTIVE).update(cancel_flag=True)
    if not changed:
        raise NotCancelable(
            f"Job {job.pk} has ended ({job.status}).", cure="Only active jobs can be canceled."
        )
    tell_controllers(f"cancel:{job.pk}")


def passwords_needed(credentials: list[Credential]) -> list[str]:
    """AWX's names of the passwords that these credentials ask for at launch."""
    needed = []
    for credential in credentials:
        inputs = credential.inputs
        if credential.credential_type.kind == "vault" and inputs.get("vault_password") == ASK:
            identity = inputs.get("vault_id") or ""
            needed.append(f"vault_password.{identity}" if identity else "vault_password")
        elif credential.credential_type.kind == "ssh":
            needed += [name for key, name in PASSWORDS.items() if inputs.get(key) == ASK]
    return needed


def _check_resources(template: JobTemplate, prompted: Prompted) -> None:
    if template.project is None:
        raise ResourcesNeeded(
            "Job Template project is missing or undefined.", field="resources_needed_to_start"
        )
    if prompted.values["inventory"] is None:
        raise ResourcesNeeded(
            "Job Template inventory is missing or undefined.", field="resources_needed_to_start"
        )
    if not template.playbook:
        raise ResourcesNeeded("Job Template has no playbook.", field="playbook")
    _check_signature(template.project)


def _check_signature(project: Project) -> None:
    """A tree that failed its check is never run, nor is the one before it: AWX refuses both."""
    if project.status not in ("failed", "error") or project.scm_update_on_launch:
        return
    update = project.project_updates.order_by("-id").first()
    if update is not None and update.failure_class == "signature_invalid":
        raise InvalidInput(
            "Last project update failed due to signature validation failure.", field="playbook",
            cure="Look at the project's last update: it names the files.",
        )  # fmt: skip


def take_passwords(credentials: list[Credential], passwords: Mapping[str, str]) -> dict[str, str]:
    """Those that the credentials ask for. Raises InvalidInput naming all of them."""
    needed = passwords_needed(credentials)
    missing = [name for name in needed if not passwords.get(name)]
    if missing:
        error = InvalidInput(", ".join(missing), field="passwords_needed_to_start")
        error.values = missing
        raise error
    return {name: passwords[name] for name in needed}


def _make_job(
    template: JobTemplate, prompted: Prompted, user: User | None, launch_type: str
) -> Job:
    assert template.project is not None
    job = Job(
        **prompted.values,
        kind="job", name=template.name, description=template.description,
        launch_type=launch_type, job_template=template, unified_job_template=template,
        organization=template.project.organization, created_by=user, modified_by=user,
        ee_reason="chosen at launch" if prompted.environment_prompted else "",
    )  # fmt: skip
    parse_variables(job.extra_vars, field="extra_vars")
    secret = [*password_variables(template), *prompted.passwords]
    job.survey_passwords = dict.fromkeys(secret, ENCRYPTED)
    if prompted.groups is not None:
        job.prompted_groups = True
        job.preferred_groups = [group.pk for group in prompted.groups]
    job.save()
    _keep_answers(job, prompted.passwords)
    UnifiedJobTemplate.objects.filter(pk=template.pk).update(current_job=job, status="pending")
    return job


def _keep_answers(job: Job, answers: dict[str, str]) -> None:
    """Only now, since what is sealed is bound to its row; in the clear they are never stored."""
    if answers:
        seal_answers(job, answers)
        job.save(update_fields=["extra_vars"])


def seal_passwords(job: UnifiedJob, passwords: dict[str, str]) -> None:
    """Keep them on the job's row until it ends."""
    if passwords:
        job.start_secrets = _seal(job, passwords)
        job.save(update_fields=["start_secrets"])


def start_secrets(job: UnifiedJob) -> dict[str, str]:
    """The passwords given at this job's launch; they are wiped when it ends."""
    opened = _open_secrets(job)
    return {name: value for name, value in opened.items() if name != _MASK}


def with_mask(job: UnifiedJob, secrets: list[str]) -> str:
    """start_secrets with what must be masked in this job's output, whatever happens to its
    credentials while it runs."""
    return _seal(job, {**start_secrets(job), _MASK: json.dumps(secrets)})


def masked_secrets(job: UnifiedJob) -> list[str] | None:
    """What `with_mask` kept; None for a job that has not come so far."""
    kept = _open_secrets(job).get(_MASK)
    return None if kept is None else list(json.loads(kept))


def _open_secrets(job: UnifiedJob) -> dict[str, str]:
    if not job.start_secrets:
        return {}
    opened = key_ring().open(job.start_secrets, f"job:{job.pk}:start_secrets")
    return dict(json.loads(opened))


def _seal(job: UnifiedJob, secrets: dict[str, str]) -> str:
    return key_ring().seal(json.dumps(secrets), f"job:{job.pk}:start_secrets")
