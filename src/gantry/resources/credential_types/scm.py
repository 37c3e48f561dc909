"""Source Control: how a project's repository is reached."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

SCM = ManagedType(
    namespace="scm",
    kind="scm",
    name="Source Control",
    inputs={
        "fields": [
            {"id": "username", "label": "Username", "type": "string"},
            {"id": "password", "label": "Password", "type": "string", "secret": True},
            {
                "id": "ssh_key_data",
                "label": "SCM Private Key",
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
        ]
    },
)
