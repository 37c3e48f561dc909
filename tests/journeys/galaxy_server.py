"""A Galaxy server as a site has one: version 3 of the API as Automation Hub and galaxy.ansible.com
answer it, of real archives made by `ansible-galaxy collection build`, to whoever has the token.

The paths and shapes are of ansible/galaxy_ng (`/api/galaxy/content/published/v3/`); archives can be
added and taken away while a test runs.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import yaml
from packaging.version import Version

from tests.journeys.package_index import own_address

TOKEN = "stern-lantern-5502"
ROOT = "/api/galaxy/content/published/"
ARTIFACTS = "/api/galaxy/v3/artifacts/collections/published/"
WHEN = "2026-01-05T08:00:00.000000Z"
Collection = tuple[str, str, Mapping[str, str]]  # acme.tools, 1.0.0, dependencies with their ranges


def build_archives(folder: Path, collections: Iterable[Collection]) -> None:
    """Real archives in `folder`, all by one `ansible-galaxy`."""
    sources = []
    for name, version, dependencies in collections:
        namespace, _, short = name.partition(".")
        source = folder / "sources" / f"{name}-{version}"
        source.mkdir(parents=True)
        about = {
            "namespace": namespace, "name": short, "version": version, "readme": "README.md",
            "authors": ["Acme"], "description": "Of the tests.", "license": ["GPL-3.0-or-later"],
            "dependencies": dict(dependencies), "repository": "https://acme.example.org/",
        }  # fmt: skip
        (source / "galaxy.yml").write_text(yaml.safe_dump(about))
        (source / "README.md").write_text(f"{name} {version}\n")
        (source / "meta").mkdir()
        (source / "meta" / "runtime.yml").write_text("requires_ansible: '>=2.15'\n")
        sources.append(str(source))
    galaxy = Path(sys.executable).with_name("ansible-galaxy")
    subprocess.run(
        [str(galaxy), "collection", "build", "--output-path", str(folder), *sources],
        check=True, capture_output=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@dataclass
class GalaxyServer:
    """Offers the archives that are in `folder` at that moment, to whoever has `token`: as it is,
    or changed at `auth_url` for one that is good for an hour, as with a site's single sign-on."""

    folder: Path
    token: str = TOKEN
    sso: bool = False
    seen: list[str] = field(default_factory=list)  # the paths that were asked for with a login

    def start(self) -> GalaxyServer:
        self._server = ThreadingHTTPServer(("0.0.0.0", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    @property
    def url(self) -> str:
        return f"http://{own_address()}:{self._server.server_address[1]}{ROOT}"

    @property
    def auth_url(self) -> str:
        return self.url.removesuffix(ROOT) + "/auth/token"

    @property
    def expects(self) -> str:
        return f"Bearer {self.token[::-1]}" if self.sso else f"Token {self.token}"

    @property
    def environment(self) -> dict[str, str]:
        """What `ansible-galaxy` is told of it."""
        return {
            "ANSIBLE_GALAXY_SERVER_LIST": "site", "ANSIBLE_GALAXY_SERVER_SITE_URL": self.url,
            "ANSIBLE_GALAXY_SERVER_SITE_TOKEN": TOKEN,
        }  # fmt: skip

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def archive(self, name: str, version: str) -> Path:
        return self.folder / f"{name.replace('.', '-')}-{version}.tar.gz"

    def answer(self, url: str) -> dict[str, Any] | Path | None:
        """An archive, JSON, or None where nothing is."""
        parts = urlsplit(url)
        if parts.path == ROOT:
            return {"available_versions": {"v3": "v3/"}, "server_version": "4.10.0"}
        if parts.path.startswith(ARTIFACTS):
            found = self.folder / parts.path.removeprefix(ARTIFACTS)
            return found if found.parent == self.folder and found.is_file() else None
        named = re.fullmatch(
            rf"{ROOT}v3/collections/(\w+)/(\w+)/(versions/)?(?:([^/]+)/)?", parts.path
        )
        if named is None:
            return None
        versions = dict(self._versions(named[1], named[2]))
        if named[4]:
            return self._version(named[1], named[2], versions.get(named[4]))
        if not versions:
            return None
        query = parse_qs(parts.query)
        return (
            self._page(named[1], named[2], versions, query)
            if named[3]
            else self._collection(named[1], named[2], list(versions))
        )

    def _versions(self, namespace: str, name: str) -> Iterator[tuple[str, Path]]:
        """Newest first."""
        ending = ".tar.gz"
        found = {
            path.name.removeprefix(f"{namespace}-{name}-").removesuffix(ending): path
            for path in self.folder.glob(f"{namespace}-{name}-*{ending}")
        }
        return iter(sorted(found.items(), key=lambda pair: Version(pair[0]), reverse=True))

    def _href(self, namespace: str, name: str, version: str = "") -> str:
        whole = f"{ROOT}v3/collections/{namespace}/{name}/"
        return f"{whole}versions/{version}/" if version else whole

    def _collection(self, namespace: str, name: str, versions: list[str]) -> dict[str, Any]:
        return {
            "href": self._href(namespace, name), "namespace": namespace, "name": name,
            "deprecated": False, "versions_url": f"{self._href(namespace, name)}versions/",
            "highest_version": {
                "href": self._href(namespace, name, versions[0]), "version": versions[0],
            },
            "created_at": WHEN, "updated_at": self._changed(),
        }  # fmt: skip

    def _changed(self) -> str:
        """By this clients tell whether the list of versions that they remember still holds."""
        changed = datetime.fromtimestamp(self.folder.stat().st_mtime, UTC)
        return changed.isoformat(timespec="microseconds").replace("+00:00", "Z")

    def _page(
        self, namespace: str, name: str, versions: Mapping[str, Path], query: dict[str, list[str]]
    ) -> dict[str, Any]:
        limit = min(int(query.get("limit", ["10"])[0]), 100)
        offset = int(query.get("offset", ["0"])[0])
        rows = [
            {
                "version": version, "href": self._href(namespace, name, version),
                "created_at": WHEN, "updated_at": WHEN, "requires_ansible": ">=2.15", "marks": [],
            }
            for version in versions
        ]  # fmt: skip
        base = f"{self._href(namespace, name)}versions/?limit={limit}&offset="
        more = offset + limit < len(rows)
        links = {
            "first": f"{base}0", "previous": f"{base}{max(offset - limit, 0)}" if offset else None,
            "next": f"{base}{offset + limit}" if more else None,
            "last": f"{base}{max(len(rows) - limit, 0)}",
        }  # fmt: skip
        page = rows[offset : offset + limit]
        return {"meta": {"count": len(rows)}, "links": links, "data": page}

    def _version(self, namespace: str, name: str, archive: Path | None) -> dict[str, Any] | None:
        if archive is None:
            return None
        with tarfile.open(archive) as packed:
            files = {
                part: json.load(packed.extractfile(f"{part}.json"))  # type: ignore[arg-type]
                for part in ("MANIFEST", "FILES")
            }
        info, content = files["MANIFEST"]["collection_info"], archive.read_bytes()
        return {
            "version": info["version"], "href": self._href(namespace, name, info["version"]),
            "created_at": WHEN, "updated_at": WHEN, "requires_ansible": ">=2.15", "marks": [],
            "artifact": {
                "filename": archive.name, "sha256": hashlib.sha256(content).hexdigest(),
                "size": len(content),
            },
            "collection": {
                "id": f"{namespace}.{name}", "name": name, "href": self._href(namespace, name),
            },
            "download_url": self.url.removesuffix(ROOT) + ARTIFACTS + archive.name,
            "name": name, "namespace": {"name": namespace, "metadata_sha256": None},
            "signatures": [], "git_url": None, "git_commit_sha": None,
            "metadata": {
                key: info[key]
                for key in ("authors", "dependencies", "description", "license", "tags")
            },
            "manifest": files["MANIFEST"], "files": files["FILES"],
        }  # fmt: skip

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.headers.get("Authorization") != server.expects:
                    self._json(401, _errors(401, "not_authenticated", "No credentials."))
                    return
                server.seen.append(self.path)
                found = server.answer(self.path)
                if isinstance(found, Path):
                    self._send(200, found.read_bytes(), "application/gzip")
                elif found is None:
                    self._json(404, _errors(404, "not_found", "Not found."))
                else:
                    self._json(200, found)

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                given = parse_qs(self.rfile.read(length).decode())
                if given.get("refresh_token") == [server.token]:
                    self._json(200, {"access_token": server.token[::-1], "expires_in": 3600})
                else:
                    self._json(400, {"error": "invalid_grant"})

            def _json(self, status: int, value: object) -> None:
                self._send(status, json.dumps(value).encode(), "application/json")

            def _send(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        return Handler


def _errors(status: int, code: str, title: str) -> dict[str, Any]:
    return {"errors": [{"status": str(status), "code": code, "title": title}]}
