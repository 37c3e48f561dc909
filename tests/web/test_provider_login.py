"""Logging in by OpenID Connect through the browser, at a provider that is a process of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from gantry.base.config import settings
from gantry.base.errors import Forbidden
from gantry.resources.organizations import Organization, Team, User
from gantry.resources.provider_login import person_of
from tests.web.axe import complaints
from tests.web.conftest import Server, eventually

ISSUER = "https://login.example.com"
PEOPLE = [
    {"sub": "1843", "preferred_username": "ada", "given_name": "Ada", "family_name": "Lovelace",
     "email": "ada@example.com", "email_verified": True},
    {"sub": "666", "preferred_username": "admin", "email": "admin@elsewhere.example"},
]  # fmt: skip


class Provider:
    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.issuer = f"http://127.0.0.1:{port}"
        people = [part for one in PEOPLE for part in ("--user-claims", json.dumps(one))]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "oidc_provider_mock", "-p", str(port), *people],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
        eventually(self._answers, "the provider did not start")

    def _answers(self) -> bool:
        assert self._process.poll() is None, "the provider ended"
        try:
            address = f"{self.issuer}/.well-known/openid-configuration"
            with urllib.request.urlopen(address, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(10)


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    running = Provider()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def trusting(database: str, provider: Provider) -> Iterator[Server]:
    """A server that lets people in whom the provider knows."""
    running = Server()
    told = {
        "SOCIAL_AUTH_OIDC_KEY": "gantry", "SOCIAL_AUTH_OIDC_SECRET": "between us",
        "SOCIAL_AUTH_OIDC_OIDC_ENDPOINT": provider.issuer, "SOCIAL_AUTH_OIDC_LABEL": "Example",
        "GANTRY_BASE_URL": running.url,
    }  # fmt: skip
    os.environ.update(told)
    try:
        running.start()
    finally:
        for name in told:
            del os.environ[name]
    yield running
    running.kill()


@pytest.fixture
def door(db: str, trusting: Server, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(base_url=trusting.url)
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def through(page: Page, who: str) -> None:
    page.get_by_role("link", name="Log in with Example").click()
    page.get_by_role("button", name=who, exact=True).click()


def test_somebody_comes_in_by_the_provider_and_lands_where_they_wanted(door):
    door.goto("/templates/")
    assert complaints(door) == []
    through(door, "1843")

    door.wait_for_url("**/templates/")
    ada = User.objects.get(username="ada")
    assert (ada.first_name, ada.email) == ("Ada", "ada@example.com")
    assert ada.oidc_subject.endswith(" 1843")
    assert not ada.has_usable_password()


def test_a_second_login_is_the_same_person(door):
    for _ in range(2):
        door.goto("/login/")
        through(door, "1843")
        door.get_by_role("heading", name="Dashboard").wait_for()
        door.context.clear_cookies()

    assert User.objects.filter(username="ada").count() == 1


def test_a_name_that_is_taken_here_is_not_taken_over(door):
    door.goto("/login/")
    through(door, "666")

    door.get_by_text("somebody else called admin").wait_for()
    assert User.objects.get(username="admin").oidc_subject == ""
    door.goto("/jobs/")
    assert "/login/" in door.url


def test_refused_at_the_provider_is_told_here(door):
    door.goto("/login/")
    door.get_by_role("link", name="Log in with Example").click()
    door.get_by_role("button", name="Deny").click()

    door.get_by_text("The login provider refused").wait_for()


def test_a_login_that_was_begun_elsewhere_is_refused(door):
    door.goto("/sso/complete/oidc/?state=guessed&code=stolen")

    door.get_by_text("was not begun here").wait_for()
    assert not User.objects.exclude(username="admin").exclude(oidc_subject="").exists()


def test_without_a_provider_there_is_no_such_door(admin):
    assert admin.get("/sso/login/oidc/").status_code == 404
    assert admin.get("/sso/complete/oidc/").status_code == 404


# What the provider says about somebody, and who they are here.


def test_who_was_here_before_is_linked_by_a_verified_email_alone(db):
    here = User.objects.create_user("lovelace", email="ada@example.com")
    claims = {"sub": "1", "preferred_username": "ada", "email": "ADA@example.com"}

    other = person_of(ISSUER, {**claims, "email_verified": False})
    assert other.pk != here.pk
    linked = person_of(ISSUER, {**claims, "sub": "2", "email_verified": True})
    assert linked.pk == here.pk
    assert person_of(ISSUER, {"sub": "2"}).pk == here.pk


def test_whoever_is_shut_out_here_stays_out(db):
    user = person_of(ISSUER, {"sub": "1", "preferred_username": "ada"})
    User.objects.filter(pk=user.pk).update(is_active=False)

    with pytest.raises(Forbidden):
        person_of(ISSUER, {"sub": "1", "preferred_username": "ada"})


def test_the_maps_go_by_names_emails_and_patterns(db, monkeypatch):
    monkeypatch.setenv("SOCIAL_AUTH_ORGANIZATION_MAP", json.dumps({
        "Platform": {"users": "/.*@EXAMPLE[.]com$/i", "admins": ["ben", "ada"]},
        "Other": {"users": "/^nobody/", "organization_alias": "Elsewhere"},
    }))  # fmt: skip
    monkeypatch.setenv("SOCIAL_AUTH_TEAM_MAP", json.dumps({
        "Operators": {"organization": "Platform", "users": True}}))  # fmt: skip
    settings.cache_clear()
    try:
        ada = person_of(ISSUER, PEOPLE[0])
    finally:
        monkeypatch.undo()
        settings.cache_clear()

    platform = Organization.objects.get(name="Platform")
    assert ada in platform.users.all()
    assert ada in platform.admins.all()
    assert ada in Team.objects.get(name="Operators").users.all()
    assert ada not in Organization.objects.get(name="Elsewhere").users.all()
