"""A cloud: moto's server, in the demo's image of it, which pods and this machine reach alike."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx

from gantry.base.aws_signature import AccessKey, Request, Scope, authorization
from gantry.base.engine_probe import probe_engine
from gantry.cli.demo.images import CLOUD_IMAGE, build_demo_images
from gantry.images.podman_cli import Podman
from tests.journeys.git_server import host_address
from tests.journeys.node import LABEL
from tests.journeys.registry import free_port

KEY = AccessKey("AKIAEXAMPLE", "wJalrXUtnFEMI")


@dataclass(frozen=True)
class Cloud:
    url: str
    region: str = "eu-central-1"

    def ask(self, service: str, body: bytes, headers: dict[str, str]) -> str:
        """One signed request of AWS's API. Raises httpx's errors."""
        at = datetime.now(UTC)
        headers = {
            "Host": urlsplit(self.url).netloc,
            "X-Amz-Date": f"{at:%Y%m%dT%H%M%SZ}",
            **headers,
        }
        scope = Scope(self.region, service)
        signed = authorization(KEY, scope, at, Request("POST", headers, body))
        answer = httpx.post(self.url, content=body, headers={**headers, "Authorization": signed})
        answer.raise_for_status()
        return answer.text

    def ec2(self, action: str, **parameters: str) -> list[str]:
        """The instance ids in the answer."""
        body = urlencode({"Action": action, "Version": "2016-11-15", **parameters}).encode()
        answer = self.ask("ec2", body, {"Content-Type": "application/x-www-form-urlencoded"})
        return re.findall(r"<instanceId>(i-\w+)</instanceId>", answer)


@contextlib.contextmanager
def running_cloud(home: Path) -> Iterator[Cloud]:
    build_demo_images(probe_engine(), log=print, conf_dir=home)
    podman, name = Podman.of(probe_engine(), home), f"gantry-test-cloud-{os.getpid()}"
    address = host_address()
    port = free_port(address)
    podman.run(
        *("run", "--detach", "--rm", "--name", name, "--label", LABEL, "--pull=never"),
        *("--publish", f"{address}:{port}:8080", "--user", "0", CLOUD_IMAGE),
        *("moto_server", "-H", "0.0.0.0", "-p", "8080"),
    )
    cloud = Cloud(f"http://{address}:{port}")
    try:
        _wait(cloud)
        yield cloud
    finally:
        podman.succeeds("rm", "--force", "--time=0", name)


def _wait(cloud: Cloud) -> None:
    until = time.monotonic() + 60
    while True:
        try:
            httpx.get(cloud.url)
            return
        except httpx.TransportError:
            assert time.monotonic() < until, "moto does not answer"
            time.sleep(0.1)
