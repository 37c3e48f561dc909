"""AWS Secrets Manager: the whole text of a secret.

Contract: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from datetime import UTC, datetime
from urllib.parse import urlsplit

from gantry.base.aws_signature import AccessKey, Request, Scope, authorization
from gantry.resources.lookups.contract import Lookup, LookupFailed, Values, field
from gantry.resources.lookups.http import Http

# What AWS's own tools read, too: a private endpoint, or a stand-in for AWS.
ENDPOINT = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL")
TYPE = "application/x-amz-json-1.1"


def find_secret(values: Values) -> str:
    region = str(values["region_name"])
    url = next((os.environ[name] for name in ENDPOINT if os.environ.get(name)), "")
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    url = url or f"https://secretsmanager.{region}.{suffix}/"
    at = datetime.now(UTC)
    body = json.dumps({"SecretId": str(values["secret_name"])}).encode()
    headers = {
        "Host": urlsplit(url).netloc, "X-Amz-Date": f"{at:%Y%m%dT%H%M%SZ}", "Content-Type": TYPE,
        "X-Amz-Target": "secretsmanager.GetSecretValue",
    }  # fmt: skip
    key = AccessKey(str(values["aws_access_key"]), str(values["aws_secret_key"]))
    scope = Scope(region, "secretsmanager")
    headers["Authorization"] = authorization(key, scope, at, Request("POST", headers, body))
    answer = Http(headers=headers).ask("POST", url, content=body, fine=False)
    if answer.status != 200:
        raise LookupFailed(f"AWS answered {_kind(answer.text)}", status=answer.status)
    found = answer.json()
    if isinstance(found.get("SecretString"), str):
        return str(found["SecretString"])
    try:
        return base64.b64decode(str(found["SecretBinary"])).decode()
    except (KeyError, binascii.Error, UnicodeDecodeError) as error:
        raise LookupFailed("the secret is no text") from error


def _kind(text: str) -> str:
    """AWS's name of the error: `ResourceNotFoundException`."""
    try:
        name = str(json.loads(text)["__type"]).rpartition("#")[2]
    except (ValueError, LookupError, TypeError):
        return "with an error"
    return name if name.isalnum() else "with an error"


AWS_SECRETSMANAGER = Lookup(
    "aws_secretsmanager_credential", "AWS Secrets Manager lookup",
    (
        field("aws_access_key", "AWS Access Key"),
        field("aws_secret_key", "AWS Secret Key", secret=True),
    ),
    (
        field("region_name", "AWS Secrets Manager Region",
              "Region which the secrets manager is located"),
        field("secret_name", "AWS Secret Name"),
    ),
    ("aws_access_key", "aws_secret_key", "region_name", "secret_name"), find_secret,
)  # fmt: skip
