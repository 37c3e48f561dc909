"""The ways to a log server. A sender sends a batch whole, or raises SendFailed and sends it again.

What comes twice then is what a broken connection leaves unknown; nothing is left out.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Protocol
from urllib.parse import urlsplit

import httpx

from gantry.resources.log_aggregator import Aggregator

AT_ONCE = 8
CHUNK = 512 << 10
DATAGRAM = 65_000
# Collectors that are documented to take many messages in one request, a line each.
TAKE_LINES = ("splunk", "sumologic")
# The message itself is refused: it would be refused again.
REFUSED = (400, 413, 415, 422)


class SendFailed(Exception):
    """In words that hold neither the password nor an address's path, which may be a key."""


class Sender(Protocol):
    def send(self, messages: Sequence[bytes]) -> int:
        """How many the server refused for what they are; all others have been taken."""

    def close(self) -> None: ...


def sender_for(aggregator: Aggregator) -> Sender:
    """Raises SendFailed where the settings name no server."""
    if not aggregator.host:
        raise SendFailed("LOG_AGGREGATOR_HOST is not set.")
    if aggregator.protocol == "https":
        return HttpSender(aggregator)
    if not aggregator.port:
        raise SendFailed(f"Port required for {aggregator.protocol}")
    if aggregator.protocol == "udp":
        return UdpSender(aggregator)
    return TcpSender(aggregator)


def _trust(aggregator: Aggregator) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not aggregator.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif aggregator.authorities:
        try:
            context.load_verify_locations(cadata=aggregator.authorities)
        except ssl.SSLError as error:
            raise SendFailed("LOG_AGGREGATOR_CA_BUNDLE holds no certificate.") from error
    return context


def address(aggregator: Aggregator) -> str:
    """HTTPS unless the host says otherwise; a port in it comes before the setting's."""
    host = aggregator.host
    url = host if "://" in host else f"https://{host.removeprefix('//')}"
    try:
        parts = urlsplit(url)
        port = parts.port or aggregator.port
    except ValueError as error:
        raise SendFailed("LOG_AGGREGATOR_HOST is no address.") from error
    name = parts.hostname or ""
    name = f"[{name}]" if ":" in name else name
    place = f"{name}:{port}" if port else name
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{place}{parts.path or '/'}{query}"


class HttpSender:
    def __init__(self, aggregator: Aggregator) -> None:
        self.url = address(aggregator)
        self.place = urlsplit(self.url).netloc
        self.lines = aggregator.kind in TAKE_LINES
        headers = {"Content-Type": "application/json"}
        login = None
        if aggregator.kind == "splunk":
            if aggregator.password:
                headers["Authorization"] = f"Splunk {aggregator.password}"
        elif aggregator.username:
            login = httpx.BasicAuth(aggregator.username, aggregator.password)
        self.client = httpx.Client(
            verify=_trust(aggregator), headers=headers, auth=login, trust_env=False,
            timeout=aggregator.timeout, limits=httpx.Limits(max_connections=AT_ONCE),
        )  # fmt: skip
        self.threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="forward")

    def send(self, messages: Sequence[bytes]) -> int:
        bodies = list(_chunks(messages)) if self.lines else [(m, 1) for m in messages]
        # To the end, also of those beside one that failed: what is sent again comes after them.
        posts = [self.threads.submit(self._post, *pair) for pair in bodies]
        wait(posts)
        return sum(post.result() for post in posts)

    def _post(self, body: bytes, messages: int) -> int:
        try:
            answer = self.client.post(self.url, content=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SendFailed(f"{self.place} does not answer ({type(error).__name__}).") from error
        if answer.status_code in REFUSED:
            return messages
        if not answer.is_success:
            raise SendFailed(f"{self.place} answers {answer.status_code}.")
        return 0

    def close(self) -> None:
        self.threads.shutdown()
        self.client.close()


def _chunks(messages: Sequence[bytes]) -> Iterator[tuple[bytes, int]]:
    lines: list[bytes] = []
    size = 0
    for message in messages:
        if lines and size + len(message) > CHUNK:
            yield b"\n".join(lines), len(lines)
            lines, size = [], 0
        lines.append(message)
        size += len(message) + 1
    if lines:
        yield b"\n".join(lines), len(lines)


class TcpSender:
    """A line a message, with TLS or without. What the server's side has taken counts as sent."""

    def __init__(self, aggregator: Aggregator) -> None:
        self.aggregator = aggregator
        self.place = f"{aggregator.host}:{aggregator.port}"
        self.trust = _trust(aggregator) if aggregator.protocol == "tls" else None
        self.connection: socket.socket | None = None

    def send(self, messages: Sequence[bytes]) -> int:
        try:
            connection = self._connected()
            for lines, _ in _chunks(messages):
                connection.sendall(lines + b"\n")
        except OSError as error:
            self.close()
            raise SendFailed(f"{self.place} does not take it ({_words(error)}).") from error
        return 0

    def _connected(self) -> socket.socket:
        if self.connection is not None and _hung_up(self.connection, self.aggregator.timeout):
            self.close()
        if self.connection is None:
            a = self.aggregator
            assert a.port is not None
            raw = socket.create_connection((a.host, a.port), timeout=a.timeout)
            try:
                self.connection = (
                    raw if self.trust is None
                    else self.trust.wrap_socket(raw, server_hostname=a.host)
                )  # fmt: skip
            except OSError:
                raw.close()
                raise
        return self.connection

    def close(self) -> None:
        if self.connection is not None:
            with contextlib.suppress(OSError):
                self.connection.close()
            self.connection = None


def _hung_up(connection: socket.socket, timeout: int) -> bool:
    """A log server says nothing: what can be read is the end, but for TLS's own messages."""
    readable, _, _ = select.select([connection], [], [], 0)
    if not readable:
        return False
    try:
        connection.settimeout(0.01)
        return not connection.recv(4096)
    except (TimeoutError, ssl.SSLWantReadError):
        return False
    except OSError:
        return True
    finally:
        with contextlib.suppress(OSError):
            connection.settimeout(timeout)


class UdpSender:
    """A datagram a message; nobody knows whether it arrives."""

    def __init__(self, aggregator: Aggregator) -> None:
        self.place = f"{aggregator.host}:{aggregator.port}"
        try:
            found = socket.getaddrinfo(aggregator.host, aggregator.port, type=socket.SOCK_DGRAM)[0]
        except OSError as error:
            raise SendFailed(f"{self.place} is not found ({_words(error)}).") from error
        self.socket = socket.socket(found[0], socket.SOCK_DGRAM)
        self.socket.connect(found[4])

    def send(self, messages: Sequence[bytes]) -> int:
        refused = 0
        for message in messages:
            if len(message) > DATAGRAM:
                refused += 1
                continue
            try:
                self.socket.send(message)
            except ConnectionRefusedError:
                # Of an earlier one: there is nobody at that port.
                raise SendFailed(f"{self.place} does not listen.") from None
            except OSError as error:
                raise SendFailed(f"{self.place} is not reached ({_words(error)}).") from error
        return refused

    def close(self) -> None:
        self.socket.close()


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate: {error.verify_message}"
    return error.strerror or type(error).__name__
