"""How a name and a password become a user; apart from the models, which must be loaded first."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from gantry.base.config import settings
from gantry.resources.logins import address_of, check, failed, succeeded


class Passwords(ModelBackend):
    """Django's check of a name and a password, then the directory's, behind the count of failures.

    Raises TooManyLogins, and DirectoryUnreachable where only the directory could tell."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Any:
        if username is None or password is None:
            return None
        address = address_of(request)
        check(username, address)
        # PostgreSQL knows no NUL in text, so no user has one in the name.
        user = None
        if "\0" not in username:
            user = super().authenticate(request, username=username, password=password, **kwargs)
            if user is None and settings().auth_ldap_server_uri:
                user = _by_directory(username, password)
        (succeeded if user is not None else failed)(username, address)
        return user


def _by_directory(username: str, password: str) -> Any:
    # Imported only where there is one: its library costs 19 MB.
    from gantry.resources.directory import authenticate

    return authenticate(username, password)
