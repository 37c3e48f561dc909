"""What people had before there were roles, they have after: migration 0008, in its own database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

BEFORE = [("resources", "0007_tokens")]
AFTER = [("resources", "0008_roles")]


@pytest.fixture
def other(database: str) -> Iterator[Any]:
    """A second, empty database on the same server."""
    from django.db import connection, connections

    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE before_roles")
    settings = {**connections.settings["default"], "NAME": "before_roles"}
    settings["OPTIONS"] = {k: v for k, v in settings["OPTIONS"].items() if k != "pool"}
    connections.settings["before_roles"] = settings
    try:
        yield connections["before_roles"]
    finally:
        connections["before_roles"].close()
        del connections["before_roles"], connections.settings["before_roles"]
        with connection.cursor() as cursor:
            cursor.execute("DROP DATABASE before_roles")


def _migrate(connection: Any, targets: list[tuple[str, str]]) -> Any:
    from django.db.migrations.executor import MigrationExecutor

    MigrationExecutor(connection).migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


def test_members_administrators_and_owners_keep_what_they_had(other: Any) -> None:
    def rows(apps: Any, name: str) -> Any:
        return apps.get_model("resources", name).objects.using("before_roles")

    old = _migrate(other, BEFORE)
    organization = rows(old, "Organization").create(name="o")
    rows(old, "Inventory").create(name="i", organization=organization)
    people = {n: rows(old, "User").create(username=n) for n in ("member", "admin", "owner")}
    organization.users.add(people["member"])
    organization.admins.add(people["admin"])
    kind = rows(old, "CredentialType").create(name="k", kind="ssh")
    rows(old, "Credential").create(name="c", credential_type=kind, owner=people["owner"])

    new = _migrate(other, AFTER)
    held = rows(new, "Role").filter(members__isnull=False)
    assert set(held.values_list("members__username", "kind", "role_field")) == {
        ("member", "organization", "member_role"),
        ("admin", "organization", "admin_role"),
        ("owner", "credential", "admin_role"),
    }
    assert rows(new, "Role").filter(kind="inventory").count() == 5

    back = _migrate(other, BEFORE)
    organization = rows(back, "Organization").get()
    assert [u.username for u in organization.users.all()] == ["member"]
    assert [u.username for u in organization.admins.all()] == ["admin"]
