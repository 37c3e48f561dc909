"""Passwords and sessions: too many failures wait, a login ends, CSRF is asked of sessions only."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.api.conftest import Api, make_user
from tests.api.test_tokens import V2, bearer

ME = f"{V2}/me/"


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    """A password that was right a moment ago is known; here each is to be looked at."""
    from gantry.api.auth import verified

    verified.forget()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets settings of Gantry's for one test."""
    from gantry.base import config

    def tell(**values: Any) -> None:
        changed = replace(config.settings(), **values)
        for module in ("logins", "passwords", "tokens"):
            name = "settings" if module == "passwords" else "gantry_settings"
            monkeypatch.setattr(f"gantry.resources.{module}.{name}", lambda: changed)

    return tell


def session(name: str = "plain", password: str = "pw", **more: Any) -> Any:
    """What awxkit does: read /api/ for the cookie, then send the form with it."""
    client = Client(enforce_csrf_checks=True)
    csrf = client.get("/api/").cookies["csrftoken"].value
    answer = client.post(
        "/api/login/",
        {"username": name, "password": password, "next": "/api/"},
        headers={"X-CSRFToken": csrf},
        **more,
    )
    return client, answer


# Sessions.


def test_logging_in_and_out(plain: Api) -> None:
    client, answer = session()
    assert (answer.status_code, answer["Location"]) == (302, "/api/")
    assert answer["X-API-Session-Cookie-Name"] == "awx_sessionid"
    assert answer.cookies["userLoggedIn"].value == "true"
    cookie = answer.cookies["awx_sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert client.get(ME).json()["results"][0]["username"] == "plain"
    out = client.get("/api/logout/")
    assert out.cookies["userLoggedIn"].value == "false"
    assert client.get(ME).status_code == 401


def test_a_wrong_password(plain: Api) -> None:
    client, answer = session(password="wrong")
    assert answer.status_code == 401
    assert client.get(ME).status_code == 401


def test_logging_in_needs_the_csrf_token(plain: Api) -> None:
    answer = Client(enforce_csrf_checks=True).post(
        "/api/login/", {"username": "plain", "password": "pw"}
    )
    assert answer.status_code == 403


def test_csrf_is_asked_of_sessions_only(plain: Api) -> None:
    client, _ = session()
    forged = client.post(f"{V2}/tokens/", {}, "application/json")
    assert forged.status_code == 403
    assert forged.json()["detail"].startswith("CSRF Failed")
    csrf = client.cookies["csrftoken"].value
    made = client.post(f"{V2}/tokens/", {}, "application/json", headers={"X-CSRFToken": csrf})
    assert made.status_code == 201
    other = Client(enforce_csrf_checks=True)
    pair = base64.b64encode(b"plain:pw").decode()
    for header in (f"Bearer {made.json()['token']}", f"Basic {pair}"):
        answer = other.post(
            f"{V2}/tokens/", {}, "application/json", headers={"authorization": header}
        )
        assert answer.status_code == 201


def test_a_session_ends_when_it_is_not_used(plain: Api) -> None:
    from django.contrib.sessions.models import Session

    client, _ = session()
    answer = client.get(ME)
    assert answer["Session-Timeout"] == "1800"
    left = Session.objects.get().expire_date - timezone.now()
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert client.get(ME).status_code == 401
    session()
    assert Session.objects.count() == 1, "what has ended is gone at the next login"


def test_use_puts_the_end_off_and_polling_does_not(plain: Api) -> None:
    client, _ = session()
    client.get(ME)
    kept = client.session
    kept["renewed"] -= 61
    kept.save()
    quiet = client.get(ME, headers={"X-WS-Session-Quiet": "true"})
    assert "Session-Timeout" not in quiet
    assert "awx_sessionid" not in quiet.cookies
    assert client.get(ME).cookies["awx_sessionid"]["max-age"] == 1800
    assert "awx_sessionid" not in client.get(ME).cookies, "not written at every request"


def test_tokens_make_no_session(plain: Api) -> None:
    token = plain.post(f"{V2}/tokens/")["token"]
    answer = bearer(token).call("get", ME)
    assert "awx_sessionid" not in answer.cookies
    assert "Session-Timeout" not in answer


def test_a_new_password_ends_all_other_sessions(plain: Api) -> None:
    here, _ = session()
    there, _ = session()
    me = here.get(ME).json()["results"][0]["url"]
    csrf = here.cookies["csrftoken"].value
    changed = here.patch(me, {"password": "new"}, "application/json", headers={"X-CSRFToken": csrf})
    assert changed.status_code == 200
    assert here.get(ME).status_code == 200
    assert there.get(ME).status_code == 401
    Api("plain", "pw").get(ME, 401)
    Api("plain", "new").get(ME)


# Throttling.


def tries(name: str, password: str = "wrong", address: str = "192.0.2.1") -> Any:
    return Api(name, password).call("get", ME, REMOTE_ADDR=address)


def fail(times: int, name: str = "plain", address: str = "192.0.2.1") -> None:
    for _ in range(times):
        assert tries(name, address=address).status_code == 401


def test_after_ten_failures_even_the_right_password_waits(plain: Api, told: Any) -> None:
    fail(10)
    answer = tries("plain", "pw")
    assert answer.status_code == 429
    assert 290 <= int(answer["Retry-After"]) <= 300
    assert re.fullmatch(
        r"Too many failed logins\. Try again in \d+ seconds\.", answer.json()["detail"]
    )
    _, login = session(REMOTE_ADDR="192.0.2.1")
    assert login.status_code == 429
    page = Client().post(
        "/login/", {"username": "plain", "password": "pw"}, REMOTE_ADDR="192.0.2.1"
    )
    assert page.status_code == 429
    assert b"Too many failed logins" in page.content
    assert tries("plain", "pw", "192.0.2.2").status_code == 200, "another address is another person"
    assert tries("admin", "correct horse").status_code == 200, "as is another name"


def test_the_password_grant_waits_too(api: Api, plain: Api) -> None:
    from tests.api.test_applications import by_password, made

    app = made(api)
    for _ in range(10):
        assert by_password(app, password="wrong").status_code == 400
    assert by_password(app).status_code == 429


def test_waiting_ends(plain: Api) -> None:
    from gantry.resources.models import LoginFailure

    fail(10)
    LoginFailure.objects.update(at=timezone.now() - timedelta(seconds=301))
    assert tries("plain", "pw").status_code == 200
    fail(1)
    assert LoginFailure.objects.count() == 1, "what counts no more is gone"


def test_success_forgives(plain: Api) -> None:
    fail(9)
    assert tries("plain", "pw").status_code == 200
    fail(9)


def test_one_address_with_many_names(db: str, told: Any) -> None:
    told(login_failures=2)
    for number in range(10):
        fail(1, f"name{number}")
    assert tries("unseen").status_code == 429
    assert tries("unseen", address="192.0.2.2").status_code == 401


def test_one_name_from_many_addresses(db: str, told: Any) -> None:
    told(login_failures=1)
    for number in range(20):
        fail(1, address=f"198.51.100.{number}")
    assert tries("plain", address="203.0.113.1").status_code == 429


def test_an_ipv6_holder_has_one_address(plain: Api) -> None:
    for number in range(10):
        fail(1, address=f"2001:db8::{number:x}")
    assert tries("plain", "pw", "2001:db8::ffff").status_code == 429
    assert tries("plain", "pw", "2001:db8:0:1::1").status_code == 200


def test_names_are_not_kept(db: str) -> None:
    """People type passwords where the name belongs."""
    fail(1, "my secret password")
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM resources_loginfailure t")
        assert "secret" not in cursor.fetchone()[0]


def test_running_programs_are_not_locked_out(plain: Api) -> None:
    """A password that was right within the minute goes on, whoever guesses meanwhile."""
    assert tries("plain", "pw").status_code == 200
    fail(10)
    assert tries("plain", "pw").status_code == 200


def test_no_limit(db: str, told: Any) -> None:
    told(login_failures=0)
    fail(12)


# New passwords.


@pytest.mark.parametrize(
    ("rule", "bad", "good", "says"),
    [
        ("min_length", "short", "long enough", "Password must be at least 8 characters long."),
        ("min_digits", "a1", "12345678", "Password must contain at least 8 digits."),
        ("min_upper", "aA", "ABCDEFGH", "Password must contain at least 8 uppercase characters."),
        ("min_special", "a-", "--------", "Password must contain at least 8 special characters."),
    ],
)
def test_rules_for_new_passwords(
    api: Api, told: Any, rule: str, bad: str, good: str, says: str
) -> None:
    user = make_user("old")
    told(**{f"local_password_{rule}": 8})
    new = {"username": "new", "password": bad}
    assert api.post(f"{V2}/users/", new, 400) == {"password": [says]}
    assert api.patch(f"{V2}/users/{user.pk}/", {"password": bad}, 400) == {"password": [says]}
    api.patch(f"{V2}/users/{user.pk}/", {"password": "$encrypted$"})
    api.post(f"{V2}/users/", {**new, "password": good})


def test_a_password_can_be_too_long(api: Api) -> None:
    new = {"username": "new", "password": "x" * 129}
    assert api.post(f"{V2}/users/", new, 400) == {"password": ["Password max length is 128"]}
