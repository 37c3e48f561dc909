"""What people do to an instance: keep its controller from taking jobs, adjust, forget it."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from gantry.base.errors import InvalidInput
from gantry.resources.capacity import set_capacity
from gantry.resources.instances import READY, Instance
from gantry.resources.policies import apply_policies

SETTABLE = ("enabled", "capacity_adjustment", "managed_by_policy")


@transaction.atomic
def change_instance(pk: int, **values: Any) -> Instance:
    """Set some of SETTABLE, beside a heartbeat that writes the rest of the row."""
    row = Instance.objects.select_for_update().get(pk=pk)
    for name, value in values.items():
        setattr(row, name, value)
    set_capacity(row)
    row.save(update_fields=[*SETTABLE, "capacity", "modified"])
    apply_policies()
    return row


def switch_instance(name: str, *, on: bool) -> Instance:
    """Raises InvalidInput where there is none of that name."""
    return change_instance(_named(name).pk, enabled=on)


def forget_instance(name: str) -> None:
    """Raises InvalidInput while a controller sits there."""
    row = _named(name)
    if row.holder is not None and row.node_state == READY:
        raise InvalidInput(
            f"The controller of {name} is running.",
            cure=f"Stop it first; `gantry instance disable {name}` keeps it from taking jobs.",
        )
    row.delete()
    apply_policies()


def _named(name: str) -> Instance:
    row = Instance.objects.filter(hostname=name).first()
    if row is None:
        raise InvalidInput(
            f"No instance is named {name}.", cure="`gantry instance list` names them."
        )
    return row
