"""What a command does first: Django, which takes a second and is imported only where needed, and a
database that answers."""

from __future__ import annotations

import os


def setup_django() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gantry.base.django")
    import django

    django.setup()


def with_database() -> None:
    """Django, and a database that answers: otherwise a sentence at once, not a pool's time-out."""
    import psycopg

    from gantry.base import postgres
    from gantry.base.config import settings
    from gantry.base.errors import ConfigurationError

    try:
        psycopg.connect(postgres.url(settings()), connect_timeout=5).close()
    except psycopg.OperationalError as error:
        raise ConfigurationError(
            f"The database does not answer: {str(error).splitlines()[0]}",
            cure="Start Gantry with `gantry up`, or check DATABASE_URL and GANTRY_DATA_DIR.",
        ) from error
    setup_django()
