"""The process that forwards: `python -m gantry.record.forward`."""

from __future__ import annotations

import logging
import os
import sys
import threading

import django

from gantry.base.bridge import DATABASE_AWAY

logger = logging.getLogger(__name__)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gantry.base.django")
    django.setup()
    from gantry.record.forward.process import run

    os.nice(10)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        run()
    except DATABASE_AWAY as error:
        logger.warning("forwarding stops, PostgreSQL is away: %s", error)  # begun again


if __name__ == "__main__":
    main()
