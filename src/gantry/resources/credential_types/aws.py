"""Amazon Web Services: an access key, in the variables that boto3 reads."""

from __future__ import annotations

from gantry.resources.credential_types.managed import ManagedType

AWS = ManagedType(
    namespace="aws",
    kind="cloud",
    name="Amazon Web Services",
    inputs={
        "fields": [
            {"id": "username", "label": "Access Key", "type": "string"},
            {"id": "password", "label": "Secret Key", "type": "string", "secret": True},
            {
                "id": "security_token",
                "label": "STS Token",
                "type": "string",
                "secret": True,
                "help_text": "Security Token Service (STS) is a web service that enables you to "
                "request temporary, limited-privilege credentials for AWS Identity and Access "
                "Management (IAM) users.",
            },
        ],
        "required": ["username", "password"],
    },
)
