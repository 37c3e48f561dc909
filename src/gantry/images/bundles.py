"""Sigstore bundles, in which cosign 3 signs images: a statement in a signed envelope (DSSE).

Only what a key signed is read: `verificationMaterial` (certificates, transparency log) is not.
https://github.com/sigstore/cosign/blob/main/specs/BUNDLE_SPEC.md,
https://github.com/secure-systems-lab/dsse/blob/master/protocol.md,
https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gantry.images.public_keys import PublicKey

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle"  # and a version
STATEMENT = "application/vnd.in-toto+json"
SIGNS_IMAGE = "https://sigstore.dev/cosign/sign/v1"


@dataclass(frozen=True)
class Statement:
    """What a key signed: `digests` are those of the subjects, `name` the first subject's."""

    key: str  # the fingerprint
    predicate: str
    digests: tuple[str, ...]
    name: str


def read_bundle(bundle: bytes, keys: Sequence[PublicKey]) -> Statement | str:
    """The statement that one of these keys signed, or the sentence why there is none."""
    try:
        envelope = json.loads(bundle)["dsseEnvelope"]
        kind = str(envelope["payloadType"])
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = [base64.b64decode(s["sig"], validate=True) for s in envelope["signatures"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "one is no bundle with an envelope"
    signed = encoded(kind, payload)
    key = next((k for k in keys if any(k.signed(s, signed) for s in signatures)), None)
    if key is None:
        return "one is by a key that is not trusted here, or its payload was altered"
    if kind != STATEMENT:
        return f"one signs a {kind[:80]!r}"
    return _statement(payload, key)


def encoded(kind: str, payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is really signed."""
    name = kind.encode()
    return b"DSSEv1 %d %s %d %s" % (len(name), name, len(payload), payload)


def _statement(payload: bytes, key: PublicKey) -> Statement | str:
    try:
        said: dict[str, Any] = json.loads(payload)
        subjects = list(said["subject"])
        digests = [f"{a}:{v}" for s in subjects for a, v in s["digest"].items()]
        name = str(subjects[0].get("name") or "") if subjects else ""
        return Statement(key.fingerprint, str(said["predicateType"]), tuple(digests), name)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "one signs something that is no statement"
