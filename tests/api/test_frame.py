"""The frame of the API: roots, headers, who is asking, pages, what a wrong request is told."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.api.conftest import Api, make_user

NOT_LOGGED_IN = (
    "Authentication credentials were not provided. To establish a login session, visit /api/login/."
)


def test_roots_are_open_and_list_only_what_answers(anonymous: Any, api: Any) -> None:
    root = anonymous.get("/api/")
    assert root["available_versions"] == {"v2": "/api/v2/"}
    for url in anonymous.get("/api/v2/").values():
        api.get(url)


def test_every_link_of_related_leads_somewhere(api: Api) -> None:
    seen = set()
    for url in api.get("/api/v2/").values():
        shown = api.get(url)
        if isinstance(shown, str):
            continue
        for row in shown.get("results", [shown]):
            links = row.get("related", {}).values()
            seen.update(u for u in links if isinstance(u, str))
    assert len(seen) > 20
    for url in sorted(seen):
        api.get(url)


def test_headers_say_awx_and_the_version_only_to_those_logged_in(api: Api, anonymous: Api) -> None:
    known = api.call("get", "/api/v2/me/").headers
    assert known["X-API-Product-Name"] == "AWX"
    assert known["X-API-Product-Version"] == "24.6.1"
    assert known["X-API-Node"]
    assert known["X-API-Time"].endswith("s")
    assert known["X-API-Total-Time"].endswith("s")
    assert "X-API-Product-Version" not in anonymous.call("get", "/api/v2/ping/").headers


def test_401_has_awx_words_and_never_asks_for_basic(anonymous: Api) -> None:
    for asker in (anonymous, Api("admin", "wrong"), Api("nobody", "x")):
        response = asker.call("get", "/api/v2/me/")
        assert response.status_code == 401
        assert response.json() == {"detail": NOT_LOGGED_IN}
        assert response["WWW-Authenticate"] == (
            "Bearer realm=api authorization_url=/api/o/authorize/"
        )


def test_a_wrong_password_does_not_close_open_pages(db: str) -> None:
    assert Api("admin", "wrong").call("get", "/api/v2/ping/").status_code == 200


def test_a_remembered_password_dies_when_it_changes(db: str, monkeypatch: Any) -> None:
    from django.contrib import auth as django_auth

    from gantry.api import auth
    from gantry.resources.models import User

    auth.verified.forget()
    checks: list[str] = []
    real = django_auth.authenticate

    def counted(**kwargs: Any) -> Any:
        checks.append(kwargs["username"])
        return real(**kwargs)

    monkeypatch.setattr(auth.auth, "authenticate", counted)
    user = make_user("frequent")
    asker = Api("frequent", "pw")
    asker.get("/api/v2/me/")
    known = len(checks)
    asker.get("/api/v2/me/")
    assert len(checks) == known  # neither time paid the hash again

    User.objects.get(pk=user.pk).set_password("new")
    fresh = User.objects.get(pk=user.pk)
    fresh.set_password("new")
    fresh.save()
    assert asker.call("get", "/api/v2/me/").status_code == 401
    Api("frequent", "new").get("/api/v2/me/")

    User.objects.filter(pk=user.pk).update(is_active=False)
    assert Api("frequent", "new").call("get", "/api/v2/me/").status_code == 401


def _login(client: Client, password: str, **headers: Any) -> Any:
    client.get("/api/")
    form = {"username": "admin", "password": password, "next": "/api/"}
    token = client.cookies["csrftoken"].value
    return client.post(
        "/api/login/", form, headers={"X-CSRFToken": token, "Referer": "http://testserver/api/"}
    )


def test_awxkit_logs_in_by_form_and_works_with_csrf(db: str) -> None:
    client = Client(enforce_csrf_checks=True)
    assert _login(client, "wrong").status_code == 401

    response = _login(client, "correct horse")

    assert response.status_code == 302
    assert response["Location"] == "/api/"
    name = response["X-API-Session-Cookie-Name"]
    assert name in client.cookies
    assert client.get("/api/v2/me/").json()["results"][0]["username"] == "admin"
    body, kind = '{"name": "By session"}', "application/json"
    refused = client.post("/api/v2/organizations/", body, content_type=kind)
    assert refused.status_code == 403
    assert "CSRF" in refused.json()["detail"]
    token = client.cookies["csrftoken"].value
    made = client.post(
        "/api/v2/organizations/", body, content_type=kind, headers={"X-CSRFToken": token}
    )
    assert made.status_code == 201

    client.get("/api/logout/")
    assert client.get("/api/v2/me/").status_code == 401


def test_login_redirects_only_to_this_server(db: str) -> None:
    client = Client()
    form = {"username": "admin", "password": "correct horse", "next": "https://evil.example/"}
    assert client.post("/api/login/", form)["Location"] == "/api/"
    assert client.get("/api/login/").status_code == 302


def _organizations(count: int) -> None:
    from gantry.resources.models import Organization

    Organization.objects.bulk_create(Organization(name=f"o{n:03}") for n in range(count))


def test_pages_are_relative_sorted_and_capped(api: Api) -> None:
    _organizations(210)
    first = api.get("/api/v2/organizations/?page_size=1000&order_by=-name")
    assert first["count"] == 211
    assert len(first["results"]) == 200
    assert first["previous"] is None
    assert first["next"] == "/api/v2/organizations/?order_by=-name&page=2&page_size=200"
    second = api.get(first["next"])
    assert len(second["results"]) == 11
    assert second["previous"].endswith("page=1&page_size=200")
    assert len(api.get("/api/v2/organizations/")["results"]) == 25
    assert len(api.get("/api/v2/organizations/?page=last")["results"]) == 11


def test_pages_that_are_not_there(api: Api) -> None:
    for page in ("99", "0", "-1", "x", "1" * 30):
        got = api.get(f"/api/v2/organizations/?page={page}", 404)
        assert got == {"detail": "Invalid page."}


def test_count_disabled_gives_results_alone(api: Api) -> None:
    assert set(api.get("/api/v2/organizations/?count_disabled")) == {"results"}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("[1]", "JSON parse error - not a JSON object"),
        ("{", "JSON parse error - "),
        ('"x"', "JSON parse error - not a JSON object"),
        ("[" * 100_000, "JSON parse error - "),
        (b"\xff\xfe", "JSON parse error - "),
    ],
)
def test_bodies_that_are_no_object(api: Api, body: Any, said: str) -> None:
    response = api.client.post(
        "/api/v2/organizations/", body, content_type="application/json", headers=api.headers
    )
    assert response.status_code == 400, response.content
    assert response.json()["detail"].startswith(said)


def test_other_content_types_are_refused(api: Api) -> None:
    response = api.client.post("/api/v2/organizations/", {"name": "x"}, headers=api.headers)
    assert response.status_code == 415
    assert "Content-Type must be application/json" in response.json()["detail"]


@pytest.mark.parametrize("name", ["a\x00b", {"x": 1}, ["x"], True, "x" * 513])
def test_names_that_cannot_be(api: Api, name: Any) -> None:
    answer = api.post("/api/v2/organizations/", {"name": name}, 400)
    assert list(answer) == ["name"]


def test_a_list_without_its_slash_redirects(api: Api) -> None:
    response = api.call("get", "/api/v2/unified_jobs?order_by=finished")
    assert response.status_code == 301
    assert response["Location"] == "/api/v2/unified_jobs/?order_by=finished"


def test_ids_too_large_are_not_found(api: Api) -> None:
    for noun in ("jobs", "hosts", "organizations", "job_events", "job_templates"):
        api.get(f"/api/v2/{noun}/{10**30}/", 404)
    api.post("/api/v2/inventories/", {"name": "i", "organization": 10**30}, 400)


def test_options_on_lists_has_only_what_awxkit_reads(api: Api, plain: Api) -> None:
    for name, url in api.get("/api/v2/").items():
        answer = api.options(url)
        assert set(answer.get("actions", {})) <= {"GET", "POST"}, name
    assert "POST" not in plain.options("/api/v2/organizations/")["actions"]
    assert "POST" in api.options("/api/v2/organizations/")["actions"]


def test_options_tells_what_a_launch_takes(api: Api) -> None:
    answer = api.options("/api/v2/job_templates/1/launch/")["actions"]["POST"]
    assert {"limit", "extra_vars", "credentials", "verbosity"} <= set(answer)
    assert answer["credentials"]["type"] == "list_of_ids"


def test_the_browsable_api_renders(api: Api) -> None:
    for url in ("/api/", "/api/v2/", "/api/v2/organizations/", "/api/v2/users/1/"):
        response = api.client.get(url, headers={**api.headers, "accept": "text/html"})
        assert response.status_code == 200, url
        assert b"<html" in response.content
