"""The lookup in AWS Secrets Manager against moto's server, which checks as AWS's own does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gantry.resources.lookups import LOOKUPS, LookupFailed
from tests.journeys.cloud import KEY, Cloud


def create(cloud: Cloud, **secret: Any) -> None:
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "secretsmanager.CreateSecret",
    }
    cloud.ask("secretsmanager", json.dumps(secret).encode(), headers)


def test_a_text_and_a_binary_are_found_and_what_is_not_there_is_told(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(cloud, Name="db", SecretString="from-aws")
    create(cloud, Name="file", SecretBinary="Ynl0ZXMtb2YtYXdz")
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
    lookup = LOOKUPS["aws_secretsmanager_credential"]

    def secret(name: str) -> str:
        given = {"aws_access_key": KEY.id, "aws_secret_key": KEY.secret}
        given["region_name"] = cloud.region
        return lookup.find(lookup.complete({**given, "secret_name": name}))

    assert secret("db") == "from-aws"
    assert secret("file") == "bytes-of-aws"
    with pytest.raises(LookupFailed, match="AWS answered ResourceNotFoundException"):
        secret("gone")
