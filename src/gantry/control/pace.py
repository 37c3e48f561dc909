"""How often to look for something that is not there: in proportion to what a look costs.

A queue of thousands in which nothing can start must not cost a core, and one of three must be seen
at once. So a look that took a tenth of a second is followed by some seconds without one, unless
somebody said that something has happened (`woken`).
"""

from __future__ import annotations

import time
from collections.abc import Callable

LONGEST = 30.0


class Pace:
    """`idle`: of how many parts of the time one is for looks that nothing called for; `busy` the
    same for those that something did."""

    def __init__(
        self, idle: int, busy: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._idle, self._busy, self._clock = idle, busy, clock
        self._began = self._ended = float("-inf")
        self._took = 0.0
        self._woken = True

    def due(self, *, woken: bool) -> bool:
        """What was called for is remembered until it is due."""
        self._woken |= woken
        parts = self._busy if self._woken else self._idle
        return self._clock() - self._ended >= min(parts * self._took, LONGEST)

    def __enter__(self) -> None:
        self._began, self._woken = self._clock(), False

    def __exit__(self, *error: object) -> None:
        self._ended = self._clock()
        self._took = self._ended - self._began
