"""Answers below /api/ where a request was refused before its view, or that broke: as JSON.

AWX: handle_error in awx/main/views.py. Django calls these through the handlers in gantry.cli.urls.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.views import OpenView

SENTENCES = {
    400: "The request could not be understood by the server.",
    403: "You don't have permission to access the requested resource.",
    500: "A server error has occurred.",
}


class _Refusal(OpenView):
    name = "API Error"
    authentication_classes = ()  # the database may be what broke
    status = 500

    def handle(self, request: Request, **kwargs: Any) -> Response:
        error = APIException(SENTENCES[self.status])
        error.status_code = self.status
        raise error

    get = post = put = patch = delete = handle
    options = handle  # type: ignore[assignment]

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        final = super().finalize_response(request, response, *args, **kwargs)
        if "Allow" in final:
            del final["Allow"]
        return final


def refuse(request: HttpRequest, status: int) -> HttpResponse:
    answer = _Refusal.as_view(status=status)(request)
    answer.render()
    return answer
