"""Red Hat Ansible Automation Platform: how jobs talk to an AWX, or to Gantry."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

CONTROLLER = ManagedType(
    namespace="controller",
    kind="cloud",
    name="Red Hat Ansible Automation Platform",
    inputs={
        "fields": [
            {
                "id": "host",
                "label": "Red Hat Ansible Automation Platform",
                "type": "string",
                "help_text": "Red Hat Ansible Automation Platform base URL to authenticate with.",
            },
            {
                "id": "username",
                "label": "Username",
                "type": "string",
                "help_text": "Red Hat Ansible Automation Platform username id to authenticate "
                "as.This should not be set if an OAuth token is being used.",
            },
            {"id": "password", "label": "Password", "type": "string", "secret": True},
            {
                "id": "oauth_token",
                "label": "OAuth Token",
                "type": "string",
                "secret": True,
                "help_text": "An OAuth token to use to authenticate with.This should not be set "
                "if username/password are being used.",
            },
            {"id": "verify_ssl", "label": "Verify SSL", "type": "boolean", "secret": False},
        ],
        "required": ["host"],
    },
    injectors={
        "env": {
            "TOWER_HOST": "{{host}}",
            "TOWER_USERNAME": "{{username}}",
            "TOWER_PASSWORD": "{{password}}",
            "TOWER_VERIFY_SSL": "{{verify_ssl}}",
            "TOWER_OAUTH_TOKEN": "{{oauth_token}}",
            "CONTROLLER_HOST": "{{host}}",
            "CONTROLLER_USERNAME": "{{username}}",
            "CONTROLLER_PASSWORD": "{{password}}",
            "CONTROLLER_VERIFY_SSL": "{{verify_ssl}}",
            "CONTROLLER_OAUTH_TOKEN": "{{oauth_token}}",
        },
    },
)
