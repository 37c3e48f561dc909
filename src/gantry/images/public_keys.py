"""Public keys that people trust, and the one question asked of them. PEM in, plain values out."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from gantry.base.errors import InvalidInput

_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", re.DOTALL)
_CURE = (
    "Paste what `cosign public-key` or `openssl pkey -pubout` prints: ECDSA, RSA (2,048 bits or "
    "more) or Ed25519."
)
Key = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True)
class PublicKey:
    """`fingerprint` is the SHA-256 of the key's DER form, as `openssl` and cosign can tell it."""

    key: Key
    fingerprint: str

    def signed(self, signature: bytes, data: bytes) -> bool:
        """Whether this key made the signature of these bytes, as cosign makes them: SHA-256, RSA by
        PKCS#1 v1.5, Ed25519 of the bytes themselves."""
        try:
            if isinstance(self.key, ec.EllipticCurvePublicKey):
                self.key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
            elif isinstance(self.key, rsa.RSAPublicKey):
                self.key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
            else:
                self.key.verify(signature, data)
        except InvalidSignature:
            return False
        return True


def load_keys(pem: str) -> list[PublicKey]:
    """All keys of a text of PEM blocks; text between them is comment. Raises InvalidInput (field
    `signature_keys`) for a block that is no public key, and for a text without any."""
    keys = []
    for number, block in enumerate(_BLOCK.finditer(pem), 1):
        if "PRIVATE" in block[1]:
            raise _invalid(f"Key {number} is a private key. Nobody but its owner may have it.")
        keys.append(_load(number, block[0]))
    without = _BLOCK.sub("", pem)
    if "-----BEGIN" in without or (pem.strip() and not keys):
        raise _invalid("This is no PEM text of public keys.")
    return keys


def _load(number: int, block: str) -> PublicKey:
    try:
        key = load_pem_public_key(block.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _invalid(f"Key {number} cannot be read.") from error
    if not isinstance(key, Key):
        raise _invalid(f"Key {number} is of a kind that signs no images.")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < 2048:
        raise _invalid(f"Key {number} is an RSA key of {key.key_size} bits, which is too weak.")
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(key, f"sha256:{hashlib.sha256(der).hexdigest()}")


def _invalid(sentence: str) -> InvalidInput:
    return InvalidInput(sentence, field="signature_keys", cure=_CURE)
