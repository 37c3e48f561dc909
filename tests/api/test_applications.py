"""OAuth2 applications, and the ways by which they come to tokens: /api/o/."""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.api.conftest import Api, make_user
from tests.api.test_tokens import CENSORED, V2, bearer

APPLICATIONS = f"{V2}/applications/"
BACK = "https://ci.example.org/back?from=gantry"
WITH_CODE = {"authorization_grant_type": "authorization-code", "redirect_uris": BACK}


def made(api: Api, **fields: Any) -> dict[str, Any]:
    given = {
        "name": "ci", "organization": 1, "client_type": "confidential",
        "authorization_grant_type": "password",
    }  # fmt: skip
    found: dict[str, Any] = api.post(APPLICATIONS, given | fields)
    return found


def form(path: str, body: dict[str, str], client: dict[str, Any] | None = None) -> Any:
    """A form as programs send it; the client shows its secret in a Basic header."""
    headers = {}
    if client is not None:
        pair = f"{client['client_id']}:{client['client_secret']}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    # As a browser would, so that the exemption from CSRF is tested too.
    return Client(enforce_csrf_checks=True).post(f"/api/o/{path}/", body, headers=headers)


def by_password(client: dict[str, Any] | None, **more: str) -> Any:
    given = {"grant_type": "password", "username": "plain", "password": "pw"}
    return form("token", given | more, client)


def refreshed(client: dict[str, Any], value: str) -> Any:
    return form("token", {"grant_type": "refresh_token", "refresh_token": value}, client)


# Applications.


def test_the_secret_is_shown_once(api: Api) -> None:
    app = made(api)
    assert app["type"] == "o_auth2_application"
    assert len(app["client_secret"]) == 128
    assert api.get(app["url"])["client_secret"] == CENSORED
    assert api.get(APPLICATIONS)["results"][0]["client_secret"] == CENSORED
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM resources_oauth2application t")
        assert app["client_secret"] not in cursor.fetchone()[0]
    assert "client_secret" not in made(api, name="public", client_type="public")


def test_what_is_refused(api: Api) -> None:
    made(api)
    missing = api.post(APPLICATIONS, {"name": "x"}, 400)
    assert set(missing) == {"client_type", "authorization_grant_type"}

    def refused(**fields: Any) -> Any:
        given = {
            "name": "x", "organization": 1, "client_type": "public",
            "authorization_grant_type": "authorization-code", "redirect_uris": BACK,
        }  # fmt: skip
        return api.post(APPLICATIONS, given | fields, 400)

    twice = "Application with this Name and Organization already exists."
    assert refused(name="ci") == {"__all__": [twice]}
    assert list(refused(organization=None)) == ["organization"]
    assert list(refused(client_type="x")) == ["client_type"]
    assert refused(redirect_uris="") == {
        "__all__": ["redirect_uris cannot be empty with grant_type authorization-code"]
    }
    for uri in ("javascript:alert(1)", "https://x.org/#a", "/here", "http://[::", "ftp://x.org/"):
        assert list(refused(redirect_uris=uri)) == ["__all__"], uri
    for uri in ("http://localhost:8000/a https://host/b", "https://x.org/a?b=c"):
        made(api, name=uri, **{**WITH_CODE, "redirect_uris": uri})


def test_the_grant_stays_and_the_rest_changes(api: Api) -> None:
    app = made(api)
    body = {**WITH_CODE, "name": "new", "skip_authorization": True, "client_id": "x"}
    changed = api.patch(app["url"], body)
    assert changed["authorization_grant_type"] == "password"
    assert changed["client_id"] == app["client_id"]
    assert (changed["name"], changed["skip_authorization"]) == ("new", True)
    assert "authorization_grant_type" not in api.options(app["url"])["actions"]["PUT"]


