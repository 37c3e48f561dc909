"""Red Hat Satellite 6: for inventory sources; a job gets nothing of it."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

SATELLITE6 = ManagedType(
    namespace="satellite6",
    kind="cloud",
    name="Red Hat Satellite 6",
    inputs={
        "fields": [
            {
                "id": "host",
                "label": "Satellite 6 URL",
                "type": "string",
                "help_text": "Enter the URL that corresponds to your Red Hat Satellite 6 server. "
                "For example, https://satellite.example.org",
            },
            {"id": "username", "label": "Username", "type": "string"},
            {"id": "password", "label": "Password", "type": "string", "secret": True},
        ],
        "required": ["host", "username", "password"],
    },
)
