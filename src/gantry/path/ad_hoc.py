"""Step 1 of an ad hoc command: the one function that makes one, whoever asks for it.

What may stand in it and AWX's words are awx/main/models/ad_hoc_commands.py and awx/api/views.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from gantry.base.config import settings
from gantry.base.errors import Forbidden, InvalidInput
from gantry.path.launch import seal_passwords, take_passwords
from gantry.path.queue import enqueue
from gantry.resources import access
from gantry.resources.ad_hoc import AdHocCommand, name_of
from gantry.resources.organizations import User
from gantry.resources.variables import parse_variables

NEED_ARGUMENTS = ("command", "shell")
# What a command is made of; a relaunch copies it.
FIELDS = (
    "job_type", "inventory", "limit", "credential", "execution_environment", "module_name",
    "module_args", "forks", "verbosity", "extra_vars", "become_enabled", "diff_mode",
)  # fmt: skip


def run_ad_hoc(
    values: Mapping[str, Any],
    *,
    user: User | None,
    passwords: Mapping[str, str] | None = None,
    launch_type: str = "manual",
) -> AdHocCommand:
    """Make a pending command. `values` are of FIELDS, rows for foreign keys; `passwords` answer
    what the credential asks for. Raises Forbidden and InvalidInput."""
    command = AdHocCommand(**{k: v for k, v in values.items() if k in FIELDS})
    command.module_name = command.module_name.strip() or "command"
    for field, sentence in problems(command).items():
        raise InvalidInput(sentence, field=field)
    _check_use(command, user)
    credentials = [command.credential] if command.credential is not None else []
    sealed = take_passwords(credentials, passwords or {})
    assert command.inventory is not None
    command.kind, command.launch_type = "ad_hoc_command", launch_type
    command.name = name_of(command.module_name, command.module_args)
    command.organization = command.inventory.organization
    command.created_by = command.modified_by = user
    with transaction.atomic():
        command.save()
        seal_passwords(command, sealed)
        enqueue(command)
    return command


def relaunch_ad_hoc(
    command: AdHocCommand, *, user: User | None, passwords: Mapping[str, str] | None = None
) -> AdHocCommand:
    """The same again, on the inventory as it is now; what is no longer allowed is refused."""
    values = {name: getattr(command, name) for name in FIELDS}
    return run_ad_hoc(values, user=user, passwords=passwords, launch_type="relaunch")


def problems(command: AdHocCommand) -> dict[str, str]:
    """What is wrong with a command that is to be made: field -> sentence."""
    found = {}
    if command.inventory is None:
        found["inventory"] = "No valid inventory."
    if command.credential is not None and command.credential.credential_type.kind != "ssh":
        found["credential"] = "You must provide a machine / SSH credential."
    if command.module_name not in settings().ad_hoc_commands:
        found["module_name"] = "Unsupported module for ad hoc commands."
    if command.module_name in NEED_ARGUMENTS and not command.module_args:
        found["module_args"] = f"No argument passed to {command.module_name} module."
    prohibited = prohibited_variables(command.extra_vars)
    if prohibited:
        found["extra_vars"] = prohibited
    return found


def prohibited_variables(text: Any) -> str:
    """A sentence where the variables would change how ansible connects. Raises InvalidInput."""
    names = [k for k in parse_variables(text, field="extra_vars") if str(k).startswith("ansible_")]
    if not names:
        return ""
    return f"{', '.join(sorted(names, reverse=True))} are prohibited from use in ad hoc commands."


def _check_use(command: AdHocCommand, user: User | None) -> None:
    """The role on the inventory, and the use of all that the command brings along."""
    if user is None:
        return
    environment = command.execution_environment
    if environment is not None and not access.may(user, "read", environment):
        raise InvalidInput(
            f'Invalid pk "{environment.pk}" - object does not exist.', field="execution_environment"
        )
    allowed = access.may(user, "add", command)
    if command.credential is not None:
        allowed = allowed and access.may(user, "use", command.credential)
    if not allowed:
        raise Forbidden("You do not have permission to perform this action.")
