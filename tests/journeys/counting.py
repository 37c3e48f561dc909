"""A place outside every pod where a play leaves its mark: an HTTP server that counts requests."""

from __future__ import annotations

import select
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Podman writes this name for its own machine into every pod's /etc/hosts.
HOST = "host.containers.internal"


class CountingServer(ThreadingHTTPServer):
    """Counts each path asked for. A path in `held` gets its answer when the test lets it go."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("0.0.0.0", 0), _Handler)
        self.counts: Counter[str] = Counter()
        self.held: dict[str, threading.Event] = {}
        self.gone: Counter[str] = Counter()  # who asked a held path and went away unanswered

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_address[1]}"

    def hold(self, path: str) -> threading.Event:
        return self.held.setdefault(path, threading.Event())


class _Handler(BaseHTTPRequestHandler):
    server: CountingServer

    def do_GET(self) -> None:
        self.server.counts[self.path] += 1
        if self.path in self.server.held:
            self._wait(self.server.held[self.path])
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _wait(self, held: threading.Event) -> None:
        while not held.wait(timeout=0.05):
            readable, _, _ = select.select([self.connection], [], [], 0)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                self.server.gone[self.path] += 1
                return

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def counting() -> Iterator[CountingServer]:
    server = CountingServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        for held in server.held.values():
            held.set()
        server.shutdown()
        server.server_close()
        thread.join()
