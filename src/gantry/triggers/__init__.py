"""What presses Launch without a person: schedules, which the controller runs beside its loop, and
webhooks, which the API asks."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from gantry.triggers.schedules import watch as watch_schedules

TRIGGERS: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = (watch_schedules,)
