"""AWS Signature Version 4 of one request, as AWS documents it: plain functions.

https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class AccessKey:
    id: str
    secret: str

    def __repr__(self) -> str:
        return f"AccessKey({self.id!r})"


@dataclass(frozen=True)
class Scope:
    region: str
    service: str


@dataclass(frozen=True)
class Request:
    """`headers` are all signed; they hold Host and X-Amz-Date. `query` is in canonical form."""

    method: str
    headers: dict[str, str]
    body: bytes = b""
    path: str = "/"
    query: str = ""


def authorization(key: AccessKey, scope: Scope, at: datetime, request: Request) -> str:
    """The Authorization header of a request made `at` this time (UTC)."""
    headers = request.headers
    names = sorted(headers, key=str.lower)
    canonical = "\n".join(
        (
            request.method, request.path, request.query,
            *(f"{name.lower()}:{' '.join(headers[name].split())}" for name in names),
            "", _names(names), hashlib.sha256(request.body).hexdigest(),
        )
    )  # fmt: skip
    where = f"{at:%Y%m%d}/{scope.region}/{scope.service}/aws4_request"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"{ALGORITHM}\n{at:%Y%m%dT%H%M%SZ}\n{where}\n{hashed}"
    signing = f"AWS4{key.secret}".encode()
    for part in where.split("/"):
        signing = _hmac(signing, part)
    signature = _hmac(signing, to_sign).hex()
    return (
        f"{ALGORITHM} Credential={key.id}/{where}, SignedHeaders={_names(names)}, "
        f"Signature={signature}"
    )


def _names(names: list[str]) -> str:
    return ";".join(name.lower() for name in names)


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
