"""Ansible Galaxy/Automation Hub API Token: where collections come from."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

GALAXY_API_TOKEN = ManagedType(
    namespace="galaxy_api_token",
    kind="galaxy",
    name="Ansible Galaxy/Automation Hub API Token",
    inputs={
        "fields": [
            {
                "id": "url",
                "label": "Galaxy Server URL",
                "type": "string",
                "help_text": "The URL of the Galaxy instance to connect to.",
            },
            {
                "id": "auth_url",
                "label": "Auth Server URL",
                "type": "string",
                "help_text": "The URL of a Keycloak server token_endpoint, if using SSO auth.",
            },
            {
                "id": "token",
                "label": "API Token",
                "type": "string",
                "secret": True,
                "help_text": "A token to use for authentication against the Galaxy instance.",
            },
        ],
        "required": ["url"],
    },
)
