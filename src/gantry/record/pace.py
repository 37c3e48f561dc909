"""How fast this process records events, as its heartbeat tells the metrics."""

from __future__ import annotations


class Pace:
    def __init__(self) -> None:
        self.events = 0
        self.longest = 0.0

    def note(self, events: int, seconds: float) -> None:
        """A batch was committed, `seconds` after it had come."""
        self.events += events
        self.longest = max(self.longest, seconds)

    def read(self) -> tuple[int, float]:
        """Events, and the longest that a batch took, since this was asked last."""
        found = self.events, round(self.longest, 3)
        self.events, self.longest = 0, 0.0
        return found


PACE = Pace()