def test_who_may(api: Api, org_admin: Api, member: Api, other_admin: Api, plain: Api) -> None:
    app = made(org_admin)
    assert app["summary_fields"]["user_capabilities"] == {"edit": True, "delete": True}
    assert member.get(app["url"])["summary_fields"]["user_capabilities"]["edit"] is False
    member.patch(app["url"], {"name": "x"}, 403)
    for asker in (plain, other_admin):
        assert asker.get(APPLICATIONS)["count"] == 0
        asker.get(app["url"], 403)
        asker.get(f"{app['url']}tokens/", 403)
        asker.post(f"{V2}/tokens/", {"application": app["id"]}, 403)
    body = {"name": "x", "client_type": "public", "authorization_grant_type": "password"}
    other_admin.post(APPLICATIONS, {**body, "organization": 1}, 403)
    member.post(APPLICATIONS, {**body, "organization": 1}, 403)
    assert org_admin.post(f"{V2}/organizations/1/applications/", body)["organization"] == 1
    org_admin.patch(app["url"], {"organization": 2}, 403)


def test_the_tokens_of_an_application(api: Api) -> None:
    app = made(api)
    for _ in range(12):
        token = api.post(f"{app['url']}tokens/", {"scope": "read"})
    assert token["application"] == app["id"]
    shown = api.get(app["url"])["summary_fields"]["tokens"]
    assert shown["count"] == 12
    assert len(shown["results"]) == 10
    assert set(shown["results"][0]) == {"id", "token", "scope"}
    assert shown["results"][0]["token"] == CENSORED
    few = queries_of_the_list(api)
    for number in range(5):
        made(api, name=f"more {number}")
    assert queries_of_the_list(api) == few
    api.delete(app["url"])
    bearer(token["token"]).get(f"{V2}/me/", 401)


def queries_of_the_list(api: Api) -> int:
    with CaptureQueriesContext(connection) as queries:
        api.get(APPLICATIONS)
    return len(queries)


# /api/o/token/ with a password.


def test_the_root(anonymous: Api) -> None:
    assert anonymous.get("/api/o/") == {
        "authorize": "/api/o/authorize/",
        "token": "/api/o/token/",
        "revoke_token": "/api/o/revoke_token/",
    }
    assert anonymous.call("get", "/api/o/token/").status_code == 405


def test_a_password_buys_a_token(api: Api, plain: Api) -> None:
    app = made(api)
    answer = by_password(app, scope="read")
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    assert set(body) == {"access_token", "expires_in", "token_type", "scope", "refresh_token"}
    assert (body["token_type"], body["scope"]) == ("Bearer", "read")
    assert body["expires_in"] == 31536000000
    asker = bearer(body["access_token"])
    assert asker.get(f"{V2}/me/")["results"][0]["username"] == "plain"
    asker.post(f"{V2}/tokens/", {}, 403)
    assert by_password(app).json()["scope"] == "read write"


def test_the_secret_may_stand_in_the_form(api: Api, plain: Api) -> None:
    app = made(api)
    shown = {"client_id": app["client_id"], "client_secret": app["client_secret"]}
    assert by_password(None, **shown).status_code == 200


def test_a_public_application_has_no_secret(api: Api, plain: Api) -> None:
    app = made(api, client_type="public")
    assert by_password(None, client_id=app["client_id"]).status_code == 200


def test_what_buys_nothing(api: Api, plain: Api) -> None:
    app = made(api)
    wrong = {**app, "client_secret": "wrong"}

    def says(answer: Any) -> tuple[int, str]:
        return answer.status_code, answer.json()["error"]

    assert says(by_password(wrong)) == (401, "invalid_client")
    assert says(by_password(None, client_id=app["client_id"])) == (401, "invalid_client")
    assert says(by_password({**app, "client_id": "x\0"})) == (401, "invalid_client")
    assert says(by_password(None)) == (401, "invalid_client")
    assert says(by_password(app, password="wrong")) == (400, "invalid_grant")
    assert says(by_password(app, username="a\0")) == (400, "invalid_grant")
    assert says(by_password(app, scope="admin")) == (400, "invalid_scope")
    assert says(by_password(app, scope="read read")) == (400, "invalid_scope")
    assert says(by_password(app, grant_type="implicit"))[0] == 400
    assert says(by_password(app, grant_type="client_credentials"))[0] == 400
    assert says(by_password(made(api, name="code", **WITH_CODE))) == (400, "unauthorized_client")


