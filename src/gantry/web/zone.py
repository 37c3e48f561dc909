"""The time zone of the person who looks: page.js leaves its name in a cookie."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.http import HttpRequest

from gantry.resources.recurrence import zones

COOKIE = "zone"


def zone_of(request: HttpRequest) -> str:
    """A name that this server knows; UTC for a browser that named none."""
    name = request.COOKIES.get(COOKIE, "").replace("%2F", "/")
    return name if name in zones() else "UTC"


def zone_info(request: HttpRequest) -> ZoneInfo:
    return ZoneInfo(zone_of(request))
