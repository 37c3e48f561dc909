"""Personal tokens: shown once, hashed at rest, a person's own, and no more than their scope."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from tests.api.conftest import Api, make_user

V2 = "/api/v2"
CENSORED = "************"


def bearer(value: str) -> Api:
    api = Api(None)
    api.headers["authorization"] = f"Bearer {value}"
    return api


def made(api: Api, **fields: Any) -> dict[str, Any]:
    token: dict[str, Any] = api.post(f"{V2}/tokens/", fields)
    return token


def row(token: dict[str, Any]) -> Any:
    from gantry.resources.models import OAuth2AccessToken

    return OAuth2AccessToken.objects.get(pk=token["id"])


def application(**fields: Any) -> Any:
    from gantry.resources.models import OAuth2Application, Organization

    given = {
        "name": "app", "organization": Organization.objects.get(name="Default"),
        "client_type": "confidential", "authorization_grant_type": "password",
    }  # fmt: skip
    return OAuth2Application.objects.create(**(given | fields))


# A token's life.


def test_a_token_is_shown_once_and_lets_its_owner_in(api: Api) -> None:
    token = made(api, description="ci", application=None, scope="write")
    assert token["type"] == "o_auth2_access_token"
    assert token["url"] == f"{V2}/tokens/{token['id']}/"
    assert token["refresh_token"] is None
    assert token["related"] == {
        "user": f"{V2}/users/1/", "activity_stream": f"{token['url']}activity_stream/",
    }  # fmt: skip
    assert bearer(token["token"]).get(f"{V2}/me/")["results"][0]["username"] == "admin"
    for shown in (api.get(token["url"]), api.get(f"{V2}/tokens/")["results"][0]):
        assert shown["token"] == CENSORED
        assert shown["description"] == "ci"
    assert api.patch(token["url"], {"description": "x"})["token"] == CENSORED


def test_no_value_is_in_the_database(api: Api) -> None:
    token = made(api, application=application().pk)
    with connection.cursor() as cursor:
        for table in ("oauth2accesstoken", "oauth2refreshtoken"):
            cursor.execute(f"SELECT t::text FROM resources_{table} t")
            [(text,)] = cursor.fetchall()
            assert token["token"] not in text
            assert token["refresh_token"] not in text


def test_a_token_lives_as_long_as_awx_says(api: Api) -> None:
    lives = row(made(api)).expires - timezone.now()
    assert abs(lives - timedelta(seconds=31536000000)) < timedelta(minutes=5)


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer ", "Bearer", "Bearer \u00e9"])
def test_what_is_no_token_is_nobody(anonymous: Api, header: str) -> None:
    anonymous.headers["authorization"] = header
    answer = anonymous.call("get", f"{V2}/me/")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer realm=api authorization_url=/api/o/authorize/"
    assert answer.json() == {
        "detail": "Authentication credentials were not provided. "
        "To establish a login session, visit /api/login/."
    }
    assert anonymous.call("get", "/api/").status_code == 200


def test_expired_deleted_and_of_nobody_any_more(api: Api) -> None:
    from gantry.resources.models import User

    make_user("leaving")
    expired, deleted, dismissed = made(api), made(api), made(Api("leaving", "pw"))
    kept = row(expired)
    kept.expires = timezone.now() - timedelta(seconds=1)
    kept.save()
    api.delete(deleted["url"])
    bearer(dismissed["token"]).get(f"{V2}/me/")
    User.objects.filter(username="leaving").update(is_active=False)
    for token in (expired, deleted, dismissed):
        bearer(token["token"]).get(f"{V2}/me/", 401)


def test_last_use_is_known_to_the_minute(api: Api) -> None:
    token = made(api)
    assert row(token).last_used is None
    bearer(token["token"]).get(f"{V2}/me/")
    first = row(token).last_used
    assert timezone.now() - first < timedelta(minutes=1)
    bearer(token["token"]).get(f"{V2}/me/")
    assert row(token).last_used == first


def test_the_version_is_told_to_who_has_a_token(api: Api, anonymous: Api) -> None:
    token = made(api)["token"]
    answer = bearer(token).call("get", f"{V2}/ping/")
    assert answer["X-API-Product-Name"] == "AWX"
    assert answer["X-API-Product-Version"] == "24.6.1"
    assert "X-API-Product-Version" not in anonymous.call("get", f"{V2}/ping/")


# Scope.


def test_a_token_for_reading_only_reads(api: Api) -> None:
    reader = bearer(made(api, scope="read")["token"])
    organization = f"{V2}/organizations/1/"
    for method in ("get", "head", "options"):
        assert reader.call(method, organization).status_code == 200
    for method in ("post", "put", "patch", "delete"):
        answer = reader.call(method, organization, {"name": "x"})
        assert answer.status_code == 403, method
    reader.post(f"{V2}/tokens/", {"scope": "write"}, 403)
    can = reader.get(organization)["summary_fields"]["user_capabilities"]
    assert can == {"edit": False, "delete": False}
    writer = bearer(made(api, scope="read write")["token"])
    writer.patch(organization, {"description": "changed"})


@pytest.mark.parametrize("scope", ["Write", "read read", "admin", "", " ", None, 1, ["read"]])
def test_a_scope_that_is_none(api: Api, scope: Any) -> None:
    assert list(api.post(f"{V2}/tokens/", {"scope": scope}, 400)) == ["scope"]


# Whose they are.


def test_people_see_their_own_tokens(api: Api, member: Api, other_admin: Api, auditor: Api) -> None:
    mine, its = made(api), made(member)
    assert [t["id"] for t in member.get(f"{V2}/tokens/")["results"]] == [its["id"]]
    assert other_admin.get(f"{V2}/tokens/")["count"] == 0
    assert api.get(f"{V2}/tokens/")["count"] == auditor.get(f"{V2}/tokens/")["count"] == 2
    for asker in (other_admin, member):
        asker.get(mine["url"], 403)
        asker.delete(mine["url"], 403)
    auditor.get(its["url"])
    auditor.delete(its["url"], 403)
    member.patch(its["url"], {"scope": "read"})
    api.delete(its["url"])


def test_an_organization_admin_ends_tokens_of_its_applications(org_admin: Api, member: Api) -> None:
    personal, of_application = made(member), made(member, application=application().pk)
    assert [t["id"] for t in org_admin.get(f"{V2}/tokens/")["results"]] == [of_application["id"]]
    org_admin.delete(personal["url"], 403)
    org_admin.delete(of_application["url"])


def test_nobody_makes_a_token_for_somebody_else(api: Api) -> None:
    user = make_user("else")
    for part in ("tokens", "personal_tokens"):
        token = api.post(f"{V2}/users/{user.pk}/{part}/", {"user": user.pk})
        assert token["user"] == 1, "AWX: it is the asker's"
    assert made(api, user=user.pk)["user"] == 1


def test_a_user_and_an_application_stay_what_they_are(api: Api, member: Api) -> None:
    token = made(api)
    changed = api.patch(token["url"], {"user": 2, "application": application().pk})
    assert (changed["user"], changed["application"]) == (1, None)


# Below a user.


def test_personal_and_authorized_tokens(api: Api) -> None:
    app = application()
    personal = api.post(f"{V2}/users/1/personal_tokens/", {"application": app.pk})
    assert personal["application"] is None
    answer = api.post(f"{V2}/users/1/authorized_tokens/", {}, 400)
    assert answer == {"application": ["This field is required."]}
    body = {"application": app.pk, "scope": "read"}
    authorized = api.post(f"{V2}/users/1/authorized_tokens/", body)
    assert authorized["refresh_token"]
    assert authorized["summary_fields"]["application"] == {"id": app.pk, "name": "app"}

    def found(part: str) -> list[int]:
        return [t["id"] for t in api.get(f"{V2}/users/1/{part}/")["results"]]

    assert found("personal_tokens") == [personal["id"]]
    assert found("authorized_tokens") == [authorized["id"]]
    assert found("tokens") == [personal["id"], authorized["id"]]


def test_personal_tokens_by_name(api: Api, plain: Api, anonymous: Api) -> None:
    url = f"{V2}/users/admin/personal_tokens/"
    token = api.post(url, {"description": "AWX CLI", "application": None, "scope": "write"})
    assert bearer(token["token"]).get(url)["count"] == 1
    # As AWX: everybody sees who administers the system, and a token is for whoever asks for it.
    me = plain.get(f"{V2}/me/")["results"][0]["id"]
    assert plain.post(url, {})["user"] == me
    for name in ("admin", "nobody"):
        anonymous.post(f"{V2}/users/{name}/personal_tokens/", {}, 401)
    api.post(f"{V2}/users/nobody/personal_tokens/", {}, 404)


def test_hashes_are_no_filter(api: Api) -> None:
    made(api)
    for query in ("token_hash__startswith=a", "application__secret_hash=a"):
        api.get(f"{V2}/tokens/?{query}", 403)
    api.get(f"{V2}/tokens/?token__startswith=a", 400)
    assert api.get(f"{V2}/tokens/?user__username=admin&scope=write")["count"] == 1


@pytest.mark.parametrize(
    "body", [{"application": 999}, {"application": "x"}, {"application": {}}, {"expires": 1}]
)
def test_bad_bodies(api: Api, body: dict[str, Any]) -> None:
    expected = 201 if "expires" in body else 400
    api.post(f"{V2}/tokens/", body, expected)
