"""Google Compute Engine: a service account as a JSON file."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

GCE = ManagedType(
    namespace="gce",
    kind="cloud",
    name="Google Compute Engine",
    inputs={
        "fields": [
            {
                "id": "username",
                "label": "Service Account Email Address",
                "type": "string",
                "help_text": "The email address assigned to the Google Compute Engine service "
                "account.",
            },
            {
                "id": "project",
                "label": "Project",
                "type": "string",
                "help_text": "The Project ID is the GCE assigned identification. It is often "
                "constructed as three words or two words followed by a three-digit "
                "number. Examples: project-id-000 and another-project-id",
            },
            {
                "id": "ssh_key_data",
                "label": "RSA Private Key",
                "type": "string",
                "format": "ssh_private_key",
                "secret": True,
                "multiline": True,
                "help_text": "Paste the contents of the PEM file associated with the service "
                "account email.",
            },
        ],
        "required": ["username", "ssh_key_data"],
    },
)
