"""Real Git servers: git-http-backend over HTTP and HTTPS, and what they serve."""

from __future__ import annotations

import base64
import http.server
import os
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

USER, PASSWORD = "gitter", "a rather long pass phrase"
HTTPD = http.server.ThreadingHTTPServer


def host_address() -> str:
    """This machine as its pods see it: the address that leads out. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("198.51.100.1", 9))
        return str(probe.getsockname()[0])


@dataclass
class Repository:
    """A repository being written, and its bare copy that is served."""

    home: Path
    name: str
    commits: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tree = self.home / f"{self.name}.tree"
        self.bare = self.home / "served" / f"{self.name}.git"
        self.tree.mkdir()
        self.bare.parent.mkdir(exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", self.bare],
                       check=True)  # fmt: skip

    def git(self, *arguments: str) -> str:
        who = {f"GIT_{r}_{k}": v for r in ("AUTHOR", "COMMITTER")
               for k, v in (("NAME", "Tests"), ("EMAIL", "tests@example.org"))}  # fmt: skip
        done = subprocess.run(
            ["git", "-c", "protocol.file.allow=always", *arguments], cwd=self.tree,
            env={**os.environ, **who}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout.strip()

    def commit(self, label: str, files: dict[str, str], links: dict[str, str] | None = None) -> str:
        """Add files and symbolic links, commit, push everything. Returns the commit."""
        for name, text in files.items():
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        for name, target in (links or {}).items():
            (self.tree / name).symlink_to(target)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", label)
        self.commits[label] = self.git("rev-parse", "HEAD")
        self.publish()
        return self.commits[label]

    def publish(self) -> None:
        self.git("push", "--quiet", "--force", str(self.bare), "refs/*:refs/*")


class GitServer:
    """git-http-backend and plain files (`/files/NAME`) behind Python's HTTP server."""

    def __init__(self, root: Path, *, password: bool = False, tls: Path | None = None) -> None:
        self.root, self.password = root, password
        self.requests: list[str] = []
        self.files: dict[str, bytes] = {}
        self._server = HTTPD((host_address(), 0), _handler(self))
        if tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls / "server.pem", tls / "server.key")
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        host, port = str(self._server.server_address[0]), self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://{host}:{port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def of(self, repository: Repository) -> str:
        return f"{self.url}/{repository.name}.git"

    def fetches(self, repository: Repository) -> int:
        return sum(r.startswith(f"POST /{repository.name}.git/git-upload-pack")
                   for r in self.requests)  # fmt: skip

    def add_file(self, name: str, content: bytes) -> str:
        """To be had at the URL returned."""
        self.files[f"/files/{name}"] = content
        return f"{self.url}/files/{name}"


def _handler(server: GitServer) -> type[http.server.BaseHTTPRequestHandler]:
    expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests.append(f"{self.command} {self.path}")
            if server.password and self.headers.get("Authorization") != expected:
                asks = {"Status": "401", "WWW-Authenticate": 'Basic realm="tests"'}
                self._answer(asks, b"")
            elif self.path in server.files:
                self._answer({}, server.files[self.path])
            else:
                self._backend()

        do_POST = do_GET

        def log_message(self, *args: Any) -> None:
            """Nothing: `server.requests` has them."""

        def _backend(self) -> None:
            path, _, query = self.path.partition("?")
            length = int(self.headers.get("Content-Length") or 0)
            env = {
                **os.environ, "GIT_PROJECT_ROOT": str(server.root), "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type") or "",
                "CONTENT_LENGTH": str(length),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
                "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
                "GIT_CONFIG_VALUE_0": "*",
            }  # fmt: skip
            done = subprocess.run(
                ["git", "http-backend"], env=env, input=self.rfile.read(length),
                capture_output=True, check=False,
            )  # fmt: skip
            head, _, body = done.stdout.partition(b"\r\n\r\n")
            pairs = (line.partition(": ") for line in head.decode().split("\r\n") if line)
            self._answer({name: value for name, _, value in pairs}, body)

        def _answer(self, headers: dict[str, str], body: bytes) -> None:
            self.send_response(int(headers.pop("Status", "200").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
