"""The web process as uvicorn runs it: Django, and the live feed started and stopped around it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gantry.base.django")
django.setup()
# whitenoise opens static files in the synchronous way; they are small and in the page cache.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")

from django.core.asgi import get_asgi_application  # noqa: E402

from gantry.web.feed import feed  # noqa: E402

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_pages = get_asgi_application()


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
    else:
        await _pages(scope, receive, send)  # type: ignore[arg-type]


async def _live(receive: Receive, send: Send) -> None:
    """ASGI's lifespan: Django knows none of its own."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await feed().start()
            await send({"type": "lifespan.startup.complete"})
        else:
            await feed().stop()
            await send({"type": "lifespan.shutdown.complete"})
            return
