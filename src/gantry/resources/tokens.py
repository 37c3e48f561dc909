"""OAuth2 applications and the tokens by which programs come in. AWX: awx/main/models/oauth.py.

No value that lets somebody in is kept: of tokens, codes and client secrets there are only hashes.
They are long and random, so one round of SHA-256 is as good as many.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import models
from django.utils import timezone
from oauthlib.common import UNICODE_ASCII_CHARACTER_SET, generate_client_id, generate_token

from gantry.base.config import settings as gantry_settings
from gantry.resources.base import Recorded
from gantry.resources.organizations import User

CENSORED = "************"
SCOPES = ["read", "write"]
CLIENT_TYPES = [("confidential", "Confidential"), ("public", "Public")]
GRANT_TYPES = [
    ("authorization-code", "Authorization code"),
    ("password", "Resource owner password-based"),
]
_SECRET_LENGTH = 128
_a_url = URLValidator(schemes=["http", "https"])


def hashed(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def new_secret() -> str:
    return str(generate_client_id(_SECRET_LENGTH, UNICODE_ASCII_CHARACTER_SET))


def new_client_id() -> str:
    return str(generate_client_id(40, UNICODE_ASCII_CHARACTER_SET))


class OAuth2Application(Recorded):
    """A program that may ask people for tokens of theirs."""

    id = models.BigAutoField(primary_key=True)  # said, so that OPTIONS calls it "Id", as AWX's
    name = models.CharField(max_length=255, blank=True)
    description = models.TextField(blank=True, default="")
    organization = models.ForeignKey(
        "Organization", null=True, on_delete=models.CASCADE, related_name="applications"
    )
    client_id = models.CharField(max_length=100, unique=True, default=new_client_id)
    secret_hash = models.CharField(max_length=64, default="", editable=False)
    client_type = models.CharField(max_length=32, choices=CLIENT_TYPES)
    redirect_uris = models.TextField(blank=True, default="")
    authorization_grant_type = models.CharField(max_length=32, choices=GRANT_TYPES)
    skip_authorization = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)
    modified = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "application"
        ordering = ["organization", "name"]
        unique_together = [("name", "organization")]

    def __str__(self) -> str:
        return self.name or self.client_id

    def clean(self) -> None:
        uris = self.redirect_uris.split()
        for uri in uris:
            _check_redirect(uri)
        if not uris and self.authorization_grant_type == "authorization-code":
            raise ValidationError(
                f"redirect_uris cannot be empty with grant_type {self.authorization_grant_type}"
            )


def _check_redirect(uri: str) -> None:
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        raise ValidationError("Enter a valid URL.") from error
    if "#" in uri:
        raise ValidationError("Redirect URIs must not contain fragments")
    host = parts.hostname or ""
    # Django's check knows no host without a dot but localhost; a redirect may go to any.
    bare = bool(host) and "." not in host and ":" not in host
    _a_url(urlunsplit(parts._replace(netloc="localhost")) if bare else uri)


class OAuth2AccessToken(Recorded):
    """What a program shows instead of a name and a password; personal without application."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    application = models.ForeignKey(
        OAuth2Application, null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    scope = models.TextField(blank=True, default="write")
    description = models.TextField(blank=True, default="")
    expires = models.DateTimeField()
    last_used = models.DateTimeField(null=True, default=None, editable=False)
    created = models.DateTimeField(auto_now_add=True)
    modified = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "access token"
        ordering = ["id"]

    def __str__(self) -> str:
        return f"token {self.pk} of user {self.user_id}"

    def used(self) -> None:
        """Remember when; to the minute is enough, and saves a write for every request."""
        now = timezone.now()
        if self.last_used is None or now - self.last_used > timedelta(minutes=1):
            OAuth2AccessToken.objects.filter(pk=self.pk).update(last_used=now)


class OAuth2RefreshToken(models.Model):
    """Buys a new access token when the old one has run out, once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    application = models.ForeignKey(OAuth2Application, on_delete=models.CASCADE, related_name="+")
    access_token = models.OneToOneField(
        OAuth2AccessToken, null=True, on_delete=models.SET_NULL, related_name="refresh_token"
    )
    token_hash = models.CharField(max_length=64, unique=True)
    scope = models.TextField(blank=True, default="")
    created = models.DateTimeField(auto_now_add=True)
    revoked = models.DateTimeField(null=True, default=None)

    def __str__(self) -> str:
        return f"refresh token {self.pk} of user {self.user_id}"

    def expired(self) -> bool:
        lives = timedelta(seconds=gantry_settings().refresh_token_expires)
        return self.created + lives < timezone.now()

    def revoke(self) -> None:
        """The access token that it came with goes too."""
        if self.access_token is not None:
            self.access_token.delete()
        OAuth2RefreshToken.objects.filter(pk=self.pk, revoked=None).update(revoked=timezone.now())


class OAuth2Code(models.Model):
    """An authorization code: what a browser carries to the application, once, for ten minutes."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    application = models.ForeignKey(OAuth2Application, on_delete=models.CASCADE, related_name="+")
    code_hash = models.CharField(max_length=64, unique=True)
    redirect_uri = models.TextField()
    scope = models.TextField()
    challenge = models.CharField(max_length=128, default="")
    challenge_method = models.CharField(max_length=10, default="")
    expires = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"code of application {self.application_id}"


def expiry() -> datetime:
    return timezone.now() + timedelta(seconds=gantry_settings().access_token_expires)


def issue(
    user: User, scope: str, *, application: OAuth2Application | None = None, description: str = ""
) -> tuple[OAuth2AccessToken, str, str]:
    """(row, token, refresh token or ""): the only time that anybody sees the two values."""
    token = str(generate_token())
    row = OAuth2AccessToken.objects.create(
        user_id=user.pk, application=application, token_hash=hashed(token), scope=scope,
        description=description, expires=expiry(),
    )  # fmt: skip
    refresh = ""
    if application is not None:
        refresh = str(generate_token())
        store_refresh_token(row, refresh)
    return row, token, refresh


def store_refresh_token(row: OAuth2AccessToken, value: str) -> None:
    assert row.application is not None
    OAuth2RefreshToken.objects.create(
        user_id=row.user_id, application=row.application, access_token=row,
        token_hash=hashed(value), scope=row.scope,
    )  # fmt: skip


def valid_token(value: str) -> OAuth2AccessToken | None:
    """The living token with this value, of a person who may still come in."""
    rows = OAuth2AccessToken.objects.select_related("user")
    found = rows.filter(token_hash=hashed(value), expires__gt=timezone.now()).first()
    return found if found is not None and found.user.is_active else None
