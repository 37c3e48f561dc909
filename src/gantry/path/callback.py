"""Step 1 for a host that asks to be provisioned: which host of the inventory it is, and its job.

AWX: JobTemplateCallback in awx/api/views. A host is known by the address it asks from.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable, Mapping
from typing import Any

from gantry.base.errors import InvalidInput
from gantry.path.launch import launch_job, launch_preview
from gantry.resources.host_filter import hosts_of
from gantry.resources.inventories import Host
from gantry.resources.jobs import ACTIVE, Job
from gantry.resources.templates import PROMPTS, JobTemplate
from gantry.resources.variables import parse_variables


def launch_for_host(template: JobTemplate, addresses: Iterable[str], extra_vars: Any = None) -> Job:
    """A job of the template limited to the one host that has these addresses. `extra_vars` None:
    the host sent none. Raises InvalidInput with AWX's sentences under `msg`."""
    if template.inventory is None:
        raise _refused("Cannot start automatically, an inventory is required.")
    found = matching_hosts(template, addresses)
    if not found:
        raise _refused("No matching host could be found!")
    if len(found) > 1:
        raise _refused("Multiple hosts matched the request!")
    variables = None if extra_vars is None else parse_variables(extra_vars, field="extra_vars")
    _check_needs_nobody(template, variables)
    # One job a host: a machine that asks again and again must not fill the queue.
    waiting = Job.objects.filter(
        job_template=template, inventory=template.inventory, limit=found[0].name,
        status__in=[s for s in ACTIVE if s != "new"],
    )  # fmt: skip
    if waiting.exists():
        raise _refused("Host callback job already pending.")
    taken = {k: v for k, v in (variables or {}).items() if not str(k).startswith("ansible_")}
    prompts = {"extra_vars": taken} if taken else {}
    made = launch_job(
        template, user=None, prompts=prompts, launch_type="callback", limit=found[0].name
    ).job
    assert isinstance(made, Job)  # one for a host is not sliced
    return made


def matching_hosts(template: JobTemplate, addresses: Iterable[str]) -> list[Host]:
    """The hosts that ansible would reach at one of these addresses or their names: by what the
    inventory calls them, and only where that is not one host, by asking DNS for each."""
    asked = {address.strip() for address in addresses if address.strip()}
    asked = {name for name in asked | _names_of(asked) if not name.endswith(".arpa")}
    if not asked or template.inventory is None:
        return []
    by_name: dict[str, list[Host]] = {}
    for host in hosts_of(template.inventory):
        by_name.setdefault(_reached_as(host), []).append(host)
    found = [host for name in asked & by_name.keys() for host in by_name[name]]
    if len(found) != 1:
        for name in by_name.keys() - asked:
            if _addresses_of(name) & asked:
                found += by_name[name]
    return sorted(found, key=lambda host: host.pk)


def _reached_as(host: Host) -> str:
    try:
        variables = parse_variables(host.variables)
    except InvalidInput:
        return host.name
    return str(variables.get("ansible_host") or variables.get("ansible_ssh_host") or host.name)


def _names_of(addresses: set[str]) -> set[str]:
    found: set[str] = set()
    for address in addresses:
        try:
            name, aliases, _ = socket.gethostbyaddr(address)
        except (OSError, UnicodeError):
            continue
        found |= {name, *aliases}
    return found


def _addresses_of(name: str) -> set[str]:
    try:
        return {str(known[4][0]) for known in socket.getaddrinfo(name, None)} - {name}
    except (OSError, UnicodeError):
        return set()


def _check_needs_nobody(template: JobTemplate, variables: Mapping[str, Any] | None) -> None:
    preview = launch_preview(template)
    needed = set(preview["variables_needed_to_start"]) - set(variables or {})
    asks = variables is None and any(getattr(template, flag) for flag in PROMPTS.values())
    if needed or asks or preview["passwords_needed_to_start"]:
        raise _refused("Cannot start automatically, user input required!")


def _refused(sentence: str) -> InvalidInput:
    return InvalidInput(sentence, field="msg")
