"""What goes into a pod, whatever its job: the shape of the payload and the parts that all have.

`path/inject.py` makes that of a playbook and of a project's sync, `path/inventory_payload.py` that
of an inventory's update.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gantry.base.config import settings
from gantry.path.injectors import Injected
from gantry.resources.ad_hoc import AdHocCommand
from gantry.resources.inventories import InventorySnapshot
from gantry.resources.inventory_sources import InventoryUpdate
from gantry.resources.jobs import Job, ProjectUpdate
from gantry.resources.projects import ProjectSnapshot

HOME = "/runner"
PROJECT = "/runner/project"
CALLBACKS = "/runner/.gantry/callback_plugins"
CA_BUNDLE = "/runner/.gantry/ca-bundle.pem"
# The names under which git, pip, requests, curl, botocore, node and OpenSSL look for a CA bundle.
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO",
                "AWS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS")  # fmt: skip
COLLECTIONS = (
    "/runner/requirements_collections:/runner/.ansible/collections:/usr/share/ansible/collections"
)
ROLES = (
    "/runner/requirements_roles:/runner/.ansible/roles:/usr/share/ansible/roles:/etc/ansible/roles"
)
Files = dict[str, tuple[int, str]]  # path -> mode, base64


@dataclass
class Payload:
    """`head` is the agent's JSON (`Head` in pods/agent/wire.py), `tree` the compressed project,
    `secrets` what must be masked in everything that comes back, `on_disk` paths too large for
    the pod's memory, `facts` the pieces of what is known of the hosts (path/facts.py), `project`
    and `inventory` what the job row keeps of all this."""

    head: dict[str, Any]
    tree: Iterator[bytes]
    secrets: list[str]
    on_disk: tuple[str, ...] = ()
    facts: tuple[bytes, ...] = ()
    project: ProjectSnapshot | None = None
    inventory: InventorySnapshot | None = None


def head_of(
    job: Job | ProjectUpdate | InventoryUpdate | AdHocCommand,
    env: dict[str, str],
    files: Files,
    injected: Injected,
) -> dict[str, Any]:
    s = settings()
    organization = job.organization
    ca = organization.ca_bundle if organization else ""
    timeout = job.timeout or s.default_job_timeout
    return {
        "env": {**(dict.fromkeys(CA_VARIABLES, CA_BUNDLE) if ca else {}), **env},
        "files": files,
        "ca_bundle": {"path": CA_BUNDLE, "extra": ca} if ca else None,
        "directories": [PROJECT, "/runner/inventory", "/runner/env", "/runner/cp",
                        "/runner/artifacts", CALLBACKS],
        "tree": HOME,
        "ssh_keys": injected.ssh_keys,
        "signed_keys": injected.signed_keys,
        "erase": ["/runner/env", PROJECT, "/runner/inventory", "/runner/artifacts",
                  "/runner/requirements_collections", "/runner/requirements_roles"],
        "timeout": max(timeout, 0),
        "grace": s.cancel_grace,
        "spool": s.spool,
        "acknowledge_wait": s.acknowledge_wait,
    }  # fmt: skip


def common_environment() -> dict[str, str]:
    return {
        "HOME": HOME,
        "TMPDIR": "/tmp",  # noqa: S108  the pod's own, in memory
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "ANSIBLE_FORCE_COLOR": "True",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_PARAMIKO_RECORD_HOST_KEYS": "False",
        "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
        "ANSIBLE_UNSAFE_WRITES": "1",
        "AWX_PRIVATE_DATA_DIR": HOME,
    }


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
