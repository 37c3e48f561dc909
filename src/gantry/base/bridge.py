"""The one way from async code to the ORM and to files: a function run in a thread.

Django's connections belong to threads; each call gives its connection back to the pool, so that a
hundred walks do not hold a hundred connections.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import InterfaceError, OperationalError
from psycopg_pool import PoolTimeout

logger = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
# What a query raises while PostgreSQL is away or starts again.
DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)
LONGEST_PAUSE = 3.0


def in_thread(function: Callable[P, T]) -> Callable[P, Awaitable[T]]:
    """The same function, awaitable."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        from django.db import connections

        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    return sync_to_async(call, thread_sensitive=False)


def waiting_for_database(query: Callable[[], T]) -> T:
    """The answer of an idempotent query, however long PostgreSQL is away. Only in a thread."""
    from django.db import connection

    pause = 0.1
    while True:
        try:
            return query()
        except DATABASE_AWAY as error:
            if pause == 0.1:
                logger.warning("PostgreSQL is away, waiting: %s", error)
            connection.close()
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
