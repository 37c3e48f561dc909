"""Machine: how ansible logs in to managed nodes and becomes another user there."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

MACHINE = ManagedType(
    namespace="ssh",
    kind="ssh",
    name="Machine",
    inputs={
        "fields": [
            {"id": "username", "label": "Username", "type": "string"},
            {
                "id": "password",
                "label": "Password",
                "type": "string",
                "secret": True,
                "ask_at_runtime": True,
            },
            {
                "id": "ssh_key_data",
                "label": "SSH Private Key",
                "type": "string",
                "format": "ssh_private_key",
                "secret": True,
                "multiline": True,
            },
            {
                "id": "ssh_public_key_data",
                "label": "Signed SSH Certificate",
                "type": "string",
                "multiline": True,
                "secret": True,
            },
            {
                "id": "ssh_key_unlock",
                "label": "Private Key Passphrase",
                "type": "string",
                "secret": True,
                "ask_at_runtime": True,
            },
            {
                "id": "become_method",
                "label": "Privilege Escalation Method",
                "type": "string",
                "help_text": 'Specify a method for "become" operations. This is equivalent to '
                "specifying the --become-method Ansible parameter.",
            },
            {
                "id": "become_username",
                "label": "Privilege Escalation Username",
                "type": "string",
            },
            {
                "id": "become_password",
                "label": "Privilege Escalation Password",
                "type": "string",
                "secret": True,
                "ask_at_runtime": True,
            },
        ]
    },
)
