"""What people had before a migration that moves it, they have after: in a database of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.resources.migrating import empty_database, migrate, rows


@pytest.fixture
def other(database: str) -> Iterator[Any]:
    with empty_database() as connection:
        yield connection


def test_members_administrators_and_owners_keep_what_they_had(other: Any) -> None:
    old = migrate(other, "0007_tokens")
    organization = rows(old, "Organization").create(name="o")
    rows(old, "Inventory").create(name="i", organization=organization)
    people = {n: rows(old, "User").create(username=n) for n in ("member", "admin", "owner")}
    organization.users.add(people["member"])
    organization.admins.add(people["admin"])
    kind = rows(old, "CredentialType").create(name="k", kind="ssh")
    rows(old, "Credential").create(name="c", credential_type=kind, owner=people["owner"])

    new = migrate(other, "0008_roles")
    held = rows(new, "Role").filter(members__isnull=False)
    assert set(held.values_list("members__username", "kind", "role_field")) == {
        ("member", "organization", "member_role"),
        ("admin", "organization", "admin_role"),
        ("owner", "credential", "admin_role"),
    }
    assert rows(new, "Role").filter(kind="inventory").count() == 5

    back = migrate(other, "0007_tokens")
    organization = rows(back, "Organization").get()
    assert [u.username for u in organization.users.all()] == ["member"]
    assert [u.username for u in organization.admins.all()] == ["admin"]


def test_organizations_that_were_there_go_on_asking_the_public_galaxy(other: Any) -> None:
    old = migrate(other, "0022_event_steps")
    for name in ("one", "two"):
        rows(old, "Organization").create(name=name)
    rows(old, "CredentialType").create(
        name="Galaxy", kind="galaxy", namespace="galaxy_api_token", managed=True
    )

    new = migrate(other, "0023_galaxy_credentials")

    credential = rows(new, "Credential").get()
    assert (credential.name, credential.managed) == ("Ansible Galaxy", True)
    asked = rows(new, "Organization").filter(galaxy_credentials=credential)
    assert sorted(asked.values_list("name", flat=True)) == ["one", "two"]
