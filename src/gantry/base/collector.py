"""Python's garbage collector in a process that lives long."""

from __future__ import annotations

import gc


def settle() -> None:
    """Take everything that is loaded by now out of the collector's sight; call it once, at the end
    of a start.

    Half a million objects of modules, models and views never become garbage, but each full
    collection walks them: 60 to 150 ms in which a web process answers nobody.
    """
    gc.collect()
    gc.freeze()
