"""What oauthlib, which knows the protocol of OAuth2, asks about clients, codes and tokens.

The endpoints that people and programs meet are in oauth_views.py.
"""

from __future__ import annotations

import base64
import hmac
import re
from datetime import timedelta
from typing import Any
from urllib.parse import unquote

from django.contrib import auth
from django.http import HttpRequest
from django.utils import timezone
from oauthlib import oauth2
from oauthlib.oauth2.rfc6749.grant_types import (
    AuthorizationCodeGrant,
    RefreshTokenGrant,
    ResourceOwnerPasswordCredentialsGrant,
)
from oauthlib.oauth2.rfc6749.tokens import BearerToken

from gantry.base.config import settings
from gantry.resources.tokens import (
    SCOPES,
    OAuth2AccessToken,
    OAuth2Application,
    OAuth2Code,
    OAuth2RefreshToken,
    expiry,
    hashed,
    store_refresh_token,
)

CHALLENGE = re.compile(r"[A-Za-z0-9._~-]{43,128}")  # RFC 7636
# The protocol's names of the two kinds of application.
GRANTS = {"authorization_code": "authorization-code", "password": "password"}


class RefreshTokenExpired(Exception):
    """AWX answers this with 403 and a sentence, which is not OAuth2's way."""


class Validator(oauth2.RequestValidator):  # type: ignore[misc]  # oauthlib has no types
    """Each method answers one question of oauthlib's; it keeps what it found on `request`."""

    def __init__(self, django: HttpRequest) -> None:
        super().__init__()
        self.django = django

    # Who is the client?

    def client_authentication_required(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """A public application has no secret to show."""
        client_id, _ = _shown(request)
        client = _client(client_id or request.client_id)
        return client is None or client.client_type == "confidential"

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        client_id, secret = _shown(request)
        client = _client(client_id)
        known = client.secret_hash if client is not None else ""
        right = hmac.compare_digest(known, hashed(secret or ""))
        if client is None or not right or client.client_type != "confidential":
            return False
        request.client, request.client_id = client, client.client_id
        return True

    def authenticate_client_id(
        self, client_id: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        client = _client(_shown(request)[0] or client_id)
        if client is None or client.client_type != "public":
            return False
        request.client, request.client_id = client, client.client_id
        return True

    def validate_client_id(self, client_id: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        request.client = _client(client_id)
        return request.client is not None

    # What may it ask for?

    def validate_grant_type(
        self, client_id: Any, grant_type: Any, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        return bool(
            grant_type == "refresh_token"
            or GRANTS.get(grant_type) == client.authorization_grant_type
        )

    def validate_response_type(
        self, client_id: Any, response_type: Any, client: Any, request: Any, *a: Any, **k: Any
    ) -> bool:
        return bool(
            response_type == "code" and client.authorization_grant_type == "authorization-code"
        )

    def validate_redirect_uri(
        self, client_id: Any, redirect_uri: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        return redirect_uri in request.client.redirect_uris.split()

    def get_default_redirect_uri(
        self, client_id: Any, request: Any, *args: Any, **kwargs: Any
    ) -> str | None:
        uris = request.client.redirect_uris.split()
        return uris[0] if len(uris) == 1 else None

    def get_default_scopes(self, client_id: Any, request: Any, *a: Any, **k: Any) -> list[str]:
        return list(SCOPES)

    def validate_scopes(
        self, client_id: Any, scopes: Any, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        return bool(scopes) and set(scopes) <= set(SCOPES) and len(scopes) == len(set(scopes))

    def is_pkce_required(self, client_id: Any, request: Any) -> bool:
        """Welcome and not demanded, as in AWX; but what is no challenge is refused."""
        challenge = request.code_challenge
        if challenge is not None and not CHALLENGE.fullmatch(challenge):
            raise oauth2.InvalidRequestError("Malformed code challenge.", request=request)
        return False

    # The grants: a password, a code, a refresh token. Rows are locked: each is good for once.

    def validate_user(
        self, username: Any, password: Any, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        user = auth.authenticate(self.django, username=username, password=password)
        request.user = user
        return user is not None

    def save_authorization_code(
        self, client_id: Any, code: Any, request: Any, *args: Any, **kwargs: Any
    ) -> None:
        now = timezone.now()
        OAuth2Code.objects.filter(expires__lt=now).delete()
        OAuth2Code.objects.create(
            user=request.user,
            application=request.client,
            code_hash=hashed(code["code"]),
            redirect_uri=request.redirect_uri,
            scope=" ".join(request.scopes),
            challenge=request.code_challenge or "",
            challenge_method=request.code_challenge_method or "",
            expires=now + timedelta(seconds=settings().authorization_code_expires),
        )

    def validate_code(
        self, client_id: Any, code: Any, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        rows = OAuth2Code.objects.select_for_update(of=("self",)).select_related("user")
        row = rows.filter(
            code_hash=hashed(code), application=client, expires__gt=timezone.now()
        ).first()
        if row is None or not row.user.is_active:
            return False
        request.grant, request.user, request.scopes = row, row.user, row.scope.split()
        return True

    def get_code_challenge(self, code: Any, request: Any) -> str | None:
        return request.grant.challenge or None

    def get_code_challenge_method(self, code: Any, request: Any) -> str:
        return str(request.grant.challenge_method)

    def confirm_redirect_uri(
        self, client_id: Any, code: Any, redirect_uri: Any, client: Any, request: Any,
        *args: Any, **kwargs: Any,
    ) -> bool:  # fmt: skip
        return bool(request.grant.redirect_uri == redirect_uri)

    def invalidate_authorization_code(
        self, client_id: Any, code: Any, request: Any, *args: Any, **kwargs: Any
    ) -> None:
        OAuth2Code.objects.filter(code_hash=hashed(code)).delete()

    def validate_refresh_token(
        self, refresh_token: Any, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        rows = OAuth2RefreshToken.objects.select_for_update(of=("self",)).select_related("user")
        row = rows.filter(
            token_hash=hashed(refresh_token), application=client, revoked=None
        ).first()
        if row is None or not row.user.is_active:
            return False
        if row.expired():
            raise RefreshTokenExpired
        request.spent, request.user = row, row.user
        return True

    def get_original_scopes(self, refresh_token: Any, request: Any, *a: Any, **k: Any) -> list[str]:
        return list(request.spent.scope.split())

    # What is given.

    def save_bearer_token(self, token: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        spent = getattr(request, "spent", None)
        if spent is not None:
            spent.revoke()
        row = OAuth2AccessToken.objects.create(
            user=request.user,
            application=request.client,
            token_hash=hashed(token["access_token"]),
            scope=token["scope"],
            expires=expiry(),
        )
        store_refresh_token(row, token["refresh_token"])

    def revoke_token(
        self, token: Any, token_type_hint: Any, request: Any, *args: Any, **kwargs: Any
    ) -> None:
        """Only what the client itself was given; the hint would save one query of two."""
        mine = {"application": request.client, "token_hash": hashed(token)}
        OAuth2AccessToken.objects.filter(**mine).delete()
        for row in OAuth2RefreshToken.objects.filter(**mine):
            row.revoke()


class Endpoints(
    oauth2.AuthorizationEndpoint,  # type: ignore[misc]
    oauth2.TokenEndpoint,  # type: ignore[misc]
    oauth2.RevocationEndpoint,  # type: ignore[misc]
):
    """AWX's grants and no others: code, password, refresh."""

    def __init__(self, django: HttpRequest) -> None:
        validator = Validator(django)
        bearer = BearerToken(validator, expires_in=settings().access_token_expires)
        code = AuthorizationCodeGrant(validator)
        oauth2.AuthorizationEndpoint.__init__(
            self, default_response_type="code", default_token_type=bearer,
            response_types={"code": code},
        )  # fmt: skip
        oauth2.TokenEndpoint.__init__(
            self, default_grant_type="authorization_code", default_token_type=bearer,
            grant_types={
                "authorization_code": code,
                "password": ResourceOwnerPasswordCredentialsGrant(validator),
                "refresh_token": RefreshTokenGrant(validator),
            },
        )  # fmt: skip
        oauth2.RevocationEndpoint.__init__(self, validator)


def _client(client_id: Any) -> OAuth2Application | None:
    if not isinstance(client_id, str) or "\0" in client_id:
        return None
    return OAuth2Application.objects.filter(client_id=client_id).first()


def _shown(request: Any) -> tuple[str | None, str | None]:
    """Name and secret of the client: in a Basic header, or else in the form."""
    kind, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return request.client_id, request.client_secret
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None, None
    return unquote(name), unquote(secret)
