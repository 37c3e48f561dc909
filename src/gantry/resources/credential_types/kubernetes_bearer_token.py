"""OpenShift or Kubernetes API Bearer Token: the variables that kubernetes.core reads."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

KUBERNETES_BEARER_TOKEN = ManagedType(
    namespace="kubernetes_bearer_token",
    kind="kubernetes",
    name="OpenShift or Kubernetes API Bearer Token",
    inputs={
        "fields": [
            {
                "id": "host",
                "label": "OpenShift or Kubernetes API Endpoint",
                "type": "string",
                "help_text": "The OpenShift or Kubernetes API Endpoint to authenticate with.",
            },
            {
                "id": "bearer_token",
                "label": "API authentication bearer token",
                "type": "string",
                "secret": True,
            },
            {"id": "verify_ssl", "label": "Verify SSL", "type": "boolean", "default": True},
            {
                "id": "ssl_ca_cert",
                "label": "Certificate Authority data",
                "type": "string",
                "secret": True,
                "multiline": True,
            },
        ],
        "required": ["host", "bearer_token"],
    },
)
