"""Microsoft Azure Resource Manager: a service principal or a user."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

AZURE_RM = ManagedType(
    namespace="azure_rm",
    kind="cloud",
    name="Microsoft Azure Resource Manager",
    inputs={
        "fields": [
            {
                "id": "subscription",
                "label": "Subscription ID",
                "type": "string",
                "help_text": "Subscription ID is an Azure construct, which is mapped to a "
                "username.",
            },
            {"id": "username", "label": "Username", "type": "string"},
            {"id": "password", "label": "Password", "type": "string", "secret": True},
            {"id": "client", "label": "Client ID", "type": "string"},
            {"id": "secret", "label": "Client Secret", "type": "string", "secret": True},
            {"id": "tenant", "label": "Tenant ID", "type": "string"},
            {
                "id": "cloud_environment",
                "label": "Azure Cloud Environment",
                "type": "string",
                "help_text": "Environment variable AZURE_CLOUD_ENVIRONMENT when using Azure "
                "GovCloud or Azure stack.",
            },
        ],
        "required": ["subscription"],
    },
)
