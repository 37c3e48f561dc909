"""The two doors of the web process, put together: pages at /, AWX's API at /api/."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("api/", include("gantry.api.urls")),
    path("", include("gantry.web.urls")),
]
