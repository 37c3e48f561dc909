"""GPG Public Key: verifies a project's signed content."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

GPG_PUBLIC_KEY = ManagedType(
    namespace="gpg_public_key",
    kind="cryptography",
    name="GPG Public Key",
    inputs={
        "fields": [
            {
                "id": "gpg_public_key",
                "label": "GPG Public Key",
                "type": "string",
                "secret": True,
                "multiline": True,
                "help_text": "GPG Public Key used to validate content signatures.",
            },
        ],
        "required": ["gpg_public_key"],
    },
)
