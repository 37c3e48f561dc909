"""Network: how modules for network devices log in."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

NETWORK = ManagedType(
    namespace="net",
    kind="net",
    name="Network",
    inputs={
        "fields": [
            {"id": "username", "label": "Username", "type": "string"},
            {"id": "password", "label": "Password", "type": "string", "secret": True},
            {
                "id": "ssh_key_data",
                "label": "SSH Private Key",
                "type": "string",
                "format": "ssh_private_key",
                "secret": True,
                "multiline": True,
            },
            {
                "id": "ssh_key_unlock",
                "label": "Private Key Passphrase",
                "type": "string",
                "secret": True,
            },
            {"id": "authorize", "label": "Authorize", "type": "boolean"},
            {
                "id": "authorize_password",
                "label": "Authorize Password",
                "type": "string",
                "secret": True,
            },
        ],
        "dependencies": {"authorize_password": ["authorize"]},
        "required": ["username"],
    },
)
