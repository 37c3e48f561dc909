"""An installation as it is right after its first start, again and again, in hundredths of a second.

The seeds are put in once and kept as COPY text. Emptying 70 tables by TRUNCATE makes new files for
each of them and their indexes, a third of a second; deleting the few rows that a test left, and
copying the seeds back, is a tenth of that.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import connection, transaction

# Of Django's own, made by migrations.
KEPT = {"django_content_type", "auth_permission"}
MANY = 5000  # from here on TRUNCATE is quicker than DELETE


class Seeds:
    """What `seed()` leaves: rows by table, and where the sequences stand."""

    def __init__(self) -> None:
        from gantry.resources.seeds import seed

        models = apps.get_models(include_auto_created=True)
        self.tables = sorted({m._meta.db_table for m in models} - KEPT)
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {_names(self.tables)} RESTART IDENTITY CASCADE")
        seed()
        with connection.cursor() as cursor:
            self.rows = {t: _copied(cursor, t) for t in self._sizes(cursor)}
            cursor.execute(
                "SELECT schemaname || '.' || sequencename, coalesce(last_value, 1), "
                "last_value IS NOT NULL FROM pg_sequences WHERE sequencename !~ 'django_|auth_perm'"
            )
            self.sequences = cursor.fetchall()

    def restore(self) -> None:
        """Foreign keys are checked at the end of the transaction, so the order does not matter."""
        with transaction.atomic(), connection.cursor() as cursor:
            for table, size in self._sizes(cursor).items():
                verb = "TRUNCATE {} CASCADE" if size > MANY else "DELETE FROM {}"
                cursor.execute(verb.format(_names([table])))
            for table, text in self.rows.items():
                with cursor.copy(f"COPY {_names([table])} FROM STDIN") as copy:
                    copy.write(text)
            places = ", ".join(
                f"setval('{name}', {at}, {used})" for name, at, used in self.sequences
            )
            cursor.execute(f"SELECT {places}")
            # Pods carry the installation's name: those of one test are nothing to the next.
            cursor.execute("UPDATE resources_installation SET uuid = gen_random_uuid()")

    def _sizes(self, cursor: Any) -> dict[str, int]:
        """The tables that have rows, and how many, up to MANY + 1."""
        counts = " UNION ALL ".join(
            f"SELECT '{t}', (SELECT count(*) FROM (SELECT 1 FROM \"{t}\" LIMIT {MANY + 1}) r)"
            for t in self.tables
        )
        cursor.execute(counts)
        return {table: size for table, size in cursor.fetchall() if size}


def _names(tables: list[str]) -> str:
    return ", ".join(f'"{t}"' for t in tables)


def _copied(cursor: Any, table: str) -> bytes:
    with cursor.copy(f"COPY {_names([table])} TO STDOUT") as copy:
        return b"".join(bytes(piece) for piece in copy)
