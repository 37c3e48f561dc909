"""Pages asked by Django's client, and pages in a real browser from a real server."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from tests.web.story import Writer

ADMIN = ("admin", "correct horse")
DEADLINE = 20.0


def eventually(true: Callable[[], Any], why: str = "") -> Any:
    """Wait for a condition, at most DEADLINE."""
    until = time.monotonic() + DEADLINE
    while not (found := true()):
        assert time.monotonic() < until, why or "it did not happen in time"
        time.sleep(0.02)
    return found


@pytest.fixture
def admin(db: str) -> Client:
    return logged_in("admin")


def logged_in(name: str) -> Client:
    from gantry.resources.organizations import User

    client = Client()
    client.force_login(User.objects.get(username=name))
    return client


class Server:
    """uvicorn with the web process' application, which can be killed and started again."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        source = Path(__file__).parents[2] / "src"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "gantry.cli.asgi:application",
             "--port", str(self.port), "--log-level", "warning"],
            env={**os.environ, "PYTHONPATH": str(source)},
        )  # fmt: skip
        eventually(self._answers, "the server did not start")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(f"{self.url}/login/", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None


@pytest.fixture(scope="module")
def server(database: str) -> Iterator[Server]:
    running = Server()
    running.start()
    yield running
    running.kill()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "the browser tests need Debian's package chromium"
    # Playwright's loop runs in the test's thread; Django takes the test for async code.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-background-networking", "--disable-gpu"],
        )
        yield opened
        opened.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def page(db: str, server: Server, browser: Browser) -> Iterator[Page]:
    """A page of somebody who has logged in. It may not have logged an error at the end."""
    context = browser.new_context(base_url=server.url, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(DEADLINE * 1000)
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    log_in(opened)
    yield opened
    context.close()
    assert [e for e in errors if "ERR_" not in e] == []  # a killed server is no error of the page


def log_in(page: Page, name: str = ADMIN[0], password: str = ADMIN[1]) -> None:
    page.goto("/login/")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/")


@pytest.fixture
def write(db: str) -> Iterator[Callable[[Any], Writer]]:
    """Makes the writer of a job's output."""
    writers: list[Writer] = []

    def make(job: Any) -> Writer:
        writers.append(Writer(db, job))
        return writers[-1]

    yield make
    for writer in writers:
        writer.close()
