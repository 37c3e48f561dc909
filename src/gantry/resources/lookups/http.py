"""Requests of lookups: bounded in time and size, following no redirect, with certificates from
memory, since nothing secret may touch the controller's disk."""

from __future__ import annotations

import json
import os
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from gantry.resources.lookups.contract import LookupFailed

SECONDS = 30.0  # for a whole request, as AWX's
LARGEST = 1 << 20
RETRIES = 2  # of a connection that was not made


@dataclass(frozen=True)
class Tls:
    """PEM, or "": a `ca` instead of the system's or one `beside` them, a client's certificate and
    its key."""

    ca: str = ""
    beside: str = ""
    certificate: str = ""
    key: str = ""
    verify: bool = True


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    location: str = ""  # where it sends the one who asked

    def json(self, *path: Any) -> Any:
        """What is at a path of keys and numbers; LookupFailed where that is not there."""
        try:
            found: Any = json.loads(self.text)
            for step in path:
                found = found[step]
        except (ValueError, LookupError, TypeError) as error:
            what = ".".join(map(str, path)) or "JSON"
            raise LookupFailed(f"the answer has no {what}") from error
        return found


@dataclass
class Http:
    """`headers` go with every request."""

    tls: Tls = field(default_factory=Tls)
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, url: str, *, fine: bool = True, **more: Any) -> Answer:
        """`more` as httpx takes it. With `fine` an answer other than 2xx raises LookupFailed."""
        try:
            answer = self._ask(method, url, more)
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError, ValueError) as error:
            # The error's own words may quote a header or a body; its kind and the host may not.
            raise LookupFailed(f"{_host(url)}: {_words(error)}") from error
        if fine and not 200 <= answer.status < 300:
            raise LookupFailed(f"{_host(url)} answered HTTP {answer.status}", status=answer.status)
        return answer

    def _ask(self, method: str, url: str, more: Mapping[str, Any]) -> Answer:
        deadline = time.monotonic() + SECONDS
        transport = httpx.HTTPTransport(verify=_context(self.tls), retries=RETRIES)
        with (
            httpx.Client(transport=transport, timeout=SECONDS, headers=self.headers) as client,
            client.stream(method, url, **more) as response,
        ):
            body = b""
            for piece in response.iter_bytes():
                body += piece
                if len(body) > LARGEST:
                    raise LookupFailed(f"{_host(url)} answered with more than 1 MiB")
                if time.monotonic() > deadline:
                    raise LookupFailed(f"{_host(url)} did not come to an end within 30 s")
            location = response.headers.get("location", "")
            return Answer(response.status_code, body.decode("utf-8", "replace"), location)


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=tls.ca or None)
    if tls.beside.strip():
        context.load_verify_locations(cadata=tls.beside)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.certificate:
        # OpenSSL takes these from a file only: one that is in memory.
        number = os.memfd_create("client-certificate")
        try:
            os.write(number, f"{tls.certificate.strip()}\n{tls.key.strip()}\n".encode())
            context.load_cert_chain(f"/proc/self/fd/{number}")
        finally:
            os.close(number)
    return context


def _host(url: str) -> str:
    try:
        return httpx.URL(url).netloc.decode() or "the server"
    except httpx.InvalidURL:
        return "the server"


def _words(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx.ConnectError) and "CERTIFICATE" in str(error).upper():
        return "its certificate is not trusted"
    if isinstance(error, httpx.ConnectError):
        return "no connection"
    return f"the request failed ({type(error).__name__})"
