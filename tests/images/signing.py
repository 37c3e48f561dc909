"""Signs images as `cosign sign --key` does: payload, annotation, and the tag beside the image; and
as cosign 3 does, in a bundle.

Written from cosign's specs/SIGNATURE_SPEC.md and BUNDLE_SPEC.md; nothing of Gantry is used, so that
the two can disagree.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.images.docker_registry import CONFIG, Shelf

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def new_key(kind: str = "ecdsa") -> PrivateKey:
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1())


def public_pem(key: PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def payload(digest: str, identity: str, kind: str = "cosign container image signature") -> bytes:
    return json.dumps({
        "critical": {
            "identity": {"docker-reference": identity},
            "image": {"docker-manifest-digest": digest},
            "type": kind,
        },
        "optional": None,
    }).encode()  # fmt: skip


def signature(key: PrivateKey, data: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


def layer(shelf: Shelf, data: bytes, written: str) -> dict[str, Any]:
    return {
        "mediaType": SIMPLE_SIGNING, **shelf.blob(data),
        "annotations": {"dev.cosignproject.cosign/signature": written},
    }  # fmt: skip


def attach(shelf: Shelf, digest: str, *layers: dict[str, Any]) -> None:
    """Put signatures where they are looked for."""
    config = shelf.blob(b'{"architecture":"","os":"","config":{},"rootfs":{"type":"layers"}}')
    body = {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": CONFIG, **config}, "layers": list(layers),
    }  # fmt: skip
    shelf.manifest(body, f"{digest.replace(':', '-')}.sig")


def signed(shelf: Shelf, key: PrivateKey, digest: str, **more: Any) -> dict[str, Any]:
    """One signature, ready to be attached."""
    data = payload(more.pop("of", digest), more.pop("identity", shelf.image()), **more)
    return layer(shelf, data, base64.b64encode(signature(key, data)).decode())


def sign(shelf: Shelf, key: PrivateKey, digest: str, **more: Any) -> None:
    attach(shelf, digest, signed(shelf, key, digest, **more))


def bundle(key: PrivateKey, statement: Any, kind: str = "application/vnd.in-toto+json") -> bytes:
    """A statement in its envelope, signed."""
    data = json.dumps(statement).encode()
    signed_bytes = b" ".join(
        (b"DSSEv1", str(len(kind)).encode(), kind.encode(), str(len(data)).encode(), data)
    )
    return json.dumps({
        "mediaType": BUNDLE, "verificationMaterial": {"publicKey": {"hint": "x"}},
        "dsseEnvelope": {
            "payload": base64.b64encode(data).decode(), "payloadType": kind,
            "signatures": [{"sig": base64.b64encode(signature(key, signed_bytes)).decode()}],
        },
    }).encode()  # fmt: skip


def statement(digest: str, predicate: str = "https://sigstore.dev/cosign/sign/v1") -> Any:
    return {
        "_type": "https://in-toto.io/Statement/v1", "predicateType": predicate, "predicate": {},
        "subject": [{"digest": {"sha256": digest.partition(":")[2]}, "annotations": {}}],
    }  # fmt: skip


def refer(shelf: Shelf, digest: str, artifact: bytes) -> None:
    """Attach a bundle; docker-registry 2 has no referrers call, so the list is kept by its tag."""
    body = {
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": BUNDLE,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", **shelf.blob(b"{}")},
        "layers": [{"mediaType": BUNDLE, **shelf.blob(artifact)}],
        "subject": {"mediaType": MANIFEST, "digest": digest, "size": 1},
    }  # fmt: skip
    made = shelf.manifest(body)
    entry = {"mediaType": MANIFEST, "digest": made, "size": 1, "artifactType": BUNDLE}
    listed = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    shelf.manifest(listed, digest.replace(":", "-"), INDEX)
