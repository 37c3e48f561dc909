"""ECR's logins: an access key is turned into the password of the hour, and renewed in time.

The server here checks the signature as AWS does, from what it received; the signature itself is
checked against AWS's own published example.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gantry.base.aws_signature import AccessKey, Request, Scope, authorization
from gantry.base.errors import JobFailure
from gantry.images import ecr
from gantry.pods.contract import RegistryLogin

KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
HOST = "123456789012.dkr.ecr.eu-north-1.amazonaws.com"
IMAGE = f"{HOST}/ship/ee:1"


class Aws:
    """ECR's API with one call. `life` in seconds is what its tokens live."""

    def __init__(self) -> None:
        self.life = 43200.0
        self.given = 0
        aws = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = aws.answer(dict(self.headers), body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        lower = {name.lower(): value for name, value in headers.items()}
        if not self._signed(lower, body):
            words = "The request signature we calculated does not match the signature you provided."
            return 400, {"__type": "InvalidSignatureException", "message": words}
        assert lower["x-amz-target"].endswith(".GetAuthorizationToken")
        self.given += 1
        token = base64.b64encode(f"AWS:password {self.given}".encode()).decode()
        expires = time.time() + self.life
        return 200, {"authorizationData": [{
            "authorizationToken": token, "expiresAt": expires, "proxyEndpoint": f"https://{HOST}",
        }]}  # fmt: skip

    def _signed(self, headers: dict[str, str], body: bytes) -> bool:
        """The steps of AWS's documentation, the other way round."""
        found = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=(\w+)/(\d{8})/([\w-]+)/ecr/aws4_request, "
            r"SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})",
            headers["authorization"],
        )
        if not found or found[1] != KEY_ID or not {"host", "x-amz-date"} <= {*found[4].split(";")}:
            return False
        made = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs(time.time() - made.timestamp()) > 300:
            return False
        lines = "".join(f"{name}:{headers[name]}\n" for name in found[4].split(";"))
        hashed = hashlib.sha256(body).hexdigest()
        canonical = f"POST\n/\n\n{lines}\n{found[4]}\n{hashed}"
        scope = f"{found[2]}/{found[3]}/ecr/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{digest}"
        key = f"AWS4{SECRET}".encode()
        for part in (found[2], found[3], "ecr", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest() == found[5]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    monkeypatch.setattr(ecr, "_known", {})
    server = Aws()
    yield server
    server.close()


def login(secret: str = SECRET, host: str = HOST) -> RegistryLogin:
    return RegistryLogin(host, KEY_ID, secret)


def test_the_signature_is_that_of_awss_own_example() -> None:
    """GET of IAM's ListUsers, from AWS's documentation of Signature Version 4."""
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "Host": "iam.amazonaws.com",
        "X-Amz-Date": "20150830T123600Z",
    }
    request = Request("GET", headers, query="Action=ListUsers&Version=2010-05-08")
    key = AccessKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")

    signed = authorization(
        key, Scope("us-east-1", "iam"), datetime(2015, 8, 30, 12, 36, tzinfo=UTC), request
    )

    assert signed == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    )


async def test_an_access_key_becomes_a_login_that_is_kept_while_it_is_good(aws: Aws) -> None:
    first = await ecr.current_login(IMAGE, login(), endpoint=aws.url)
    again = await ecr.current_login(IMAGE, login(), endpoint=aws.url)

    assert first is not None
    assert (first.username, first.password, first.host) == ("AWS", "password 1", HOST)
    assert again == first
    assert aws.given == 1


async def test_a_token_that_would_end_during_a_pull_is_renewed_before_it(aws: Aws) -> None:
    aws.life = ecr.RENEW_BEFORE - 1
    await ecr.current_login(IMAGE, login(), endpoint=aws.url)

    renewed = await ecr.current_login(IMAGE, login(), endpoint=aws.url)

    assert renewed is not None
    assert renewed.password == "password 2"


async def test_a_wrong_secret_is_told_in_awss_words(aws: Aws) -> None:
    with pytest.raises(JobFailure) as failure:
        await ecr.current_login(IMAGE, login("not the secret"), endpoint=aws.url)

    assert failure.value.code == "registry_denied"
    assert "InvalidSignatureException" in failure.value.sentence
    assert "not the secret" not in str(failure.value)


async def test_aws_that_cannot_be_reached(aws: Aws) -> None:
    with pytest.raises(JobFailure) as failure:
        await ecr.current_login(IMAGE, login(), endpoint="http://127.0.0.1:1/")

    assert failure.value.code == "registry_unreachable"


@pytest.mark.parametrize(
    ("reference", "given"),
    [
        (IMAGE, RegistryLogin(HOST, "AWS", "the password of the last twelve hours")),
        ("quay.io/ship/ee:1", RegistryLogin("quay.io", KEY_ID, SECRET)),
        (IMAGE, None),
    ],
)
async def test_every_other_login_is_given_as_it_is(
    aws: Aws, reference: str, given: RegistryLogin | None
) -> None:
    assert await ecr.current_login(reference, given, endpoint=aws.url) == given
    assert aws.given == 0
