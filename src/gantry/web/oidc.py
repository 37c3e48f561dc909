"""OpenID Connect's authorization code flow, as its client: with state, nonce and PKCE.

oauthlib makes what is random, joserfc checks what is signed, httpx fetches; the last two are
imported where somebody logs in so.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

from oauthlib.common import generate_token
from oauthlib.oauth2 import WebApplicationClient

from gantry.base.config import settings
from gantry.base.errors import GantryError

WAIT = 10.0  # seconds for an answer of the provider
KEEP = 600.0  # seconds for which what it says of itself is believed
LEEWAY = 60  # seconds by which clocks may differ
_known: dict[str, tuple[float, dict[str, Any]]] = {}


class ProviderError(GantryError):
    """The provider does not answer, or not as it must."""

    code = "login.provider"
    retry = True


def configured() -> bool:
    s = settings()
    return bool(s.social_auth_oidc_key and s.social_auth_oidc_oidc_endpoint)


def begin(redirect_uri: str) -> tuple[str, dict[str, str]]:
    """(address at the provider, what to remember until the person is back)."""
    client = WebApplicationClient(settings().social_auth_oidc_key)
    kept = {
        "state": generate_token(32), "nonce": generate_token(32),
        "verifier": client.create_code_verifier(64),
    }  # fmt: skip
    asked = {
        "response_type": "code", "client_id": settings().social_auth_oidc_key,
        "redirect_uri": redirect_uri, "scope": " ".join(settings().social_auth_oidc_scope),
        "state": kept["state"], "nonce": kept["nonce"],
        "code_challenge": client.create_code_challenge(kept["verifier"], "S256"),
        "code_challenge_method": "S256",
    }  # fmt: skip
    where = _of_provider("authorization_endpoint")
    return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}", kept


def complete(code: str, redirect_uri: str, kept: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """(issuer, claims) of who comes back with a code. Raises ProviderError."""
    s = settings()
    asked = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri,
        "code_verifier": kept["verifier"],
    }  # fmt: skip
    us = (s.social_auth_oidc_key, s.social_auth_oidc_secret)
    token = _fetch("POST", _of_provider("token_endpoint"), auth=us, data=asked)
    claims = _checked(str(token.get("id_token", "")), kept["nonce"])
    more: dict[str, Any] = {}
    if token.get("access_token") and "userinfo_endpoint" in _provider():
        bearer = {"Authorization": f"Bearer {token['access_token']}"}
        more = _fetch("GET", _of_provider("userinfo_endpoint"), headers=bearer)
    if more and more.get("sub") != claims["sub"]:
        raise ProviderError("The provider's user info is about somebody else.")
    return str(claims["iss"]), {**more, **claims}


def _checked(id_token: str, nonce: str) -> dict[str, Any]:
    """The claims of an ID token that is the provider's, for us, now, and for this login."""
    from joserfc import jwk, jwt
    from joserfc.errors import JoseError

    key = settings().social_auth_oidc_key
    rules = jwt.JWTClaimsRegistry(
        leeway=LEEWAY,
        iss={"essential": True, "value": str(_provider()["issuer"])},
        aud={"essential": True, "value": key}, exp={"essential": True},
        iat={"essential": True}, sub={"essential": True},
        nonce={"essential": True, "value": nonce},
    )  # fmt: skip
    allowed = [a for a in _algorithms() if a != "none" and not a.startswith("HS")]
    try:
        keys = jwk.KeySet.import_key_set(_fetch("GET", _of_provider("jwks_uri")))  # type: ignore[arg-type]
        token = jwt.decode(id_token, keys, algorithms=allowed)
        rules.validate(token.claims)
    except (JoseError, ValueError) as error:
        raise ProviderError(
            f"What the provider says about you could not be trusted: {error}.",
            cure="Log in again; if it stays, tell an administrator.",
        ) from error
    claims: dict[str, Any] = token.claims
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != key:
        raise ProviderError("The provider's token is for somebody else.")
    return claims


def _algorithms() -> list[str]:
    return list(_provider().get("id_token_signing_alg_values_supported") or ["RS256"])


def _provider() -> dict[str, Any]:
    endpoint = settings().social_auth_oidc_oidc_endpoint.rstrip("/")
    read, known = _known.get(endpoint, (0.0, {}))
    if not known or time.monotonic() - read > KEEP:
        known = _fetch("GET", f"{endpoint}/.well-known/openid-configuration")
        if str(known.get("issuer", "")).rstrip("/") != endpoint:
            raise ProviderError(
                f"The provider at {endpoint} calls itself {known.get('issuer')}.",
                cure="Set SOCIAL_AUTH_OIDC_OIDC_ENDPOINT to the issuer exactly.",
            )
        _known[endpoint] = time.monotonic(), known
    return known


def _of_provider(name: str) -> str:
    found = _provider().get(name)
    if not isinstance(found, str):
        raise ProviderError(f"The provider has no {name}.")
    return found


def _fetch(method: str, url: str, **more: Any) -> dict[str, Any]:
    import httpx

    try:
        verify = settings().social_auth_oidc_verify_ssl
        with httpx.Client(timeout=WAIT, verify=verify, follow_redirects=False) as client:
            answer = client.request(method, url, **more)
            answer.raise_for_status()
            found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise ProviderError(
            f"The login provider could not be asked: {error}.", cure="Try again in a while."
        ) from error
    if not isinstance(found, dict):
        raise ProviderError("The login provider answered with something that is no object.")
    return found
