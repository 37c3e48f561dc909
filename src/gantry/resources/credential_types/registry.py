"""Container Registry: how an execution environment's image is pulled."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

REGISTRY = ManagedType(
    namespace="registry",
    kind="registry",
    name="Container Registry",
    inputs={
        "fields": [
            {
                "id": "host",
                "label": "Authentication URL",
                "type": "string",
                "help_text": "Authentication endpoint for the container registry.",
                "default": "quay.io",
            },
            {"id": "username", "label": "Username", "type": "string"},
            {
                "id": "password",
                "label": "Password or Token",
                "type": "string",
                "secret": True,
                "help_text": "A password or token used to authenticate with",
            },
            {
                "id": "verify_ssl",
                "label": "Verify SSL",
                "type": "boolean",
                "default": True,
            },
        ],
        "required": ["host"],
    },
)
