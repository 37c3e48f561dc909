"""A server that answers as a service's documentation says: by routes; requests are kept."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: str

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        return {k: v[0] for k, v in parse_qs(self.body).items()}


Route = Callable[[Asked], tuple[int, Any]]


@dataclass
class Service:
    """`routes` answer by "METHOD /path"; anything else is a 404."""

    url: str
    routes: dict[str, Route] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def answer(self, asked: Asked) -> tuple[int, Any]:
        self.asked.append(asked)
        route = self.routes.get(f"{asked.method} {asked.path}")
        return route(asked) if route else (404, {"errors": []})


@contextmanager
def service(
    host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[Service]:  # fmt: skip
    made = Service("")

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            headers = {k.lower(): v for k, v in self.headers.items()}
            status, found = made.answer(
                Asked(self.command, parts.path, parse_qs(parts.query), headers, body)
            )
            raw = (found if isinstance(found, str) else json.dumps(found)).encode()
            self.send_response(status)
            if status in (301, 302, 307):
                self.send_header("Location", str(found))
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        do_GET = do_POST = do_PUT = handle_any

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    made.url = f"{'https' if tls else 'http'}://{host}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
