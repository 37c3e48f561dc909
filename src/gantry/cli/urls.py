"""The two doors of the web process, put together: pages at /, AWX's API at /api/."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.urls import include, path
from django.views import defaults

from gantry.api.no_view import refuse

urlpatterns = [
    path("api/", include("gantry.api.urls")),
    path("", include("gantry.web.urls")),
]


# An address that leads nowhere is a page below /api/ too, as recorded from a running AWX.
def _of_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def handler400(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return refuse(request, 400) if _of_api(request) else defaults.bad_request(request, exception)


def handler403(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if _of_api(request):
        return refuse(request, 403)
    return defaults.permission_denied(request, exception)


def handler500(request: HttpRequest) -> HttpResponseBase:
    return refuse(request, 500) if _of_api(request) else defaults.server_error(request)
