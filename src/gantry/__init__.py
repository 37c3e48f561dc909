"""Gantry: an Ansible controller built around the execution environment.

Read `gantry.path` first: its modules are the steps of a job, in order.
"""

from __future__ import annotations

__version__ = "0.1.0"
