"""VMware vCenter: the variables that community.vmware reads."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

VMWARE = ManagedType(
    namespace="vmware",
    kind="cloud",
    name="VMware vCenter",
    inputs={
        "fields": [
            {
                "id": "host",
                "label": "VCenter Host",
                "type": "string",
                "help_text": "Enter the hostname or IP address that corresponds to your VMware "
                "vCenter.",
            },
            {"id": "username", "label": "Username", "type": "string"},
            {"id": "password", "label": "Password", "type": "string", "secret": True},
        ],
        "required": ["host", "username", "password"],
    },
)
