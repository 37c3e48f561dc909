"""Gitea or Forgejo Access Token: status is reported back with it. AWX has no such type."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

GITEA_TOKEN = ManagedType(
    namespace="gitea_token",
    kind="token",
    name="Gitea Access Token",
    inputs={
        "fields": [
            {
                "id": "token",
                "label": "Token",
                "type": "string",
                "secret": True,
                "help_text": "This token needs to come from your application settings in Gitea or "
                "Forgejo; it must be allowed to write to the repository",
            },
        ],
        "required": ["token"],
    },
)
