"""Every test has a real PostgreSQL (Gantry's embedded one) with the seeds of a fresh installation.

One server a session, in a directory of its own; the tables are emptied before each test that asks
for `db`. Nothing here stands in for a real part.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import django
import hypothesis
import pytest

if TYPE_CHECKING:
    from tests.journeys.registry import Registry

# Not pytest's tmp_path: as root the database's own user must be able to pass through.
_HOME = Path(tempfile.mkdtemp(prefix="gantry-test-"))
_HOME.chmod(0o711)
os.environ.update(
    GANTRY_DATA_DIR=str(_HOME / "data"),
    GANTRY_ADMIN_PASSWORD="correct horse",
    DJANGO_SETTINGS_MODULE="gantry.base.django",
    GANTRY_LOG_LEVEL="warning",
    GANTRY_GLOBAL_IMAGE="localhost/gantry/starter-ee:latest",
    GANTRY_CONTROL_PLANE_IMAGE="localhost/gantry/starter-ee:latest",
    GANTRY_DRIFT_CHECK="0",  # a test that wants registries asked says so itself
    # Every test would look into the same image anew, since its tables are empty again.
    GANTRY_INSPECT_IMAGES="no",
)
os.environ.pop("DATABASE_URL", None)
# How long an example takes says nothing on a machine that is busy.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")
# Tests import models at their head; this needs no database yet.
django.setup()

from tests.fresh import Seeds  # noqa: E402


@pytest.fixture(scope="session")
def database() -> Iterator[str]:
    """The URL of a migrated database; the server ends with the session."""
    from gantry.base import postgres
    from gantry.base.config import settings

    server = postgres.Embedded(settings())
    server.start()
    try:
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        yield postgres.url(settings())
    finally:
        from django.db import connections

        connections.close_all()
        for alias in connections:
            pool = getattr(connections[alias], "pool", None)
            if pool is not None:
                connections[alias].close_pool()
        server.stop()
        shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A docker-registry open to everyone, without TLS. Each test has repositories of its own."""
    from tests.journeys.registry import Registry

    running = Registry(tmp_path_factory.mktemp("registry")).start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def seeds(database: str) -> Seeds:
    return Seeds()


@pytest.fixture
def db(database: str, seeds: Seeds) -> str:
    """An installation as it is right after its first start: seeds and the administrator."""
    seeds.restore()
    return database
