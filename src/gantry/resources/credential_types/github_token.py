"""GitHub Personal Access Token: status is reported back with it, jobs do not get it."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

GITHUB_TOKEN = ManagedType(
    namespace="github_token",
    kind="token",
    name="GitHub Personal Access Token",
    inputs={
        "fields": [
            {
                "id": "token",
                "label": "Token",
                "type": "string",
                "secret": True,
                "help_text": "This token needs to come from your profile settings in GitHub",
            },
        ],
        "required": ["token"],
    },
)