# Refreshing and revoking.


def test_a_refresh_token_is_good_for_once(api: Api, plain: Api) -> None:
    app = made(api)
    first = by_password(app, scope="read").json()
    assert refreshed(made(api, name="another"), first["refresh_token"]).status_code == 400
    second = refreshed(app, first["refresh_token"]).json()
    assert second["scope"] == "read"
    bearer(first["access_token"]).get(f"{V2}/me/", 401)
    bearer(second["access_token"]).get(f"{V2}/me/")
    again = refreshed(app, first["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    bearer(second["access_token"]).get(f"{V2}/me/")


def test_two_who_spend_it_at_once_get_one_token(api: Api, plain: Api) -> None:
    app = made(api)
    refresh = by_password(app).json()["refresh_token"]

    def spend(_: int) -> int:
        try:
            return int(refreshed(app, refresh).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(spend, range(4))) == [200, 400, 400, 400]


def test_refreshing_buys_no_more_than_was_given(api: Api, plain: Api) -> None:
    app = made(api)
    refresh = by_password(app, scope="read").json()["refresh_token"]
    given = {"grant_type": "refresh_token", "refresh_token": refresh, "scope": "write"}
    assert form("token", given, app).json()["error"] == "invalid_scope"


def test_an_old_refresh_token(api: Api, plain: Api) -> None:
    from gantry.resources.models import OAuth2RefreshToken

    app = made(api)
    refresh = by_password(app).json()["refresh_token"]
    OAuth2RefreshToken.objects.update(created=timezone.now() - timedelta(seconds=2628001))
    answer = refreshed(app, refresh)
    assert answer.status_code == 403
    assert answer.content == b"The refresh token has expired."


def test_a_refresh_token_made_with_a_token(api: Api) -> None:
    app = made(api)
    token = api.post(f"{V2}/tokens/", {"application": app["id"]})
    assert refreshed(app, token["refresh_token"]).status_code == 200


def test_revoking(api: Api, plain: Api) -> None:
    app = made(api)
    one, two = by_password(app).json(), by_password(app).json()
    stranger = made(api, name="stranger")
    assert form("revoke_token", {"token": one["access_token"]}, stranger).status_code == 200
    bearer(one["access_token"]).get(f"{V2}/me/")
    assert form("revoke_token", {"token": one["access_token"]}).status_code == 401
    assert form("revoke_token", {"token": one["access_token"]}, app).status_code == 200
    bearer(one["access_token"]).get(f"{V2}/me/", 401)
    assert form("revoke_token", {"token": two["refresh_token"]}, app).status_code == 200
    bearer(two["access_token"]).get(f"{V2}/me/", 401)
    assert refreshed(app, two["refresh_token"]).status_code == 400
    assert form("revoke_token", {"token": "nonsense"}, app).status_code == 200


# /api/o/authorize/.


@pytest.fixture
def browser(db: str) -> Client:
    client = Client()
    client.force_login(make_user("person"))
    return client


def asking(app: dict[str, Any], **more: str) -> dict[str, str]:
    return {"response_type": "code", "client_id": app["client_id"], "state": "s"} | more


def allowed(browser: Client, query: dict[str, str], **answer: str) -> dict[str, list[str]]:
    url = browser.get("/api/o/authorize/", query).request
    page = browser.post(f"{url['PATH_INFO']}?{url['QUERY_STRING']}", answer)
    assert page.status_code == 302
    assert page["Location"].startswith(BACK)
    return parse_qs(urlsplit(page["Location"]).query)


def bought(app: dict[str, Any], code: str, **more: str) -> Any:
    given = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
    return form("token", given | more, app)


def test_a_person_is_asked_and_a_code_buys_a_token(api: Api, browser: Client) -> None:
    app = made(api, **WITH_CODE)
    page = browser.get("/api/o/authorize/", asking(app, scope="read"))
    assert page.status_code == 200
    text = page.content.decode()
    assert "Allow ci?" in text
    assert "See what you may see" in text
    assert "Change and launch" not in text
    policy = page["Content-Security-Policy"]
    assert "form-action 'self' https://ci.example.org;" in policy
    assert "frame-ancestors 'none'" in policy
    back = allowed(browser, asking(app, scope="read"), allow="Authorize")
    assert back["state"] == ["s"]
    assert back["from"] == ["gantry"]
    body = bought(app, back["code"][0]).json()
    assert body["scope"] == "read"
    me = bearer(body["access_token"]).get(f"{V2}/me/")
    assert me["results"][0]["username"] == "person"
    assert bought(app, back["code"][0]).json()["error"] == "invalid_grant"


def test_refusing(api: Api, browser: Client) -> None:
    app = made(api, **WITH_CODE)
    back = allowed(browser, asking(app))
    assert (back["error"], back["state"]) == (["access_denied"], ["s"])


def test_a_trusted_application_is_not_asked_about(api: Api, browser: Client) -> None:
    app = made(api, **WITH_CODE, skip_authorization=True)
    page = browser.get("/api/o/authorize/", asking(app))
    assert "code" in parse_qs(urlsplit(page["Location"]).query)


def test_nobody_allows_without_a_login_or_a_csrf_token(api: Api, browser: Client) -> None:
    app = made(api, **WITH_CODE)
    page = Client().get("/api/o/authorize/", asking(app))
    assert page.status_code == 302
    assert page["Location"].startswith("/login/?next=/api/o/authorize/")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = browser.cookies
    url = browser.get("/api/o/authorize/", asking(app)).request
    forged = strict.post(f"{url['PATH_INFO']}?{url['QUERY_STRING']}", {"allow": "Authorize"})
    assert forged.status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [{"client_id": "x"}, {"redirect_uri": "https://evil.example.org/"}, {"client_id": "a\0"}],
)
def test_nobody_is_sent_to_a_stranger(api: Api, browser: Client, wrong: dict[str, str]) -> None:
    page = browser.get("/api/o/authorize/", asking(made(api, **WITH_CODE), **wrong))
    assert page.status_code == 400
    assert "Location" not in page


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "none"}, "unauthorized_client"),
        ({"scope": "admin"}, "invalid_scope"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": "a" * 43, "code_challenge_method": "md5"}, "invalid_request"),
    ],
)
def test_other_mistakes_go_back_to_the_application(
    api: Api, browser: Client, wrong: dict[str, str], error: str
) -> None:
    page = browser.get("/api/o/authorize/", asking(made(api, **WITH_CODE), **wrong))
    assert page.status_code == 302
    assert parse_qs(urlsplit(page["Location"]).query)["error"] == [error]


