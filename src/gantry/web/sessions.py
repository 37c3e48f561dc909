"""A login ends when it has not been used for SESSION_COOKIE_AGE; every request puts that off.

Middleware named in gantry.base.django; API and pages pass through it. AWX writes the session at
every request; here at most once a minute, so that reading costs no writes.
"""

from __future__ import annotations

import time

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

RENEW = 60
QUIET = "X-WS-Session-Quiet"  # a page that only polls must not keep its person logged in


class SessionTimeout(MiddlewareMixin):
    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if response.streaming:
            # A stream lives for hours: a look at the session here would hold its thread's
            # connection to the database as long.
            return response
        session = request.session
        if session.session_key is None or QUIET in request.headers or SESSION_KEY not in session:
            return response
        now = int(time.time())
        if now - session.get("renewed", 0) >= min(RENEW, settings.SESSION_COOKIE_AGE // 2):
            session["renewed"] = now
            session.set_expiry(settings.SESSION_COOKIE_AGE)
        response["Session-Timeout"] = str(settings.SESSION_COOKIE_AGE)
        return response
