"""Events lie in the partition of their job's month."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
import pytest

from gantry.record.partitions import drop_before, ensure_partitions

INSERT = (
    "INSERT INTO resources_jobevent SELECT %s, 1, %s, 1, 'verbose', '{}', now(), 'u', '', false,"
    " false, 0, '', NULL, '', '', '', '', '', 0, 1, 0"
)


@pytest.fixture
def connection(database):
    with psycopg.connect(database) as opened:
        yield opened
        opened.rollback()


def names(connection):
    statement = (
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent='resources_jobevent'::regclass"
    )
    return {name for (name,) in connection.execute(statement)}


def home(connection, number):
    statement = "SELECT tableoid::regclass::text FROM resources_jobevent WHERE id=%s"
    return connection.execute(statement, [number]).fetchone()[0]


def test_this_month_and_the_next_are_made_once(connection):
    december = datetime(2031, 12, 31, 23, 59, tzinfo=UTC)
    before = names(connection)

    ensure_partitions(connection, december)
    ensure_partitions(connection, december)

    assert names(connection) - before == {
        "resources_jobevent_2031_12", "resources_jobevent_2032_01",
    }  # fmt: skip
    connection.execute(INSERT, [-1, december])
    assert home(connection, -1) == "resources_jobevent_2031_12"


def test_rows_that_came_too_early_move_to_their_month(connection):
    moment = datetime(2032, 3, 10, tzinfo=UTC)
    connection.execute(INSERT, [-1, moment])
    assert home(connection, -1) == "resources_jobevent_default"

    ensure_partitions(connection, moment)

    assert home(connection, -1) == "resources_jobevent_2032_03"
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute(INSERT, [-1, moment])


def test_old_months_are_dropped_whole(connection):
    ensure_partitions(connection, datetime(2020, 1, 5, tzinfo=UTC))

    dropped = drop_before(connection, datetime(2020, 2, 1, tzinfo=UTC))

    assert dropped == ["resources_jobevent_2020_01"]
    assert "resources_jobevent_2020_02" in names(connection)


def test_django_s_connection_serves_as_well(database):
    from django.db import connection, transaction

    with transaction.atomic():
        before = names(connection.cursor())
        ensure_partitions(connection, datetime(2033, 5, 1, tzinfo=UTC))
        assert len(names(connection.cursor()) - before) == 2
        transaction.set_rollback(True)
