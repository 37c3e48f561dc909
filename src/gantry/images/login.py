"""The registry login of an EE: its credential, opened, as an engine and a registry take it."""

from __future__ import annotations

from gantry.pods.contract import RegistryLogin
from gantry.resources.environments import ExecutionEnvironment


def login_of(environment: ExecutionEnvironment) -> RegistryLogin | None:
    """None for an EE without credential: whatever the engine or the registry gives to anybody."""
    credential = environment.credential
    if credential is None:
        return None
    inputs = credential.open_inputs()
    return RegistryLogin(
        str(inputs.get("host") or ""), str(inputs.get("username") or ""),
        str(inputs.get("password") or ""), bool(inputs.get("verify_ssl", True)),
    )  # fmt: skip
