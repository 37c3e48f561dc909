"""The demo: two machines, a Git server and a cloud, made of containers, and a job that uses them.

Called by `gantry demo` and `scripts/demo`. `images.py` builds, `world.py` runs the four containers.
"""

from __future__ import annotations
