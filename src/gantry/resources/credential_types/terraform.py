"""Terraform backend configuration: a backend file for the terraform modules."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

TERRAFORM = ManagedType(
    namespace="terraform",
    kind="cloud",
    name="Terraform backend configuration",
    inputs={
        "fields": [
            {
                "id": "configuration",
                "label": "Backend configuration",
                "type": "string",
                "secret": True,
                "multiline": True,
                "help_text": "Terraform backend config as Hashicorp configuration language.",
            },
            {
                "id": "gce_credentials",
                "label": "Google Cloud Platform account credentials",
                "type": "string",
                "secret": True,
                "multiline": True,
                "help_text": "Google Cloud Platform account credentials in JSON format.",
            },
        ],
        "required": ["configuration"],
    },
)
