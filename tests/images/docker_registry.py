"""Registries as images are asked for: docker-registry with TLS, and what stands before real ones.

`TokenFront` gives Bearer tokens as Docker Hub and Quay do and checks them; `LimitFront` says 429
for the first requests. Both are real HTTP servers that pass on to a real docker-registry.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gantry.images.manifests import DOCKER_MANIFEST, INDEX, MANIFEST
from tests.journeys.registry import PASSWORD, USER, Registry

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Shelf:
    """Puts blobs and manifests, made by hand, into a repository of a plain-HTTP registry."""

    def __init__(self, registry: Registry, repository: str) -> None:
        self.registry, self.repository = registry, repository
        self.made = ""  # the digest of the newest manifest

    def image(self, tag: str = "") -> str:
        return self.registry.image(self.repository) + (f":{tag}" if tag else "")

    def blob(self, data: bytes) -> dict[str, Any]:
        """Upload in one piece; its descriptor without a type."""
        place = self._call("POST", f"/v2/{self.repository}/blobs/uploads/", b"", "")
        split = urlsplit(place)
        query = f"{split.query}&digest={digest(data)}"
        self._call("PUT", f"{split.path}?{query}", data, "application/octet-stream")
        return {"digest": digest(data), "size": len(data)}

    def manifest(self, body: dict[str, Any] | bytes, tag: str = "", kind: str = MANIFEST) -> str:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        name = tag or digest(data)
        self._call("PUT", f"/v2/{self.repository}/manifests/{name}", data, kind)
        self.made = digest(data)
        return self.made

    def variant(self, os: str, architecture: str, variant: str = "", tag: str = "") -> str:
        """An image of one layer for a platform; returns its manifest's digest."""
        config: dict[str, Any] = {"os": os, "architecture": architecture}
        if variant:
            config["variant"] = variant
        # Images of the same content are one image on an engine, whatever they are called.
        config["config"] = {"Labels": {"made for": self.repository}}
        layer = self.blob(bytes(1024))
        config["rootfs"] = {"type": "layers", "diff_ids": [layer["digest"]]}
        made = self.blob(json.dumps(config).encode())
        return self.manifest(
            {
                "schemaVersion": 2, "mediaType": MANIFEST,
                "config": {"mediaType": CONFIG, **made},
                "layers": [{"mediaType": LAYER, **layer}],
            },
            tag,
        )  # fmt: skip

    def index(self, tag: str, *platforms: str) -> str:
        listed = []
        for platform in platforms:
            made = self.variant(*platform.split("/"))
            parts = dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))
            size = len(self._get(made))
            listed.append({"mediaType": MANIFEST, "digest": made, "size": size, "platform": parts})
        body = {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}
        return self.manifest(body, tag, INDEX)

    def _get(self, reference: str) -> bytes:
        connection = http.client.HTTPConnection(self.registry.address)
        headers = {"Accept": f"{MANIFEST}, {INDEX}, {DOCKER_MANIFEST}"}
        connection.request("GET", f"/v2/{self.repository}/manifests/{reference}", headers=headers)
        return connection.getresponse().read()

    def _call(self, method: str, path: str, data: bytes, kind: str) -> str:
        connection = http.client.HTTPConnection(self.registry.address)
        headers = {"Content-Type": kind} if kind else {}
        connection.request(method, path, body=data, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status < 300, (method, path, answer.status, body)
        return answer.headers.get("Location", "")


class Front:
    """An HTTP server before a plain registry. `seen` are the requests it got, in order."""

    def __init__(self, registry: Registry) -> None:
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                front.seen.append((self.command, self.path, dict(self.headers)))
                status, headers, body = front.answer(self.command, self.path, dict(self.headers))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            do_HEAD = do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self.registry = registry
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def image(self, name: str) -> str:
        return f"{self.address}/{name}"

    def answer(
        self, method: str, path: str, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        return self.passed_on(method, path, headers)

    def passed_on(
        self, method: str, path: str, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.registry.address)
        connection.request(method, path, headers={"Accept": headers.get("Accept", "*/*")})
        answer = connection.getresponse()
        kept = ("Content-Type", "Docker-Content-Digest", "Content-Length", "Link")
        given = {name: answer.headers[name] for name in kept if name in answer.headers}
        return answer.status, given, answer.read()


class TokenFront(Front):
    """Tokens for one repository at a time; with `password`, only for who gives it."""

    def __init__(self, registry: Registry, *, password: bool = False) -> None:
        super().__init__(registry)
        self.password = password

    def answer(
        self, method: str, path: str, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        split = urlsplit(path)
        if split.path == "/token":
            return self._token(parse_qs(split.query), headers)
        found = re.fullmatch(r"/v2/(.+)/(manifests|blobs|tags|referrers)/.+", split.path)
        scope = f"repository:{found[1]}:pull" if found else ""
        if headers.get("Authorization") == f"Bearer {_seal(scope)}":
            return self.passed_on(method, path, headers)
        challenge = f'Bearer realm="http://{self.address}/token",service="harbour",scope="{scope}"'
        return 401, {"WWW-Authenticate": challenge}, _error("UNAUTHORIZED", "log in first")

    def _token(
        self, query: dict[str, list[str]], headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        pair = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        given = headers.get("Authorization", "")
        if (self.password or given) and given != f"Basic {pair}":
            return 401, {}, _error("UNAUTHORIZED", "incorrect username or password")
        assert query["service"] == ["harbour"]
        return (
            200,
            {"Content-Type": "application/json"},
            json.dumps({"token": _seal(query["scope"][0])}).encode(),
        )


class LimitFront(Front):
    """Says `status` to the first requests, then passes on."""

    def __init__(
        self, registry: Registry, refusals: int, status: int = 429, after: str = ""
    ) -> None:
        super().__init__(registry)
        self.left, self.status, self.after = refusals, status, after

    def answer(
        self, method: str, path: str, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        if self.left > 0:
            self.left -= 1
            said = {"Retry-After": self.after} if self.after else {}
            return self.status, said, _error("TOOMANYREQUESTS", "slow down")
        return self.passed_on(method, path, headers)


class TamperFront(Front):
    """Passes on, and lets `change` alter the bodies."""

    def __init__(self, registry: Registry, change: Callable[[bytes], bytes]) -> None:
        super().__init__(registry)
        self.change = change

    def answer(
        self, method: str, path: str, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        status, given, body = self.passed_on(method, path, headers)
        if method != "HEAD":
            body = self.change(body)
            given.pop("Content-Length", None)
        return status, given, body


def _seal(scope: str) -> str:
    return hashlib.sha256(f"sealed {scope}".encode()).hexdigest()


def _error(code: str, message: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message, "detail": None}]}).encode()
