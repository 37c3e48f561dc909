"""Who is acting: the person behind the request that this thread answers, or nobody.

Named in gantry.base.django as the last middleware, for the API and the pages alike. The user is
asked for only when something is recorded: the API finds out who somebody is inside its views.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

_request: ContextVar[HttpRequest | None] = ContextVar("request", default=None)
_silent: ContextVar[bool] = ContextVar("silent", default=False)


class Acting(MiddlewareMixin):
    def process_request(self, request: HttpRequest) -> None:
        _request.set(request)

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        _request.set(None)
        return response


def actor() -> Any:
    """The User who asks, or None: a command, the controller, somebody who is not logged in."""
    user = getattr(_request.get(), "user", None)
    return user if user is not None and user.is_authenticated else None


def actor_id() -> int | None:
    who = actor()
    return None if who is None else int(who.pk)


def silent() -> bool:
    return _silent.get()


@contextmanager
def silently() -> Iterator[None]:
    """What Gantry does by itself (first rows, clean-ups) is no change by anybody."""
    before = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(before)
