"""Where an archive comes from, and that its login stays with the server it was made for."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gantry.pods.agent.sync import archive, words

CONTENT = b"an archive" * 1000
SECRET = "p@ss:word"


class Server:
    """Answers with CONTENT, or sends elsewhere; keeps what logged in."""

    def __init__(self) -> None:
        self.logins: list[str | None] = []
        self.elsewhere = ""
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.logins.append(self.headers.get("Authorization"))
                target = server.elsewhere if self.path == "/away" else "/here"
                self.send_response(302 if self.path in ("/away", "/near") else 200)
                self.send_header("Location", target)
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                self.wfile.write(CONTENT)

            def log_message(self, *args: Any) -> None:
                """Nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    made = Server(), Server()
    yield made
    for server in made:
        server.stop()


BASIC = "Basic bWU6cEBzczp3b3Jk"  # me:p@ss:word


@pytest.mark.parametrize(
    ("user", "secret", "login"),
    [("me", SECRET, BASIC), ("", "a-token", "Bearer a-token"), ("", "", None)],
)
def test_a_password_goes_by_basic_and_a_token_as_bearer(
    servers: tuple[Server, Server], tmp_path: Path, user: str, secret: str, login: str | None
) -> None:
    into = tmp_path / "a"
    found = archive.download(f"{servers[0].url}/here", user, secret, str(into), 1 << 20)
    assert found == hashlib.sha1(CONTENT).hexdigest()
    assert into.read_bytes() == CONTENT
    assert servers[0].logins == [login]


def test_a_login_follows_a_redirection_on_its_server_and_no_further(
    servers: tuple[Server, Server], tmp_path: Path
) -> None:
    one, other = servers
    one.elsewhere = f"{other.url}/here"
    for path in ("near", "away"):
        archive.download(f"{one.url}/{path}", "me", SECRET, str(tmp_path / path), 1 << 20)
    assert (one.logins, other.logins) == ([BASIC, BASIC, BASIC], [None])


def test_a_redirection_to_a_file_of_the_pod_is_not_followed(
    servers: tuple[Server, Server], tmp_path: Path
) -> None:
    servers[0].elsewhere = "file:///etc/passwd"
    with pytest.raises(words.SyncError) as caught:
        archive.download(f"{servers[0].url}/away", "", "", str(tmp_path / "a"), 1 << 20)
    assert "file:///etc/passwd" in str(caught.value)
    assert not (tmp_path / "a").exists()


def test_the_urls_own_login_comes_first_and_is_in_no_message(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive, "password", lambda: "of the credential")
    wanted = {"url": "https://me:p%40ss%3Aword@files.example.org/a?b=c", "username": "they"}
    assert archive.login(wanted) == ("https://files.example.org/a?b=c", "me", SECRET)
    wanted["url"] = "https://files.example.org/a"
    assert archive.login(wanted) == (wanted["url"], "they", "of the credential")


def test_what_is_too_large_is_not_stored(servers: tuple[Server, Server], tmp_path: Path) -> None:
    with pytest.raises(words.SyncError) as caught:
        archive.download(f"{servers[0].url}/here", "", "", str(tmp_path / "a"), 100)
    assert "larger than 100 bytes" in str(caught.value)
