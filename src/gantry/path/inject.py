"""Step 4b, inject: everything the pod needs, in memory: files, environment, keys, arguments.

The result goes by the stream into the pod's memory. No plaintext secret and no playbook touches the
controller's disk, not in a temporary file either; nothing here may open a file for writing.
"""

from __future__ import annotations

import zlib

from gantry.base.config import settings
from gantry.base.errors import InvalidInput, JobFailure
from gantry.path.arguments import (
    EXTRA_VARS,
    INVENTORY,
    ad_hoc_arguments,
    ad_hoc_variables_file,
    check_no_jinja,
    extra_vars_file,
    playbook_arguments,
)
from gantry.path.facts import lend_facts
from gantry.path.injectors import Injected
from gantry.path.inventory_payload import update_payload
from gantry.path.launch import start_secrets
from gantry.path.opened import open_credentials, take_inventory
from gantry.path.payload import (
    CALLBACKS,
    COLLECTIONS,
    PROJECT,
    ROLES,
    Files,
    Payload,
    b64,
    common_environment,
    head_of,
)
from gantry.path.project import check_playbook, choose_snapshot, tree
from gantry.path.repeat import kept_inventory, kept_project
from gantry.path.sync_payload import sync_payload
from gantry.pods.agent import source
from gantry.resources.ad_hoc import AdHocCommand
from gantry.resources.inventories import InventorySnapshot
from gantry.resources.inventory_sources import InventoryUpdate
from gantry.resources.jobs import Job, ProjectUpdate
from gantry.resources.surveys import open_answers


def build_payload(job: Job | ProjectUpdate | InventoryUpdate | AdHocCommand) -> Payload:
    """Blocking: reads rows and opens credentials. Raises JobFailure."""
    if isinstance(job, AdHocCommand):
        return _ad_hoc_payload(job)
    if isinstance(job, ProjectUpdate):
        return sync_payload(job)
    if isinstance(job, InventoryUpdate):
        return update_payload(job)
    return _playbook_payload(job)


def _playbook_payload(job: Job) -> Payload:
    snapshot = kept_project(job) if job.repeats_id else choose_snapshot(job.project, job.scm_branch)
    if snapshot is not None:
        check_playbook(job, snapshot)
        job.scm_revision = snapshot.revision
    inventory, hosts = _inventory(job)
    injected = Injected()
    credentials = job.credentials.select_related("credential_type").order_by("pk")
    machine, vaults = open_credentials(credentials, start_secrets(job), injected)
    files = _files(hosts, _extra_vars(job, injected), injected)
    env = {**_environment(job), **injected.env}
    head = head_of(job, env, files, injected)
    head |= {"argv": playbook_arguments(job, machine, vaults), "cwd": PROJECT, "artifacts": {}}
    facts = lend_facts(job, head)
    large = snapshot is not None and snapshot.unpacked_size > settings().project_in_memory
    return Payload(
        head, tree(snapshot) if snapshot else iter(()), injected.secrets,
        (PROJECT,) if large else (), facts, snapshot, inventory,
    )  # fmt: skip


def _ad_hoc_payload(command: AdHocCommand) -> Payload:
    """One module without a playbook; it has no project."""
    check_no_jinja(command)
    snapshot, hosts = take_inventory(command.inventory)
    injected = Injected()
    credentials = [command.credential] if command.credential is not None else []
    machine, _ = open_credentials(credentials, start_secrets(command), injected)
    files = _files(hosts, ad_hoc_variables_file(command), injected)
    env = {**_environment(command), **injected.env}
    head = head_of(command, env, files, injected)
    head |= {"argv": ad_hoc_arguments(command, machine), "cwd": PROJECT, "artifacts": {}}
    return Payload(head, iter(()), injected.secrets, inventory=snapshot)


def _files(hosts: str, variables: str, injected: Injected) -> Files:
    files: Files = {
        INVENTORY: (0o700, b64(f"#!/bin/sh\nexec cat {INVENTORY}.json\n")),
        f"{INVENTORY}.json": (0o600, b64(hosts)),
        EXTRA_VARS: (0o600, b64(variables)),
        f"{CALLBACKS}/gantry_events.py": (0o600, b64(source.text("callback.py"))),
    }
    return files | {path: (0o600, b64(text)) for path, text in injected.files.items()}


def _inventory(job: Job) -> tuple[InventorySnapshot, str]:
    """The inventory as it is now and its JSON; that of the job it repeats."""
    if job.repeats_id:
        kept = kept_inventory(job)
        return kept, zlib.decompress(kept.data).decode()
    sliced = job.job_slice_number > 0 and job.job_slice_count > 1
    piece = (job.job_slice_number, job.job_slice_count) if sliced else (1, 1)
    return take_inventory(job.inventory, piece)


def _extra_vars(job: Job, injected: Injected) -> str:
    injected.secrets += open_answers(job).values()
    try:
        return extra_vars_file(job, injected.extra_vars, settings().allow_jinja_in_extra_vars)
    except InvalidInput as error:
        raise JobFailure(
            error.sentence, cure="Mend the template's extra variables.", code="extra_vars_broken"
        ) from error


def _environment(job: Job | AdHocCommand) -> dict[str, str]:
    """AWX's variables (awx.md §1.10), less those of ansible-runner, which is not used."""
    if isinstance(job, AdHocCommand):
        own = {
            "AD_HOC_COMMAND_ID": str(job.pk),
            "INVENTORY_HOSTVARS": "True",
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1",  # else `ansible` shows nothing by a plug-in
            "ANSIBLE_SFTP_BATCH_MODE": "False",
        }
    else:
        own = {"JOB_ID": str(job.pk), "PROJECT_REVISION": job.scm_revision}
    return {
        **common_environment(),
        **own,
        "INVENTORY_ID": str(job.inventory_id),
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "ANSIBLE_STDOUT_CALLBACK": "gantry_events",
        "ANSIBLE_CALLBACK_PLUGINS": CALLBACKS,
        "ANSIBLE_SSH_CONTROL_PATH_DIR": "/runner/cp",
        "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
        "ANSIBLE_ROLES_PATH": ROLES,
        "MAX_EVENT_RES": "700000",
        "AWX_HOST": settings().public_url,
    }
