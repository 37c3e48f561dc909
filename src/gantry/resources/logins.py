"""Who may try a password: failures are counted in the database, so all web processes count alike.

Three counts over one window: of a name from an address, of an address whatever the name, of a name
whatever the address. The last is high, or anybody could lock anybody out.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import models
from django.db.models import Count, Max, Q
from django.http import HttpRequest
from django.utils import timezone

from gantry.base.config import settings as gantry_settings
from gantry.base.errors import GantryError

ANY_NAME, ANY_ADDRESS = 5, 20  # times the limit
log = logging.getLogger(__name__)


class TooManyLogins(GantryError):
    """Answered with 429; `wait` seconds from now a password is looked at again."""

    code = "login.too_many"

    def __init__(self, wait: int) -> None:
        super().__init__(f"Too many failed logins. Try again in {wait} seconds.")
        self.wait = wait


class DirectoryUnreachable(GantryError):
    """Only the LDAP directory could tell, and it does not answer."""

    code = "login.directory"
    retry = True


class LoginFailure(models.Model):
    # People type their password where the name belongs: only a keyed hash of it is kept.
    name_hash = models.CharField(max_length=64)
    address = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [
            models.Index(fields=["name_hash", "at"], name="login_failure_name"),
            models.Index(fields=["address", "at"], name="login_failure_address"),
        ]

    def __str__(self) -> str:
        return f"failed login from {self.address}"


def address_of(request: HttpRequest | None) -> str:
    """One IPv4 address, or the /64 that a holder of IPv6 addresses has at least."""
    given = request.META.get("REMOTE_ADDR", "") if request is not None else ""
    try:
        parsed = ipaddress.ip_address(given)
    except ValueError:
        return str(given)[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _name(username: str) -> str:
    key = settings.SECRET_KEY.encode()
    return hmac.new(key, b"login" + username.casefold().encode(), hashlib.sha256).hexdigest()


def check(username: str, address: str) -> None:
    """Raises TooManyLogins; asked before a password is looked at."""
    limit, window = gantry_settings().login_failures, gantry_settings().login_window
    if limit <= 0:
        return
    name, now = _name(username), timezone.now()
    mine, here = Q(name_hash=name), Q(address=address)
    recent = LoginFailure.objects.filter(mine | here, at__gt=now - timedelta(seconds=window))
    found = recent.aggregate(
        both=Count("pk", filter=mine & here),
        here=Count("pk", filter=here),
        mine=Count("pk", filter=mine),
        last=Max("at"),
    )
    over = (
        found["both"] >= limit
        or found["here"] >= limit * ANY_NAME
        or found["mine"] >= limit * ANY_ADDRESS
    )
    if over:
        until = found["last"] + timedelta(seconds=window)
        raise TooManyLogins(max(1, int((until - now).total_seconds())))


def failed(username: str, address: str) -> None:
    now = timezone.now()
    LoginFailure.objects.create(name_hash=_name(username), address=address, at=now)
    old = now - timedelta(seconds=gantry_settings().login_window)
    LoginFailure.objects.filter(at__lt=old).delete()
    log.warning("A login from %s failed", address or "an unknown address")


def clear_ended_sessions() -> None:
    """Called at a login: programs that log in anew for each command leave one every time."""
    SessionStore.clear_expired()


def succeeded(username: str, address: str) -> None:
    LoginFailure.objects.filter(name_hash=_name(username), address=address).delete()
