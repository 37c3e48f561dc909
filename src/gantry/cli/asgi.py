"""The web process as uvicorn runs it: Django, AWX's websocket, and the live feed around both."""

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
from django.urls import get_resolver  # noqa: E402

from gantry.api.websocket import Hub, serve  # noqa: E402
from gantry.base.collector import settle  # noqa: E402
from gantry.cli.bodies import limited  # noqa: E402
from gantry.record.forward.lines import keep  # noqa: E402
from gantry.web.feed import feed  # noqa: E402

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_pages = limited(get_asgi_application())  # type: ignore[arg-type]
_hub = Hub()
get_resolver().url_patterns  # noqa: B018  loads every view now instead of at the first request
settle()


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "websocket":
        await serve(_hub, scope, receive, send)
    else:
        await _pages(scope, receive, send)


async def _live(receive: Receive, send: Send) -> None:
    """ASGI's lifespan: Django knows none of its own."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _hub.start(await feed().start())
            keep()
            await send({"type": "lifespan.startup.complete"})
        else:
            await _hub.stop()
            await feed().stop()
            await send({"type": "lifespan.shutdown.complete"})
            return
