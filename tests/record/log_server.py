"""Log servers on this machine: HTTP(S), TCP with TLS or without, UDP. Each keeps what it gets."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Told:
    """`lines`: the bodies or lines that came; `answer`: what the next requests get."""

    def __init__(self) -> None:
        self.port = 0
        self.lines: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.answer = 200

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for body in self.lines for line in body.splitlines()]


@contextlib.contextmanager
def _serving(server: Any, told: Told) -> Iterator[Told]:
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def http(trust: ssl.SSLContext | None = None, port: int = 0) -> Any:
    told = Told()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if told.answer == 200:
                told.lines.append(body)
                told.headers.append(dict(self.headers))
                told.paths.append(self.path)
            self.send_response(told.answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    if trust is not None:
        server.socket = trust.wrap_socket(server.socket, server_side=True)
    return _serving(server, told)


def tcp(trust: ssl.SSLContext | None = None, port: int = 0) -> Any:
    told = Told()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                told.lines.extend(line for line in self.rfile)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address, daemon_threads = True, True

    server = Server(("127.0.0.1", port), Handler)
    if trust is not None:
        server.socket = trust.wrap_socket(server.socket, server_side=True)
    return _serving(server, told)


def udp() -> Any:
    told = Told()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            told.lines.append(self.request[0])

    return _serving(socketserver.UDPServer(("127.0.0.1", 0), Handler), told)


def certificate(directory: Path) -> tuple[ssl.SSLContext, str]:
    """A server's side, and the PEM that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "log server")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = made.public_bytes(serialization.Encoding.PEM)
    file = directory / "server.pem"
    file.write_bytes(
        pem
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, pem.decode()
