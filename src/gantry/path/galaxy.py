"""Where a project's roles and collections come from: the Galaxy servers of its organization, in
their order, as `ansible-galaxy` takes them from its environment.

AWX: RunProjectUpdate.build_env.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from gantry.base.config import Settings
from gantry.resources.base import in_order_of_attaching
from gantry.resources.organizations import Organization


def galaxy_of(organization: Organization | None, s: Settings, secrets: list[str]) -> dict[str, Any]:
    """What pods/agent/sync/requirements.py wants to know. `secrets` learns the tokens. Raises
    JobFailure where one is looked up and cannot be found."""
    env = {"ANSIBLE_GALAXY_IGNORE": "True"} if s.galaxy_ignore_certs else {}
    env |= _task_environment(s.galaxy_task_env, secrets)
    servers = []
    if organization is not None:
        rows = in_order_of_attaching(organization, "galaxy_credentials")
        for number, credential in enumerate(rows.select_related("credential_type")):
            inputs = credential.open_inputs()
            secrets += credential.secret_values()
            for name in ("url", "token", "auth_url"):
                if inputs.get(name):
                    key = f"ANSIBLE_GALAXY_SERVER_SERVER{number}_{name.upper()}"
                    env[key] = str(inputs[name])
            servers.append(f"server{number}")
    if servers:
        env["ANSIBLE_GALAXY_SERVER_LIST"] = ",".join(servers)
    return {
        "role": bool(servers) and s.roles_enabled,
        "collection": bool(servers) and s.collections_enabled,
        "reason": _reason(organization, bool(servers), s),
        "env": env,
    }


def _task_environment(pairs: tuple[str, ...], secrets: list[str]) -> dict[str, str]:
    env = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    for value in env.values():
        if "://" in value and (password := urlsplit(value).password):
            secrets += [password, unquote(password)]
    return env


def _reason(organization: Organization | None, servers: bool, s: Settings) -> str:
    """Why something is not installed; empty where everything is."""
    if not servers:
        whose = f"organization {organization.name}" if organization else "a project without one"
        return f"No roles and collections are installed: {whose} has no Galaxy credential."
    off = [
        name
        for name, on in (("GANTRY_ROLES_ENABLED", s.roles_enabled),
                         ("GANTRY_COLLECTIONS_ENABLED", s.collections_enabled))
        if not on
    ]  # fmt: skip
    return f"Not everything is installed: {' and '.join(off)} is off." if off else ""
