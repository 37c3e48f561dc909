"""The registry login of an EE: its credential, opened, as an engine and a registry take it."""

from __future__ import annotations

from gantry.images.mirrors import DOCKER_HUB, normalized
from gantry.pods.contract import RegistryLogin
from gantry.resources.credentials import Credential
from gantry.resources.environments import ExecutionEnvironment


def login_of(environment: ExecutionEnvironment) -> RegistryLogin | None:
    """None for an EE without credential: whatever the engine or the registry gives to anybody."""
    credential = environment.credential
    return None if credential is None else credential_login(credential)


def credential_login(credential: Credential) -> RegistryLogin:
    """Of a credential of AWX's type Container Registry."""
    inputs = credential.open_inputs()
    return RegistryLogin(
        str(inputs.get("host") or ""), str(inputs.get("username") or ""),
        str(inputs.get("password") or ""), bool(inputs.get("verify_ssl", True)),
    )  # fmt: skip


def login_for(reference: str, login: RegistryLogin | None, *, own: bool) -> RegistryLogin | None:
    """What of a login goes to the registry of `reference`: name and password only where the login's
    host is that registry, as in AWX. `own` is False for a mirror, which is owed nothing else."""
    if login is None:
        return None
    named, asked = host_of(login.host), normalized(reference).domain
    if named == asked or (own and not named):
        return login
    return RegistryLogin(asked, "", "", login.verify_ssl) if own else None


def host_of(url: str) -> str:
    """`host[:port]` of a credential's "Authentication URL": with or without scheme and path."""
    host = url.strip().partition("://")[2] or url.strip()
    host = host.partition("/")[0].lower()
    return "docker.io" if host in DOCKER_HUB else host
