"""Takes PEM text apart far enough to say whether it holds a private key and whether it is locked.

AWX: awx/main/validators.py, validate_pem. Called by credential_schema.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass

_OBJECT = re.compile(
    r"(?P<dashes>-{4,}) *BEGIN (?P<kind>[A-Z ]+?) *(?P=dashes)\s*(?P<data>.+?)\s*"
    r"(?P=dashes) *END (?P=kind) *(?P=dashes)",
    re.DOTALL,
)
_HEADER = re.compile(r"[A-Za-z0-9-]+:\s*.+")
_KINDS = {"RSA", "DSA", "EC", "OPENSSH", ""}
_UNLOCKED_OPENSSH = b"openssh-key-v1\x00\x00\x00\x00\x04none"
LARGEST = 1 << 20


class KeyFormatError(ValueError):
    """Not a private key, in AWX's words."""


@dataclass(frozen=True)
class PrivateKey:
    kind: str
    encrypted: bool


def read_keys(text: str) -> list[PrivateKey]:
    """The private keys in `text`; certificates may stand beside them. Raises KeyFormatError."""
    rest = text.replace(r"\u003d", "=").lstrip()
    if len(rest) > LARGEST:
        raise KeyFormatError("Invalid certificate or key: too long")
    keys = []
    while rest:
        found = _OBJECT.match(rest)
        if found is None:
            raise KeyFormatError(f"Invalid certificate or key: {rest[:100]}...")
        rest = rest[found.end() :].lstrip()
        kind = found["kind"]
        body = _decode(found["data"])
        if kind.endswith("PRIVATE KEY"):
            keys.append(_key(kind, found["data"], body))
        elif kind != "CERTIFICATE":
            raise KeyFormatError(f'Unsupported PEM object type: "{kind}"')
    if not keys:
        raise KeyFormatError("At least one private key is required.")
    return keys


def _key(kind: str, data: str, body: bytes) -> PrivateKey:
    short = kind.replace("ENCRYPTED PRIVATE KEY", "").replace("PRIVATE KEY", "").strip()
    if short not in _KINDS:
        raise KeyFormatError(f'Invalid private key: unsupported type "{short}"')
    if short == "OPENSSH":
        return PrivateKey(short, not body.startswith(_UNLOCKED_OPENSSH))
    return PrivateKey(short, kind == "ENCRYPTED PRIVATE KEY" or "ENCRYPTED" in data)


def _decode(data: str) -> bytes:
    lines = [line.strip() for line in data.splitlines()]
    text = "".join(line for line in lines if line and not _HEADER.fullmatch(line))
    try:
        decoded = base64.b64decode(text)
    except (binascii.Error, ValueError) as error:
        raise KeyFormatError("Invalid base64-encoded data") from error
    if not decoded:
        raise KeyFormatError("Invalid base64-encoded data")
    return decoded
