"""No request is larger than DATA_UPLOAD_MAX_MEMORY_SIZE, and no webhook than GANTRY_WEBHOOK_BODY,
whatever its sender says of it.

Around Django, because Django under ASGI writes a whole body to disk before any view is asked.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from gantry.base.config import settings as own
from gantry.resources.webhooks import SERVICES

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]
_RECEIVER = re.compile(rf"_templates/\d+/({'|'.join(s for s, _ in SERVICES)})/$")
_REFUSAL = b'{"detail":"The request is larger than this server takes."}'


class _TooLarge(Exception):
    pass


def limited(application: Application) -> Application:
    """The same application, which answers 413 instead of taking more."""

    async def serve(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        most = _most(scope)
        taken = 0

        async def counted() -> dict[str, Any]:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > most:
                raise _TooLarge
            return message

        try:
            if _length(scope) > most:
                raise _TooLarge
            await application(scope, counted, send)
        except _TooLarge:
            # Django reads the whole body before it answers: nothing has been sent yet.
            await send({
                "type": "http.response.start", "status": 413,
                "headers": [(b"content-type", b"application/json"), (b"connection", b"close")],
            })  # fmt: skip
            await send({"type": "http.response.body", "body": _REFUSAL})

    return serve


def _most(scope: dict[str, Any]) -> int:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    assert most is not None
    return min(most, own().webhook_body) if _RECEIVER.search(scope.get("path", "")) else most


def _length(scope: dict[str, Any]) -> int:
    given = dict(scope["headers"]).get(b"content-length", b"")
    return int(given) if given.isdigit() else 0
