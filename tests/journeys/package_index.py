"""A package index as an air-gapped site has one: pip's real files, over TLS of its own CA, with a
password. Wheels can be added to it and taken away while a test runs."""

from __future__ import annotations

import base64
import datetime
import hashlib
import html
import io
import ipaddress
import re
import socket
import ssl
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USER, PASSWORD = "mirror", "deep-harbour-7319"


def own_address() -> str:
    """An address of this machine that its pods reach as well as it does itself."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


@dataclass
class PackageIndex:
    """PEP 503 pages of the wheels in `folder`. `ca` is the certificate of its authority."""

    folder: Path
    asked: list[str] = field(default_factory=list)

    def start(self) -> PackageIndex:
        self.folder.mkdir(parents=True, exist_ok=True)
        address = own_address()
        self.ca, chain = _certificates(address, self.folder.parent)
        self._server = ThreadingHTTPServer(("0.0.0.0", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._address = f"{address}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    @property
    def url(self) -> str:
        return f"https://{USER}:{PASSWORD}@{self._address}/simple"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, name: str, version: str, *, requires: str = "") -> Path:
        """A wheel with one module that says its version."""
        made = self.folder / f"{name}-{version}-py3-none-any.whl"
        info = f"{name}-{version}.dist-info"
        needs = f"Requires-Dist: {requires}\n" if requires else ""
        files = {
            f"{name}.py": f"VERSION = {version!r}\n",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for path, text in files.items():
                archive.writestr(zipfile.ZipInfo(path), text)
        made.write_bytes(buffer.getvalue())
        return made

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        index = self
        allowed = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                index.asked.append(self.path)
                status, body = 404, b""
                if self.headers.get("Authorization") != allowed:
                    status = 401
                elif page := re.fullmatch(r"/simple/([^/]+)/", self.path):
                    body = index.page(page[1])
                    status = 200 if body else 404
                elif file := re.fullmatch(r"/files/([^/]+)", self.path):
                    path = index.folder / file[1]
                    status, body = (200, path.read_bytes()) if path.is_file() else (404, b"")
                self.send_response(status)
                if status == 401:
                    self.send_header("WWW-Authenticate", 'Basic realm="mirror"')
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        return Handler

    def page(self, project: str) -> bytes:
        files = [
            f for f in sorted(self.folder.iterdir())
            if re.sub(r"[-_.]+", "-", f.name.partition("-")[0]).lower() == project
        ]  # fmt: skip
        return "".join(
            f'<a href="/files/{html.escape(f.name)}#sha256={sha256(f)}">{f.name}</a>\n'
            for f in files
        ).encode()


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _certificates(address: str, folder: Path) -> tuple[Path, Path]:
    """(the authority's certificate, the server's with its key)."""
    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(
        ec.SECP256R1()
    )  # fmt: skip
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Harbour CA")])
    now = datetime.datetime.now(datetime.UTC)

    def certificate(name: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> bytes:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name).issuer_name(issuer).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]),
                critical=False,
            )
        )  # fmt: skip
        return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    ca_file, chain = folder / "ca.pem", folder / "server.pem"
    ca_file.write_bytes(certificate(issuer, authority, ca=True))
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    chain.write_bytes(
        certificate(name, server, ca=False)
        + server.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )  # fmt: skip
    return ca_file, chain
