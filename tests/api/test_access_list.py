"""access_list names everybody who may do something with a resource, and nobody else."""

from __future__ import annotations

from typing import Any

from tests.resources.test_granted_roles import every_role, holder, world

__all__ = ["world"]


def test_who_is_listed_is_who_holds_a_role(world: dict[str, Any]) -> None:
    from gantry.api.access_list import Bearers
    from gantry.resources.access import holds
    from gantry.resources.models import User
    from gantry.resources.role_names import PARENTS

    for how in ("person", "team"):
        for kind, role in every_role():
            holder(how, kind, role, world)
    User.objects.create(username="auditor", is_system_auditor=True)
    everybody = list(User.objects.all())
    for kind, row in world.items():
        listed = {u.username for u in Bearers.of(row).people()}
        held = {u.username for u in everybody if any(holds(u, n, row) for n in PARENTS[kind])}
        assert listed == held, kind
