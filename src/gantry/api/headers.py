"""The headers by which AWX's clients know what they talk to."""

from __future__ import annotations

import socket
from functools import lru_cache

PRODUCT = "AWX"
VERSION = "24.6.1"


@lru_cache(maxsize=1)
def node() -> str:
    return socket.gethostname()


def product_headers(authenticated: bool) -> dict[str, str]:
    """The version is told only to those who have logged in."""
    found = {"X-API-Product-Name": PRODUCT, "X-API-Node": node()}
    if authenticated:
        found["X-API-Product-Version"] = VERSION
    return found