def test_a_code_is_its_applications_its_addresses_and_young(api: Api, browser: Client) -> None:
    from gantry.resources.models import OAuth2Code

    app = made(api, **WITH_CODE)
    other = made(api, name="other", **WITH_CODE)
    code = allowed(browser, asking(app), allow="Authorize")["code"][0]
    assert bought(other, code).json()["error"] == "invalid_grant"
    assert bought(app, code, redirect_uri="https://evil.example.org/").status_code == 400
    assert abs(OAuth2Code.objects.get().expires - timezone.now()).seconds <= 600
    OAuth2Code.objects.update(expires=timezone.now())
    assert bought(app, code).json()["error"] == "invalid_grant"


def test_a_proof_that_was_announced_is_demanded(api: Api, browser: Client) -> None:
    app = made(api, **WITH_CODE, client_type="public")
    proof = "p" * 64
    digest = hashlib.sha256(proof.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    query = asking(app, code_challenge=challenge, code_challenge_method="S256")
    code = allowed(browser, query, allow="Authorize")["code"][0]

    def public(**more: str) -> Any:
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK}
        return form("token", given | {"client_id": app["client_id"]} | more)

    assert public().status_code == 400
    assert public(code_verifier="q" * 64).json()["error"] == "invalid_grant"
    assert public(code_verifier=proof).status_code == 200
