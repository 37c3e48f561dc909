"""An apt repository as a site has one: packages made by dpkg-deb, in one folder over HTTP."""

from __future__ import annotations

import functools
import hashlib
import subprocess
import threading
from dataclasses import dataclass
from email.utils import format_datetime, localtime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.journeys.package_index import own_address


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@dataclass
class DebRepository:
    """A flat repository (apt's `deb URL ./`) without a signature."""

    folder: Path

    def start(self) -> DebRepository:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_index()
        handler = functools.partial(_Quiet, directory=str(self.folder))
        self._server = ThreadingHTTPServer(("0.0.0.0", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    @property
    def source(self) -> str:
        """The line for sources.list."""
        return f"deb [trusted=yes] http://{own_address()}:{self._server.server_address[1]}/ ./"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, name: str, version: str, *, depends: str = "") -> None:
        """A package with one file that says its version."""
        tree = self.folder.parent / "trees" / f"{name}-{version}"
        (tree / "DEBIAN").mkdir(parents=True)
        needs = f"Depends: {depends}\n" if depends else ""
        (tree / "DEBIAN" / "control").write_text(
            f"Package: {name}\nVersion: {version}\nArchitecture: all\n{needs}"
            f"Maintainer: Acme <deb@acme.example.org>\nDescription: Of the tests\n"
        )
        (tree / "usr/share" / name).mkdir(parents=True)
        (tree / "usr/share" / name / "version").write_text(version)
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "--build", str(tree), str(self.folder)],
            check=True, capture_output=True,
        )  # fmt: skip
        self._write_index()

    def remove(self, name: str, version: str) -> None:
        (self.folder / f"{name}_{version}_all.deb").unlink()
        self._write_index()

    def _write_index(self) -> None:
        packages = "\n".join(_entry(file) for file in sorted(self.folder.glob("*.deb"))).encode()
        (self.folder / "Packages").write_bytes(packages)
        (self.folder / "Release").write_text(
            f"Suite: site\nDate: {format_datetime(localtime())}\nSHA256:\n"
            f" {hashlib.sha256(packages).hexdigest()} {len(packages)} Packages\n"
        )


def _entry(file: Path) -> str:
    control = subprocess.run(
        ["dpkg-deb", "--field", str(file)], check=True, capture_output=True, text=True
    ).stdout
    content = file.read_bytes()
    return (
        f"{control.strip()}\nFilename: ./{file.name}\nSize: {len(content)}\n"
        f"SHA256: {hashlib.sha256(content).hexdigest()}\n"
    )
