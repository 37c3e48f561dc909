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
    injectors={
        "env": {
            "AWS_ACCESS_KEY_ID": "{{ username }}",
            "AWS_SECRET_ACCESS_KEY": "{{ password }}",
            "AWS_SECURITY_TOKEN": "{{ security_token }}",
            "AWS_SESSION_TOKEN": "{{ security_token }}",
        }
    },
)
