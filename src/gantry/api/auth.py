"""Who is asking: tokens, sessions with CSRF, HTTP Basic; `/api/login/` and `/api/logout/`.

Checking a password costs scrypt's time on purpose, which a polling client would pay on every
request. So a password that was right is known for a minute, as a keyed digest in memory that covers
the stored hash too: it dies when the password changes, and with the process.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.debug import sensitive_post_parameters
from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from gantry.resources.logins import TooManyLogins, clear_ended_sessions
from gantry.resources.organizations import User
from gantry.resources.tokens import OAuth2AccessToken, valid_token

REMEMBER = 60.0
MOST = 4096


class VerifiedPasswords:
    """The passwords found right in the last minute; digests only."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._until: dict[bytes, float] = {}
        self._lock = threading.Lock()

    def digest(self, user: User, password: str) -> bytes:
        # Lengths first: no two different triples give the same text.
        parts = (str(user.pk), user.password, password)
        text = "".join(f"{len(p)}:{p}" for p in parts).encode()
        return hmac.new(self._key, text, hashlib.sha256).digest()

    def knows(self, digest: bytes) -> bool:
        return self._until.get(digest, 0.0) > time.monotonic()

    def remember(self, digest: bytes) -> None:
        now = time.monotonic()
        with self._lock:
            if len(self._until) >= MOST:
                self._until = {d: t for d, t in self._until.items() if t > now}
            if len(self._until) < MOST:
                self._until[digest] = now + REMEMBER

    def forget(self) -> None:
        self._until.clear()


verified = VerifiedPasswords()


class BasicAuthentication(authentication.BasicAuthentication):
    def authenticate_credentials(
        self, userid: str, password: str, request: Any = None
    ) -> tuple[User, None]:
        if "\0" in userid:  # which no name has, and PostgreSQL cannot be asked about
            raise AuthenticationFailed("Invalid username/password.")
        known = User.objects.filter(username=userid, is_active=True).first()
        if known is not None and verified.knows(verified.digest(known, password)):
            return known, None
        # Django REST framework's request is not Django's, but has its META.
        user = auth.authenticate(request=request, username=userid, password=password)
        if not isinstance(user, User) or not user.is_active:
            raise AuthenticationFailed("Invalid username/password.")
        verified.remember(verified.digest(user, password))
        return user, None


class BearerAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer <token>`; a token that is not valid is nobody's, as in AWX."""

    def authenticate(self, request: Request) -> tuple[User, OAuth2AccessToken] | None:
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        token = valid_token(value.strip())
        if token is None:
            return None
        token.used()
        # What the token may do beyond reading is asked in views.py and shape.py.
        token.user.oauth_scopes = token.scope.split()  # type: ignore[attr-defined]
        return token.user, token


class SessionAuthentication(authentication.SessionAuthentication):
    def authenticate_header(self, request: Request) -> str:
        return "Session"


@sensitive_post_parameters("password")
@ensure_csrf_cookie
def login(request: HttpRequest) -> HttpResponse:
    """awxkit's way in: form data, a redirect to `next` on success, 401 otherwise."""
    if request.method != "POST":
        return HttpResponseRedirect(f"{settings.LOGIN_URL}?next={_next(request)}")
    try:
        user = auth.authenticate(
            request,
            username=request.POST.get("username", ""),
            password=request.POST.get("password", ""),
        )
    except TooManyLogins as error:
        return too_many(error)
    if user is None:
        return HttpResponse("Invalid username/password.", status=401, content_type="text/plain")
    auth.login(request, user)
    clear_ended_sessions()
    response = HttpResponseRedirect(_next(request))
    response["X-API-Session-Cookie-Name"] = settings.SESSION_COOKIE_NAME
    response.set_cookie(
        "userLoggedIn", "true", secure=settings.SESSION_COOKIE_SECURE, samesite="Lax"
    )
    return response


def too_many(error: TooManyLogins) -> HttpResponse:
    """For what is no view of Django REST framework's; those end in errors.py."""
    headers = {"Retry-After": str(error.wait)}
    return HttpResponse(str(error), status=429, content_type="text/plain", headers=headers)


def may_write(user: Any) -> bool:
    """False for who came in by a token that is for reading only."""
    return "write" in getattr(user, "oauth_scopes", ["write"])


def logout(request: HttpRequest) -> HttpResponse:
    auth.logout(request)
    response = HttpResponseRedirect(_next(request))
    response.set_cookie(
        "userLoggedIn", "false", secure=settings.SESSION_COOKIE_SECURE, samesite="Lax"
    )
    return response


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or "/api/"
    here = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if here else "/api/"
