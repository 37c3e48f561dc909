"""Insights: how Red Hat Insights is asked."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

INSIGHTS = ManagedType(
    namespace="insights",
    kind="insights",
    name="Insights",
    inputs={
        "fields": [
            {"id": "username", "label": "Username", "type": "string"},
            {"id": "password", "label": "Password", "type": "string", "secret": True},
        ],
        "required": ["username", "password"],
    },
    injectors={
        "extra_vars": {"scm_username": "{{username}}", "scm_password": "{{password}}"},
        "env": {"INSIGHTS_USER": "{{username}}", "INSIGHTS_PASSWORD": "{{password}}"},
    },
)
