"""Step 4b of an inventory's update: what its pod needs to read the hosts, in memory.

AWX: RunInventoryUpdate in awx/main/tasks/jobs.py.
"""

from __future__ import annotations

import json
import posixpath

from gantry.base.config import settings
from gantry.base.errors import InvalidInput, JobFailure
from gantry.path.facts import lend
from gantry.path.injectors import Injected, inject_credential
from gantry.path.inventory_plugins import PLUGINS, plugin_file, takeover
from gantry.path.payload import (
    COLLECTIONS,
    PROJECT,
    ROLES,
    Files,
    Payload,
    b64,
    common_environment,
    head_of,
)
from gantry.path.project import choose_snapshot, tree
from gantry.pods.agent import source as agent
from gantry.resources.inventories import Inventory
from gantry.resources.inventory_script import build_script
from gantry.resources.inventory_sources import BLOCKED_VARIABLES, InventoryUpdate
from gantry.resources.projects import ProjectSnapshot
from gantry.resources.variables import parse_variables

PROGRAM = "/runner/.gantry/inventory.py"
FOLDER = "/runner/inventory"
OUTPUT = "/runner/artifacts/output.json"
LINES = "inventory.jsonl"


def update_payload(update: InventoryUpdate) -> Payload:
    """Blocking: reads rows and opens credentials. Raises JobFailure."""
    injected = Injected()
    files: Files = {PROGRAM: (0o600, b64(agent.text("inventory.py")))}
    snapshot: ProjectSnapshot | None = None
    env = _environment(update)
    try:
        if update.source == "scm":
            snapshot, path = _in_project(update)
            own = parse_variables(update.source_vars, field="source_vars")
            env = {**_plain(own), **env}
        elif update.source in PLUGINS:
            name, text = plugin_file(update, injected)
            path = f"{FOLDER}/{name}"
            files[path] = (0o600, b64(text))
        else:
            raise JobFailure(
                f"A source of type {update.source} cannot be updated.",
                cure="Choose a project or a cloud as the source.", code="source_not_updatable",
            )  # fmt: skip
        _credentials(update, injected)
        inputs = _inputs(update, files)
    except InvalidInput as error:
        raise JobFailure(
            error.sentence, cure=error.cure or "Mend the source's variables.",
            code="source_vars_broken",
        ) from error  # fmt: skip
    files["/runner/env/import.json"] = (0o600, b64(json.dumps(takeover(update))))
    files |= {name: (0o600, b64(text)) for name, text in injected.files.items()}
    head = head_of(update, {**env, **injected.env, **inputs}, files, injected)
    head |= {
        "argv": ["python3", PROGRAM, *_arguments(update, path)],
        "cwd": PROJECT,
        "artifacts": {LINES: f"/runner/artifacts/{LINES}"},
    }
    # Groups may be made of facts.
    facts = lend(head, *_made_of(update)) if update.source == "constructed" else ()
    large = snapshot is not None and snapshot.unpacked_size > settings().project_in_memory
    return Payload(
        head, tree(snapshot) if snapshot else iter(()), injected.secrets,
        (PROJECT,) if large else (), facts, snapshot,
    )  # fmt: skip


def _in_project(update: InventoryUpdate) -> tuple[ProjectSnapshot, str]:
    """The tree that the source's file is in, and the file's path in the pod."""
    project = update.inventory_source.source_project
    snapshot = choose_snapshot(project, update.scm_branch)
    if snapshot is None:
        raise JobFailure(
            f"Inventory source {update.inventory_source} has no project.",
            cure="Choose the project that holds its file.", code="project_missing",
        )  # fmt: skip
    inside = posixpath.normpath(update.source_path or ".")
    if inside.startswith(("/", "..", "-")):
        raise JobFailure(
            f"Source path {update.source_path} leaves the project.",
            cure="Choose a file inside the project's repository.", code="source_outside_project",
        )  # fmt: skip
    return snapshot, posixpath.normpath(f"{PROJECT}/{inside}")


def _plain(variables: dict[str, object]) -> dict[str, str]:
    """Of a project's inventory the source's variables are its environment."""
    return {str(k): str(v) for k, v in variables.items() if str(k) not in BLOCKED_VARIABLES}


def _environment(update: InventoryUpdate) -> dict[str, str]:
    return {
        **common_environment(),
        "INVENTORY_SOURCE_ID": str(update.inventory_source_id),
        "INVENTORY_UPDATE_ID": str(update.pk),
        "ANSIBLE_INVENTORY_EXPORT": "True",
        # What is told at -vvv must not get between the lines of the answer.
        "ANSIBLE_VERBOSE_TO_STDERR": "True",
        "ANSIBLE_HOST_PATTERN_MISMATCH": "error",
        "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS,
        "ANSIBLE_ROLES_PATH": ROLES,
        "AWX_HOST": settings().public_url,
    }


def _credentials(update: InventoryUpdate, injected: Injected) -> None:
    """Those that are not the plug-in's own, as a job would get them."""
    own = update.cloud_credential() if update.source in PLUGINS else None
    for credential in update.credentials.select_related("credential_type").order_by("pk"):
        if own is None or credential.pk != own.pk:
            inject_credential(credential, injected)


def _inputs(update: InventoryUpdate, files: Files) -> dict[str, str]:
    """A constructed inventory is made of others, each an inventory script of its own."""
    if update.source != "constructed" or update.inventory is None:
        return {}
    for made_of in _made_of(update):
        name = f"{FOLDER}/hosts_{made_of.pk}"
        script = json.dumps(build_script(made_of, towervars=True))
        files[name] = (0o700, b64(f"#!/bin/sh\nexec cat {name}.json\n"))
        files[f"{name}.json"] = (0o600, b64(script))
    return {
        "ANSIBLE_INVENTORY_ENABLED": "auto,script",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "True",
    }


def _made_of(update: InventoryUpdate) -> list[Inventory]:
    assert update.inventory is not None
    return [row.inventory for row in update.inventory.inputs.select_related("inventory")]


def _arguments(update: InventoryUpdate, path: str) -> list[str]:
    """The order and the spelling are AWX's."""
    arguments = ["ansible-inventory", "--list", "--export"]
    if update.source == "constructed":
        for made_of in _made_of(update):
            arguments += ["-i", f"{FOLDER}/hosts_{made_of.pk}"]
    arguments += ["-i", path]
    if update.limit:
        arguments += ["--limit", update.limit]
    # The program in the pod takes the folder of it where it is a file.
    arguments += ["--output", OUTPUT, "--playbook-dir", path]
    if update.verbosity:
        arguments.append("-" + "v" * min(5, update.verbosity * 2 + 1))
    return arguments
