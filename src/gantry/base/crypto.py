"""Seals secret fields at rest: AES-256-GCM, bound to the row and field they belong to.

A sealed value reads `$v1$<key id>$<base64 of nonce+ciphertext>`. The keys lie in one file outside
the database; the newest one seals, every one opens, so rotation needs no downtime.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gantry.base.errors import ConfigurationError

MARK = "$v1$"
_SEALED = re.compile(re.escape(MARK) + r"[0-9a-f]+\$[A-Za-z0-9+/=]+")


@dataclass(frozen=True)
class KeyRing:
    """Key id -> 32 bytes, oldest first."""

    keys: dict[str, bytes]

    @classmethod
    def load(cls, path: Path) -> KeyRing:
        """Read the ring; make one with a first key when the file is not there."""
        if not path.exists():
            ring = cls({}).with_new_key()
            ring.save(path)
            return ring
        try:
            stored = json.loads(path.read_text())
            return cls({k: base64.b64decode(v) for k, v in stored["keys"].items()})
        except (OSError, ValueError, KeyError) as error:
            raise ConfigurationError(
                f"The key ring {path} cannot be read: {error}",
                cure="Restore it from your backup; without it no stored credential can be opened.",
            ) from error

    def save(self, path: Path) -> None:
        text = json.dumps({"keys": {k: base64.b64encode(v).decode() for k, v in self.keys.items()}})
        draft = path.with_suffix(".new")
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)

    def with_new_key(self) -> KeyRing:
        return KeyRing({**self.keys, secrets.token_hex(4): AESGCM.generate_key(256)})

    def seal(self, value: str, context: str) -> str:
        """Encrypt for one place, e.g. context `credential:12:password`."""
        key_id, key = next(reversed(self.keys.items()))
        nonce = os.urandom(12)
        sealed = nonce + AESGCM(key).encrypt(nonce, value.encode(), context.encode())
        return f"{MARK}{key_id}${base64.b64encode(sealed).decode()}"

    def open(self, sealed: str, context: str) -> str:
        """Decrypt; a value moved to another row or field, or touched, is refused."""
        key_id, _, body = sealed.removeprefix(MARK).partition("$")
        key = self.keys.get(key_id)
        if key is None:
            raise ConfigurationError(
                f"A secret was sealed with key {key_id}, which the key ring does not have.",
                cure="Restore the key ring that belongs to this database.",
            )
        raw = base64.b64decode(body)
        try:
            return AESGCM(key).decrypt(raw[:12], raw[12:], context.encode()).decode()
        except InvalidTag as error:
            raise ConfigurationError(
                f"A sealed secret does not belong where it was found ({context}).",
                cure="The row was altered outside Gantry; enter the secret again.",
            ) from error


def is_sealed(value: object) -> bool:
    return isinstance(value, str) and value.startswith(MARK)


def without_sealed(text: str, shown: str) -> str:
    """`text` with every sealed value in it replaced, wherever it stands."""
    return _SEALED.sub(shown, text)


_ring: KeyRing | None = None


def key_ring() -> KeyRing:
    """This installation's ring, `keys.json` under the data dir."""
    global _ring
    if _ring is None:
        from gantry.base.config import settings

        settings().make_data_dir()
        _ring = KeyRing.load(settings().data_dir / "keys.json")
    return _ring
