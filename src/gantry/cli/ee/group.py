"""The group that the commands of this package hang themselves into."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gantry.resources.environments import ExecutionEnvironment


@click.group()
def ee() -> None:
    """Execution environments: what runs, pinned to a version, looked into, built and carried."""


def find(name: str) -> ExecutionEnvironment:
    """The EE of that name or id. Needs `with_database`. Raises InvalidInput."""
    from gantry.base.errors import InvalidInput
    from gantry.resources.models import ExecutionEnvironment

    wanted = {"pk": int(name)} if name.isdigit() else {"name": name}
    found = ExecutionEnvironment.objects.filter(**wanted).first()
    if found is None:
        raise InvalidInput(
            f"No execution environment is named {name}.", cure="`gantry ee list` names them."
        )
    return found
