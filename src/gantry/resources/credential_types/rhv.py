"""Red Hat Virtualization: an .ini file for the inventory plug-in, variables for the modules."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

RHV = ManagedType(
    namespace="rhv",
    kind="cloud",
    name="Red Hat Virtualization",
    inputs={
        "fields": [
            {
                "id": "host",
                "label": "Host (Authentication URL)",
                "type": "string",
                "help_text": "The host to authenticate with.",
            },
            {"id": "username", "label": "Username", "type": "string"},
            {"id": "password", "label": "Password", "type": "string", "secret": True},
            {
                "id": "ca_file",
                "label": "CA File",
                "type": "string",
                "help_text": "Absolute file path to the CA file to use (optional)",
            },
        ],
        "required": ["host", "username", "password"],
    },
    injectors={
        "file": {
            "template": "[ovirt]\novirt_url={{host}}\novirt_username={{username}}\n"
            "ovirt_password={{password}}\n{% if ca_file %}ovirt_ca_file={{ca_file}}{% "
            "endif %}",
        },
        "env": {
            "OVIRT_INI_PATH": "{{tower.filename}}",
            "OVIRT_URL": "{{host}}",
            "OVIRT_USERNAME": "{{username}}",
            "OVIRT_PASSWORD": "{{password}}",
        },
    },
)
