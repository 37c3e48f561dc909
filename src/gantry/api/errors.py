"""Turns what was raised into AWX's answers. DRF calls `handle` for every view of the API."""

from __future__ import annotations

import logging
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, DataError, IntegrityError
from django.db.models import ProtectedError, RestrictedError
from rest_framework import exceptions, status, views
from rest_framework.response import Response

from gantry.base.errors import (
    ConfigurationError,
    Forbidden,
    GantryError,
    InvalidInput,
)
from gantry.resources.logins import TooManyLogins
from gantry.resources.removal import Busy

LOGIN_HINT = " To establish a login session, visit /api/login/."
WRONG_TYPE = (
    "You did not use correct Content-Type in your HTTP request. If you are using our REST API, "
    "the Content-Type must be application/json"
)
TOO_LARGE = "The request is larger than this server takes."
log = logging.getLogger(__name__)


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """None lets Django answer 500, with the traceback in the log."""
    if isinstance(exc, GantryError):
        return _of_gantry(exc)
    if isinstance(exc, ProtectedError | RestrictedError):
        return Response({"error": "Resource is being used by other resources."}, 409)
    if isinstance(exc, DatabaseError):
        return _of_database(exc)
    if isinstance(exc, RequestDataTooBig):
        return Response({"detail": TOO_LARGE}, 413)
    if isinstance(exc, exceptions.UnsupportedMediaType):
        exc.detail = exceptions.ErrorDetail(WRONG_TYPE)
    response = views.exception_handler(exc, context)
    if response is not None and response.status_code == status.HTTP_401_UNAUTHORIZED:
        response.data = {"detail": f"{exceptions.NotAuthenticated.default_detail}{LOGIN_HINT}"}
    return response


def _of_gantry(error: GantryError) -> Response:
    if isinstance(error, InvalidInput):
        return Response(invalid_body(error), 400)
    if isinstance(error, TooManyLogins):
        return Response({"detail": str(error)}, 429, headers={"Retry-After": str(error.wait)})
    if isinstance(error, Busy):
        jobs = [{"id": pk, "type": kind} for pk, kind in error.jobs]
        return Response({"error": str(error), "active_jobs": jobs}, 409)
    if isinstance(error, Forbidden):
        return Response({"detail": str(error)}, 403)
    if isinstance(error, ConfigurationError):
        log.error("%s", error, exc_info=error)
        return Response({"detail": str(error)}, 500)
    return Response({"detail": str(error)}, 503 if error.retry else 400)


def invalid_body(error: InvalidInput) -> dict[str, Any]:
    """`{field: [sentence]}`; a dotted field lies deeper, as in a credential's inputs."""
    values = getattr(error, "values", None)  # several sentences about one field
    body: Any = list(values) if values else [str(error)]
    for part in reversed(error.field.split(".")):
        body = {part: body}
    assert isinstance(body, dict)
    return body


def _of_database(error: DatabaseError) -> Response | None:
    """Two requests at once can both pass validation; the table's own rule then decides."""
    cause = error.__cause__
    if isinstance(error, IntegrityError):
        if getattr(cause, "sqlstate", "") == "23505":
            return Response({"__all__": ["An object with these values already exists."]}, 400)
        return Response({"__all__": ["The object refers to something that has gone."]}, 409)
    if isinstance(error, DataError):
        # Such as a regular expression that Python accepts and PostgreSQL does not.
        return Response({"detail": str(cause or error).splitlines()[0]}, 400)
    return None
