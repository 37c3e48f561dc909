"""The installation that is copied, asked through AWX's API with a token."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from gantry.base.errors import GantryError

Row = dict[str, Any]
TRIES = 5
PAGE = 200  # AWX gives no more


class SourceError(GantryError):
    """The old installation does not answer as it should."""

    code = "import_source"


class Source:
    """Reads only: there is no method that changes anything."""

    def __init__(self, url: str, token: str, *, ca: Path | None, verify: bool) -> None:
        trust: Any = ssl.create_default_context(cafile=str(ca)) if ca else verify
        self._client = httpx.Client(
            base_url=url.rstrip("/"), headers={"Authorization": f"Bearer {token}"},
            timeout=120, verify=trust,
        )  # fmt: skip
        self._root = ""

    def __enter__(self) -> Source:
        # The gateway of newer platforms has the API elsewhere: /api/controller/v2/.
        for place in ("/api/", "/api/controller/"):
            answer = self._ask(place)
            if answer.status_code == 200 and _is_json(answer):
                self._root = answer.json().get("current_version") or ""
            if self._root:
                break
        else:
            raise SourceError(
                f"{self._client.base_url} has no API of AWX.",
                cure="Give the address that people open in their browser, without a path.",
            )
        if not self.get(f"{self._root}me/")["results"][0]["is_superuser"]:
            raise SourceError(
                "The token is not an administrator's: parts of the installation stay unseen.",
                cure="Make a personal access token as a system administrator there.",
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def rows(self, path: str, **query: str) -> Iterator[Row]:
        """All rows of a list; `path` is a noun or one of `related`'s links. A list that is not
        there is empty: versions differ in what they have."""
        parameters = {"page_size": str(PAGE), "order_by": "id"} | query
        link: str | None = f"{self._path(path)}?{httpx.QueryParams(parameters)}"
        while link:
            page = self.get(link, missing={"results": []})
            yield from page["results"]
            link = page.get("next")

    def _path(self, path: str) -> str:
        return path if path.startswith("/") else f"{self._root}{path}/"

    def get(self, link: str, missing: Row | None = None) -> Row:
        """Raises SourceError. `missing` is the answer for a 404, if that is no error."""
        answer = self._ask(link)
        if answer.status_code == 404 and missing is not None:
            return missing
        host, code = self._client.base_url, answer.status_code
        if code in (401, 403):
            raise SourceError(
                f"{host} refuses the token (HTTP {code} for {link}).",
                cure="Make a personal access token there, with scope read.",
            )
        if code != 200 or not _is_json(answer):
            raise SourceError(f"{host} answers {link} with HTTP {code}, and not as AWX does.")
        found: Row = answer.json()
        return found

    def _ask(self, link: str) -> httpx.Response:
        for left in reversed(range(TRIES)):
            try:
                answer = self._client.get(link)
            except httpx.HTTPError as error:
                if left and isinstance(error, httpx.TransportError):
                    time.sleep(1)
                    continue
                raise SourceError(
                    f"{self._client.base_url} does not answer: {error}",
                    cure="Check the address, and --ca or --insecure for its certificate.",
                ) from error
            if answer.status_code not in (429, 502, 503, 504) or not left:
                return answer
            time.sleep(_pause(answer))
        raise AssertionError("the last try returns or raises")


def _is_json(answer: httpx.Response) -> bool:
    return "json" in answer.headers.get("Content-Type", "")


def _pause(answer: httpx.Response) -> float:
    """Seconds; a server may ask for more than anybody would wait."""
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), 60.0) if asked.isdigit() else 2.0
