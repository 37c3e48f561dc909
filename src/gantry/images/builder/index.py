"""Asks package indexes which files a release has and their hashes, as pip-compile does.

The indexes are pip's of this machine; the answers are PEP 691's JSON or PEP 503's HTML. Used to
write a lock, and before a build from one to tell what is no longer to be had.
"""

from __future__ import annotations

import html
import logging
import re
import ssl
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import httpx
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from gantry.base.errors import GantryError
from gantry.images.starter.wheels import pip_command

# It would tell every request, on the command line too.
logging.getLogger("httpx").setLevel(logging.WARNING)
ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
AT_ONCE = 8
TIMEOUT = 30.0
MOST = 64 << 20  # bytes of one page; the longest of PyPI has 5 MB
_DEFAULT = re.compile(r"\(default (https?://[^\s)]+)\)")  # in `pip install --help`
_LINK = re.compile(r"<a\b[^>]*?\bhref\s*=\s*[\"']([^\"']+)[\"']", re.IGNORECASE)
Wanted = tuple[str, str]  # name, version


class IndexUnreachable(GantryError):
    """A package index did not answer."""

    code = "index_unreachable"
    retry = True


@dataclass(frozen=True)
class File:
    """One file of a release. `sha256` is "" where the index tells none."""

    name: str
    sha256: str

    @property
    def pythons(self) -> frozenset[str]:
        """The interpreters that a wheel is for (`py3`, `cp311`); empty for a source archive."""
        try:
            return frozenset(tag.interpreter for tag in parse_wheel_filename(self.name)[3])
        except (InvalidWheelFilename, InvalidVersion):
            return frozenset()


class Index:
    """pip's indexes as one. `settings` are pip's (`host.pip_settings`), `ca` a bundle."""

    def __init__(self, settings: Mapping[str, str], ca: Path | None = None) -> None:
        own = [] if settings.get("no-index") else [settings.get("index-url") or default_index()]
        self._indexes = [*own, *settings.get("extra-index-url", "").split()]
        self._pages = settings.get("find-links", "").split()
        verify: ssl.SSLContext | bool = True
        if ca is not None:
            verify = ssl.create_default_context(cafile=str(ca))
        self._client = httpx.Client(
            verify=verify, timeout=TIMEOUT, follow_redirects=True, headers={"Accept": ACCEPT},
            proxy=settings.get("proxy") or None,
        )  # fmt: skip

    def close(self) -> None:
        self._client.close()

    def files(self, wanted: Iterable[Wanted]) -> dict[Wanted, list[File]]:
        """The files of each release; none for one that no index has. Raises IndexUnreachable."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            releases = list(wanted)
            return dict(zip(releases, pool.map(self._release, releases), strict=True))

    def _release(self, wanted: Wanted) -> list[File]:
        name, version = canonicalize_name(wanted[0]), wanted[1]
        urls = [f"{index.rstrip('/')}/{name}/" for index in self._indexes]
        found = [f for url in (*urls, *self._pages) for f in self._page(url)]
        return [f for f in dict.fromkeys(found) if _is_of(f.name, name, version)]

    def _page(self, url: str) -> list[File]:
        parts = urlsplit(url)
        # Not within the address: httpx would write it into the log.
        login = (unquote(parts.username or ""), unquote(parts.password or ""))
        bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        try:
            response = self._client.get(bare, auth=login if any(login) else None)
        except httpx.HTTPError as error:
            raise _unreachable(url, str(error) or type(error).__name__) from error
        if response.status_code == 404:
            return []
        if response.status_code != 200:
            raise _unreachable(url, f"it answered {response.status_code}")
        if "json" in response.headers.get("content-type", ""):
            return list(_of_json(response.json()))
        return list(_of_html(str(response.url), response.text))


@lru_cache(maxsize=1)
def default_index() -> str:
    """The index that pip asks where nobody says which: only pip's own help tells."""
    done = subprocess.run(
        [*pip_command(), "install", "--help"], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    found = _DEFAULT.search(" ".join(done.stdout.split()))
    if found is None:
        raise IndexUnreachable(
            "pip does not tell which package index it asks.",
            cure="Name one in pip's settings on the controller's machine (`index-url`).",
        )
    return found[1]


def _unreachable(url: str, words: str) -> IndexUnreachable:
    parts = urlsplit(url)
    shown = f"{parts.scheme}://{parts.hostname or ''}{parts.path}"  # no password in a message
    return IndexUnreachable(
        f"The package index {shown} could not be asked: {words}.",
        cure="Check pip's settings on the controller's machine with `pip config debug`, and that "
        "`pip download` works there.",
    )


def _of_json(page: Any) -> Iterator[File]:
    for file in page.get("files") or []:
        yield File(str(file["filename"]), str((file.get("hashes") or {}).get("sha256") or ""))


def _of_html(url: str, text: str) -> Iterator[File]:
    for link in _LINK.findall(text):
        address, fragment = urldefrag(urljoin(url, html.unescape(link)))
        _, known, value = fragment.partition("sha256=")
        name = unquote(urlsplit(address).path.rpartition("/")[2])
        yield File(name, value.partition("&")[0] if known else "")


def _is_of(file: str, name: str, version: str) -> bool:
    try:
        if file.endswith(".whl"):
            found, released = parse_wheel_filename(file)[:2]
        else:
            found, released = parse_sdist_filename(file)
        return found == name and released == Version(version)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return False
