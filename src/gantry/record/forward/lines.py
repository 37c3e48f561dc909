"""Log lines of Gantry's processes, kept for the log server: the handler that django.py names.

Whoever logs never waits: a line goes into a bounded queue in memory, and a thread of the process
writes it down when forwarding is on. What comes too fast is left out, the oldest first.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Any

MOST = 2000
PAUSE = 2.0
# What writing them down would itself log.
_OWN = ("gantry.record.forward", "psycopg", "django.db")


class Keep(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[dict[str, Any]] = deque(maxlen=MOST)

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith(_OWN):
            return
        try:
            words = record.getMessage()
        except Exception:
            self.handleError(record)
            return
        self.lines.append(
            {
                "created": datetime.fromtimestamp(record.created, UTC), "level": record.levelname,
                "logger": f"awx.{record.name}"[:200], "message": words.replace("\0", "\ufffd"),
            }
        )  # fmt: skip

    def run(self) -> None:
        while True:
            time.sleep(PAUSE)
            if self.lines:
                self.write_down()

    def write_down(self) -> None:
        """What is in memory, if it is wanted. Never raises: there is nobody to tell."""
        from django.db import connections

        lines = [self.lines.popleft() for _ in range(len(self.lines))]
        try:
            self._write(lines)
        except Exception:  # noqa: S110 - the log says so on stderr, when the database is away
            pass
        finally:
            connections.close_all()

    def _write(self, lines: list[dict[str, Any]]) -> None:
        from gantry.resources import log_aggregator as to

        if not to.enabled():
            return
        aggregator = to.read()
        if to.SERVICE not in aggregator.loggers:
            return
        lowest, host = getattr(logging, aggregator.level), socket.gethostname()
        to.LogLine.objects.bulk_create(
            to.LogLine(host=host, **line)
            for line in lines
            if logging.getLevelName(line["level"]) >= lowest
        )


def keep() -> None:
    """From now on, in a process that serves: web or controller."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Keep):
            threading.Thread(target=handler.run, name="log", daemon=True).start()
