"""Says on the channel `gantry_changes` that a row has changed, for whoever follows its kind.

AWX tells its websocket of schedules this way; the web processes read (record/tail.py) and check
who may know (api/websocket_hub.py).
"""

from __future__ import annotations

from django.db import connection

GONE = "inventory_gone"


def announce_change(kind: str, pk: int) -> None:
    """`kind` is the row's `type` in the API. Heard when the transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('gantry_changes', %s)", [f"{kind}:{pk}"])


def announce_gone(inventory: int, organization: int) -> None:
    """Of an inventory that is being deleted nobody can ask afterwards whose it was."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify('gantry_changes', %s)", [f"{GONE}:{inventory}:{organization}"]
        )
