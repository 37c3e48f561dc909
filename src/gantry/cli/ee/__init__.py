"""`gantry ee`: execution environments from the command line, one module for each group of commands.

The modules import nothing of Django at their head: only a command that needs it pays for it.
"""

from __future__ import annotations

from gantry.cli.ee import build, cache, carry, default, inspect, pin, preflight
from gantry.cli.ee.group import ee

__all__ = ["build", "cache", "carry", "default", "ee", "inspect", "pin", "preflight"]
