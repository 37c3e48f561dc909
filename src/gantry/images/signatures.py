"""Signatures of images as cosign keeps them beside the images, checked against public keys.

For the image `repository@sha256:<hex>` there is a manifest under the tag `sha256-<hex>.sig`, or one
that refers to the digest (OCI 1.1). Each of its layers is a payload of the simple-signing format,
with the signature of its bytes in an annotation, or, since cosign 3, a bundle (images/bundles.py).
https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from gantry.base.errors import JobFailure
from gantry.base.image_reference import InvalidReference
from gantry.images import bundles
from gantry.images.manifests import Manifest, objects
from gantry.images.mirrors import normalized
from gantry.images.public_keys import PublicKey
from gantry.images.registry import RegistryClient

ANNOTATION = "dev.cosignproject.cosign/signature"
ARTIFACT = "application/vnd.dev.cosign.artifact.sig.v1+json"
TYPES = ("cosign container image signature", "https://sigstore.dev/cosign/sign/v1")
MOST_PAYLOAD = 256 << 10
MOST_SIGNATURES = 100


@dataclass(frozen=True)
class Signature:
    """A signature that holds: of which digest, by which key, under what name it was signed."""

    digest: str
    key: str  # the fingerprint
    identity: str


@dataclass(frozen=True)
class Checked:
    """`good` is None when no signature holds; `why_not` has a sentence for each that does not."""

    good: Signature | None
    why_not: tuple[str, ...]


async def check_signatures(
    registry: RegistryClient, image: str, digest: str, keys: Sequence[PublicKey]
) -> Checked:
    """Look for a signature of `digest` by one of these keys, in the image's repository. Raises
    JobFailure when the registry does not answer."""
    why_not: list[str] = []
    async for layer in _layers(registry, image, digest):
        found = await _check(registry, image, digest, keys, layer)
        if isinstance(found, Signature):
            return Checked(found, tuple(why_not))
        why_not.append(found)
        if len(why_not) >= MOST_SIGNATURES:
            break
    return Checked(None, tuple(why_not))


async def _layers(
    registry: RegistryClient, image: str, digest: str
) -> AsyncIterator[dict[str, Any]]:
    repository = normalized(image).repository
    tagged = await _known(registry, f"{repository}:{digest.replace(':', '-')}.sig")
    for layer in _layers_of(tagged):
        yield layer
    for referrer in (await registry.referrers(image, digest))[:MOST_SIGNATURES]:
        if not str(referrer.get("artifactType")).startswith((ARTIFACT, bundles.MEDIA_TYPE)):
            continue
        attached = await _known(registry, f"{repository}@{referrer.get('digest')}")
        for layer in _layers_of(attached):
            yield layer


async def _known(registry: RegistryClient, reference: str) -> Manifest | None:
    try:
        return await registry.manifest(reference)
    except InvalidReference:
        return None
    except JobFailure as failure:
        if failure.code != "image_unknown":
            raise
        return None


def _layers_of(manifest: Manifest | None) -> list[dict[str, Any]]:
    try:
        layers = manifest.document.get("layers") if manifest else None
    except ValueError:
        return []
    return objects(layers)[:MOST_SIGNATURES]


async def _check(
    registry: RegistryClient,
    image: str,
    digest: str,
    keys: Sequence[PublicKey],
    layer: dict[str, Any],
) -> Signature | str:
    """The signature, or the sentence why it is none."""
    if str(layer.get("mediaType")).startswith(bundles.MEDIA_TYPE):
        return await _check_bundle(registry, image, digest, keys, layer)
    annotations = layer.get("annotations")
    written = annotations.get(ANNOTATION) if isinstance(annotations, dict) else None
    if not isinstance(written, str):
        return "one has no signature in it"
    try:
        signature = base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        return "one is not base64"
    payload = await _payload(registry, image, layer)
    if isinstance(payload, str):
        return payload
    key = next((k for k in keys if k.signed(signature, payload)), None)
    if key is None:
        return "one is by a key that is not trusted here, or its payload was altered"
    return _read(image, digest, key, payload)


async def _check_bundle(
    registry: RegistryClient,
    image: str,
    digest: str,
    keys: Sequence[PublicKey],
    layer: dict[str, Any],
) -> Signature | str:
    bundle = await _payload(registry, image, layer)
    if isinstance(bundle, str):
        return bundle
    said = bundles.read_bundle(bundle, keys)
    if isinstance(said, str):
        return said
    if said.predicate != bundles.SIGNS_IMAGE:
        return f"one attests something else ({said.predicate[:80]})"
    if digest not in said.digests:
        return f"one is of another image, {', '.join(said.digests)[:160]}"
    return Signature(digest, said.key, said.name)


async def _payload(registry: RegistryClient, image: str, layer: dict[str, Any]) -> bytes | str:
    try:
        return await registry.blob(image, str(layer.get("digest")), MOST_PAYLOAD)
    except JobFailure as failure:
        if failure.code not in ("image_unknown", "pull_failed"):
            raise
        return f"one has no payload ({failure.sentence})"


def _read(image: str, digest: str, key: PublicKey, payload: bytes) -> Signature | str:
    """A payload is believed only after its signature held."""
    try:
        critical = json.loads(payload)["critical"]
        kind = critical["type"]
        signed = critical["image"]["docker-manifest-digest"]
        identity = str((critical.get("identity") or {}).get("docker-reference") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return "one signs something that is no image"
    if kind not in TYPES:
        return f"one is of the kind {str(kind)[:80]!r}"
    if signed != digest:
        return f"one is of another image, {str(signed)[:80]}"
    if identity and not same_repository(identity, image):
        return f"one was made for {identity[:200]}"
    return Signature(digest, key.fingerprint, identity)


def same_repository(identity: str, image: str) -> bool:
    """Whether a signature for `identity` may stand for `image`: the same repository, or one that
    was copied to another registry, perhaps below a prefix there."""
    try:
        signed, wanted = normalized(identity), normalized(image)
    except InvalidReference:
        return False
    if signed.repository == wanted.repository:
        return True
    longer, shorter = sorted((signed.path, wanted.path), key=len, reverse=True)
    return longer == shorter or longer.endswith(f"/{shorter}")
