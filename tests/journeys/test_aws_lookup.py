"""The lookup in AWS Secrets Manager against moto's server, which checks as AWS's own does."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from gantry.base.aws_signature import AccessKey, Request, Scope, authorization
from gantry.base.engine_probe import probe_engine
from gantry.cli.demo.images import CLOUD_IMAGE, build_demo_images
from gantry.images.podman_cli import Podman
from gantry.resources.lookups import LOOKUPS, LookupFailed
from tests.journeys.git_server import host_address
from tests.journeys.node import LABEL
from tests.journeys.outcome import until
from tests.journeys.registry import free_port

KEY = AccessKey("AKIAEXAMPLE", "wJalrXUtnFEMI")
REGION = "eu-central-1"


@pytest.fixture(scope="module")
def cloud(ee_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of moto's server, in the demo's image of it."""
    home = tmp_path_factory.mktemp("cloud")
    build_demo_images(probe_engine(), log=print, conf_dir=home)
    podman, name = Podman.of(probe_engine(), home), f"gantry-test-cloud-{os.getpid()}"
    address = host_address()
    port = free_port(address)
    podman.run(
        *("run", "--detach", "--rm", "--name", name, "--label", LABEL, "--pull=never"),
        *("--publish", f"{address}:{port}:8080", "--user", "0", CLOUD_IMAGE),
        *("moto_server", "-H", "0.0.0.0", "-p", "8080"),
    )
    yield f"http://{address}:{port}"
    podman.succeeds("rm", "--force", "--time=0", name)


def create(url: str, **secret: Any) -> bool:
    """CreateSecret, signed as the lookup signs; False while the server does not answer yet."""
    at, body = datetime.now(UTC), json.dumps(secret).encode()
    headers = {
        "Host": urlsplit(url).netloc, "X-Amz-Date": f"{at:%Y%m%dT%H%M%SZ}",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "secretsmanager.CreateSecret",
    }  # fmt: skip
    signed = authorization(KEY, Scope(REGION, "secretsmanager"), at, Request("POST", headers, body))
    try:
        answer = httpx.post(url, content=body, headers={**headers, "Authorization": signed})
    except httpx.TransportError:
        return False
    answer.raise_for_status()
    return True


async def test_a_text_and_a_binary_are_found_and_what_is_not_there_is_told(
    cloud: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(lambda: create(cloud, Name="db", SecretString="from-aws"), "moto to answer")
    create(cloud, Name="file", SecretBinary="Ynl0ZXMtb2YtYXdz")
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud)
    lookup = LOOKUPS["aws_secretsmanager_credential"]

    def secret(name: str) -> str:
        given = {"aws_access_key": KEY.id, "aws_secret_key": KEY.secret, "region_name": REGION}
        return lookup.find(lookup.complete({**given, "secret_name": name}))

    assert secret("db") == "from-aws"
    assert secret("file") == "bytes-of-aws"
    with pytest.raises(LookupFailed, match="AWS answered ResourceNotFoundException"):
        secret("gone")
