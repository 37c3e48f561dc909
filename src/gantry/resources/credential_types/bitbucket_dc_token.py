"""Bitbucket Data Center HTTP Access Token: status is reported back with it."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

BITBUCKET_DC_TOKEN = ManagedType(
    namespace="bitbucket_dc_token",
    kind="token",
    name="Bitbucket Data Center HTTP Access Token",
    inputs={
        "fields": [
            {
                "id": "token",
                "label": "Token",
                "type": "string",
                "secret": True,
                "help_text": "This token needs to come from your user settings in Bitbucket",
            },
        ],
        "required": ["token"],
    },
)
