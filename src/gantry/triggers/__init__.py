"""What presses Launch without a person. The controller runs these beside its loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from gantry.triggers.schedules import watch as watch_schedules

TRIGGERS: tuple[Callable[[], Coroutine[Any, Any, None]], ...] = (watch_schedules,)
