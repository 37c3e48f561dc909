"""A second, empty database on the tests' server, and its way from one migration to another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

NAME = "before"


@contextmanager
def empty_database() -> Iterator[Any]:
    from django.db import connection, connections

    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {NAME}")
    settings = {**connections.settings["default"], "NAME": NAME}
    settings["OPTIONS"] = {k: v for k, v in settings["OPTIONS"].items() if k != "pool"}
    connections.settings[NAME] = settings
    try:
        yield connections[NAME]
    finally:
        connections[NAME].close()
        del connections[NAME], connections.settings[NAME]
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {NAME}")


def migrate(connection: Any, migration: str) -> Any:
    """The models as they are after it."""
    from django.db.migrations.executor import MigrationExecutor

    targets = [("resources", migration)]
    MigrationExecutor(connection).migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


def rows(apps: Any, name: str) -> Any:
    return apps.get_model("resources", name).objects.using(NAME)
