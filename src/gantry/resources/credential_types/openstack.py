"""OpenStack: a clouds.yaml for openstacksdk."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

OPENSTACK = ManagedType(
    namespace="openstack",
    kind="cloud",
    name="OpenStack",
    inputs={
        "fields": [
            {"id": "username", "label": "Username", "type": "string"},
            {"id": "password", "label": "Password (API Key)", "type": "string", "secret": True},
            {
                "id": "host",
                "label": "Host (Authentication URL)",
                "type": "string",
                "help_text": "The host to authenticate with.  For example, "
                "https://openstack.business.com/v2.0/",
            },
            {"id": "project", "label": "Project (Tenant Name)", "type": "string"},
            {"id": "project_domain_name", "label": "Project (Domain Name)", "type": "string"},
            {
                "id": "domain",
                "label": "Domain Name",
                "type": "string",
                "help_text": "OpenStack domains define administrative boundaries. It is only "
                "needed for Keystone v3 authentication URLs. Refer to the "
                "documentation for common scenarios.",
            },
            {
                "id": "region",
                "label": "Region Name",
                "type": "string",
                "help_text": "For some cloud providers, like OVH, region must be specified",
            },
            {"id": "verify_ssl", "label": "Verify SSL", "type": "boolean", "default": True},
        ],
        "required": ["username", "password", "host", "project"],
    },
)
