"""Vault: a password for ansible-vault, with an optional vault id."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

VAULT = ManagedType(
    namespace="vault",
    kind="vault",
    name="Vault",
    inputs={
        "fields": [
            {
                "id": "vault_password",
                "label": "Vault Password",
                "type": "string",
                "secret": True,
                "ask_at_runtime": True,
            },
            {
                "id": "vault_id",
                "label": "Vault Identifier",
                "type": "string",
                "format": "vault_id",
                "help_text": "Specify an (optional) Vault ID. This is equivalent to specifying "
                "the --vault-id Ansible parameter for providing multiple Vault passwords.  "
                "Note: this feature only works in Ansible 2.4+.",
            },
        ],
        "required": ["vault_password"],
    },
)
