"""Amazon ECR's logins, which live for twelve hours: got for an access key, renewed in time.

A registry credential whose host is an ECR registry may hold an access key (its id as the username,
its secret as the password) instead of a password that is dead tomorrow. GetAuthorizationToken:
https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
"""

from __future__ import annotations

import base64
import re
import time
from dataclasses import replace
from datetime import UTC, datetime

import httpx

from gantry.base.aws_signature import AccessKey, Request, Scope, authorization
from gantry.base.errors import JobFailure
from gantry.images.login import login_for
from gantry.images.mirrors import normalized
from gantry.images.registry_host import trust
from gantry.pods.contract import RegistryLogin

_HOST = re.compile(r"\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?")
# AWS's unique identifiers: AKIA is a user's long-term key. ASIA, a temporary one, needs a session
# token, for which AWX's registry credential has no field.
_KEY_ID = re.compile(r"AKIA[A-Z0-9]{12,124}")
_TARGET = "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
RENEW_BEFORE = 600.0  # a pull that begins now must not outlive its login
BODY = b"{}"


async def current_login(
    reference: str, login: RegistryLogin | None, *, own: bool = True, endpoint: str = ""
) -> RegistryLogin | None:
    """What to give to the registry of `reference` now: `login_for`, and where that is an access key
    for ECR, the password it is worth. Raises JobFailure. `endpoint` replaces AWS's own URL."""
    chosen = login_for(reference, login, own=own)
    region = needs_renewal(reference, chosen)
    if chosen is None or not region:
        return chosen
    key = AccessKey(chosen.username, chosen.password)
    domain = normalized(reference).domain
    password, until = _known.get((domain, key), ("", 0.0))
    if until - RENEW_BEFORE < time.time():
        china = ".cn" if domain.endswith(".cn") else ""
        url = endpoint or f"https://api.ecr.{region}.amazonaws.com{china}/"
        password, until = await _token(url, region, key, reference)
        _known[domain, key] = (password, until)
    return replace(chosen, username="AWS", password=password)


# This process's tokens; a restart asks again.
_known: dict[tuple[str, AccessKey], tuple[str, float]] = {}


def needs_renewal(reference: str, login: RegistryLogin | None) -> str:
    """The region to ask for a token; "" for a login that is good as it is."""
    found = _HOST.fullmatch(normalized(reference).domain)
    if found is None or login is None or not _KEY_ID.fullmatch(login.username):
        return ""
    return found[1]


async def _token(url: str, region: str, key: AccessKey, reference: str) -> tuple[str, float]:
    now = datetime.now(UTC)
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "Host": httpx.URL(url).netloc.decode(),
        "X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}",
        "X-Amz-Target": _TARGET,
    }
    signed = authorization(key, Scope(region, "ecr"), now, Request("POST", headers, BODY))
    try:
        async with httpx.AsyncClient(verify=trust(), timeout=30.0) as client:
            answer = await client.post(
                url, content=BODY, headers={**headers, "Authorization": signed}
            )
    except httpx.HTTPError as error:
        raise JobFailure(
            f"AWS could not be asked for a login to {reference}: {error or type(error).__name__}",
            cure=f"Check that the controller reaches {url}.",
            code="registry_unreachable",
        ) from error
    try:
        if answer.status_code != 200:
            said = answer.json()
            raise _refused(reference, f"{said.get('__type', '')}: {said.get('message', '')}")
        (given,) = answer.json()["authorizationData"][:1]
        _, _, password = base64.b64decode(given["authorizationToken"]).decode().partition(":")
        return password, float(given["expiresAt"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _refused(reference, f"{answer.status_code} {answer.text[:200]}") from error


def _refused(reference: str, words: str) -> JobFailure:
    return JobFailure(
        f"AWS gave no login to {reference} for the access key: {words}",
        cure="Check the key and its secret on the registry credential, and that its user may do "
        "ecr:GetAuthorizationToken.",
        code="registry_denied",
    )
