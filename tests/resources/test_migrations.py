"""The migrations say what the models say."""

from __future__ import annotations


def test_no_migration_is_missing(database: str) -> None:
    from django.core.management import call_command

    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
