"""One registry host over HTTP: TLS, proxies, logins, limits, and its words when it refuses.

Logins as in distribution's docs/content/spec/auth/token.md: a challenge names the realm that gives
tokens. A registry that says that it is asked too often is asked again when it wants.
"""

from __future__ import annotations

import base64
import email.utils
import json
import logging
import os
import re
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

import httpx

from gantry.pods.contract import RegistryLogin

# It tells every request; whoever waits for a registry reads what came of it.
logging.getLogger("httpx").setLevel(logging.WARNING)
Sleep = Callable[[float], Awaitable[None]]
SPECIAL = {"docker.io": "registry-1.docker.io"}
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
MOST_TRIES = 5
LONGEST_WAIT = 60.0  # for one answer, whatever Retry-After says
ALL_WAITS = 120.0
MOST_TOKEN = 1 << 20
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class Refused(Exception):
    """The host gave no such thing; `words` are its own, `status` 0 where there was no answer."""

    def __init__(self, words: str, status: int = 0) -> None:
        super().__init__(words)
        self.words, self.status = words, status


@dataclass(frozen=True)
class Answer:
    headers: Mapping[str, str]
    body: bytes
    next_page: str = ""  # path and query, of a list that goes on


class RegistryHost:
    """A registry by its name in references. Where TLS need not be verified, plain HTTP will do."""

    def __init__(self, domain: str, login: RegistryLogin | None, ca: str, sleep: Sleep) -> None:
        self._host = SPECIAL.get(domain, domain)
        self._login, self._sleep = login, sleep
        self._verify = login is None or login.verify_ssl
        self._scheme = "https"
        self._authorization: dict[str, str] = {}  # repository -> header
        # Proxies come from the environment; a redirect to another host loses Authorization.
        self._client = httpx.AsyncClient(
            verify=trust(ca, self._verify), timeout=TIMEOUT, follow_redirects=True
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(self, method: str, path: str, *, accept: str = "", limit: int = 0) -> Answer:
        """The answer, its body at most `limit` bytes. Raises Refused."""
        repository = _repository(path)
        headers = {"Accept": accept} if accept else {}
        answer = await self._patiently(method, path, headers, repository, limit)
        if answer.status == 401:
            challenge = answer.headers.get("WWW-Authenticate", "")
            self._authorization.pop(repository, None)
            if authorization := await self._answer_to(challenge, repository):
                self._authorization[repository] = authorization
                answer = await self._patiently(method, path, headers, repository, limit)
        if answer.status >= 400:
            raise Refused(_words(answer), answer.status)
        return Answer(answer.headers, answer.body, _next_page(answer, path))

    async def _patiently(
        self, method: str, path: str, headers: dict[str, str], repository: str, limit: int
    ) -> _Raw:
        waited = 0.0
        for attempt in range(MOST_TRIES):
            if authorization := self._authorization.get(repository):
                headers = {**headers, "Authorization": authorization}
            answer = await self._send(method, path, headers, limit)
            if answer.status not in (429, 503):
                return answer
            pause = min(_retry_after(answer.headers) or 2.0**attempt, LONGEST_WAIT)
            if attempt == MOST_TRIES - 1 or waited + pause > ALL_WAITS:
                break
            waited += pause
            await self._sleep(pause)
        return answer

    async def _send(self, method: str, path: str, headers: dict[str, str], limit: int) -> _Raw:
        try:
            return await self._once(method, f"{self._scheme}://{self._host}{path}", headers, limit)
        except httpx.ConnectError as error:
            if self._verify or self._scheme == "http":
                raise Refused(_reason(error)) from error
            first = error
        except httpx.HTTPError as error:
            raise Refused(_reason(error)) from error
        try:
            answer = await self._once(method, f"http://{self._host}{path}", headers, limit)
        except httpx.HTTPError:
            raise Refused(_reason(first)) from first
        self._scheme = "http"
        return answer

    async def _once(self, method: str, url: str, headers: dict[str, str], limit: int) -> _Raw:
        async with self._client.stream(method, url, headers=headers) as response:
            body = bytearray()
            most = limit if response.status_code < 400 else MOST_TOKEN
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > most:
                    raise Refused(f"{url}: the answer is larger than {most} bytes")
            return _Raw(response.status_code, response.reason_phrase, response.headers, bytes(body))

    async def _answer_to(self, challenge: str, repository: str) -> str:
        """The Authorization header that a challenge wants; "" when there is none to give."""
        kind, _, rest = challenge.partition(" ")
        if kind.lower() == "basic":
            return _basic(self._login)
        if kind.lower() != "bearer":
            return ""
        fields = dict(_CHALLENGE.findall(rest))
        return await self._token(
            fields.get("realm", ""), fields.get("service", ""),
            fields.get("scope") or f"repository:{repository}:pull",
        )  # fmt: skip

    async def _token(self, realm: str, service: str, scope: str) -> str:
        split = urlsplit(realm)
        if split.scheme not in ("https", self._scheme):
            raise Refused(f"unauthorized: the registry gives tokens without TLS, at {realm}")
        basic = _basic(self._login)
        headers = {"Authorization": basic} if basic else {}
        wanted = {"service": service, "scope": scope} if service else {"scope": scope}
        try:
            url = str(httpx.URL(realm).copy_merge_params(wanted))
            answer = await self._once("GET", url, headers, MOST_TOKEN)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Refused(f"token server {split.netloc}: {_reason(error)}") from error
        if answer.status >= 400:
            raise Refused(_words(answer), answer.status)
        try:
            given = json.loads(answer.body)
            return f"Bearer {given.get('token') or given['access_token']}"
        except (ValueError, KeyError, AttributeError) as error:
            raise Refused(f"unauthorized: {realm} gave no token") from error


@dataclass(frozen=True)
class _Raw:
    status: int
    phrase: str
    headers: Mapping[str, str]
    body: bytes


@lru_cache(maxsize=64)
def trust(ca: str = "", verify: bool = True) -> ssl.SSLContext:
    """These authorities beside the system's (SSL_CERT_FILE names others), not httpx's own."""
    context = ssl.create_default_context()
    if ca:
        context.load_verify_locations(cadata=ca)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _repository(path: str) -> str:
    return re.sub(r"/(manifests|blobs|tags|referrers)/.*", "", path.removeprefix("/v2/"))


def _basic(login: RegistryLogin | None) -> str:
    if login is None or not (login.username or login.password):
        return ""
    pair = f"{login.username}:{login.password}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _retry_after(headers: Mapping[str, str]) -> float:
    """Seconds; 0 when the header is not there or says nothing. It may be a date."""
    said = headers.get("Retry-After", "").strip()
    if said.isdigit():
        return float(said)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    except ValueError:
        return 0.0


def _next_page(answer: _Raw, path: str) -> str:
    """Of a Link header with rel="next"; on this host, whatever it says."""
    found = re.search(r'<([^>]+)>\s*;\s*rel="?next"?', answer.headers.get("Link", ""))
    if not found:
        return ""
    split = urlsplit(urljoin(path, found[1]))
    return f"{split.path}?{split.query}" if split.query else split.path


def _words(answer: _Raw) -> str:
    """As distribution writes errors: `code: message`; else the status line."""
    status = f"{answer.status} {answer.phrase}".strip()
    try:
        errors = json.loads(answer.body)["errors"]
        said = ", ".join(
            f"{str(e.get('code', '')).lower().replace('_', ' ')}: {e.get('message', '')}"
            for e in errors
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        said = ""
    return f"{said} ({status})" if said else f"{status.lower()} (statuscode: {answer.status})"


def _reason(error: BaseException) -> str:
    """The innermost words: httpx says of every connection that all attempts failed."""
    innermost = error
    while cause := innermost.__cause__ or innermost.__context__:
        innermost = cause
        if isinstance(cause, BaseExceptionGroup):
            innermost = cause.exceptions[0]
    if isinstance(innermost, OSError) and not isinstance(innermost, ssl.SSLError | socket.gaierror):
        return os.strerror(innermost.errno) if innermost.errno else str(innermost) or _name(error)
    return str(innermost) or _name(error)


def _name(error: BaseException) -> str:
    return str(error) or type(error).__name__
