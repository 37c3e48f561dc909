"""Users and organizations: nobody gives what they do not have."""

from __future__ import annotations

from tests.api.conftest import Api, make_user

V2 = "/api/v2"


def test_nobody_makes_themselves_more_than_they_are(api: Api, org_admin: Api) -> None:
    me = org_admin.get(f"{V2}/me/")["results"][0]
    org_admin.patch(me["url"], {"is_superuser": True}, 403)
    org_admin.patch(me["url"], {"is_system_auditor": True}, 403)
    assert org_admin.patch(me["url"], {"first_name": "Bo"})["first_name"] == "Bo"
    new = {"username": "new", "password": "pw"}
    org_admin.post(f"{V2}/users/", {**new, "is_superuser": True}, 403)
    made = org_admin.post(f"{V2}/users/", new)
    assert made["password"] == "$encrypted$"
    Api("new", "pw").get(f"{V2}/me/")


def test_the_last_administrator_stays(api: Api) -> None:
    api.delete(f"{V2}/users/1/", 403)
    api.patch(f"{V2}/users/1/", {"is_superuser": False}, 403)


def test_encrypted_password_back_changes_nothing(api: Api) -> None:
    shown = api.get(f"{V2}/users/1/")
    body = {k: shown[k] for k in ("username", "first_name", "last_name", "email", "password")}
    api.put(f"{V2}/users/1/", {**body, "is_superuser": True, "first_name": "Ann"})
    assert api.get(f"{V2}/me/")["results"][0]["first_name"] == "Ann"


def test_an_empty_password_is_nobodys_and_changes_none(api: Api) -> None:
    """As `awx import` sends it for everybody in an export."""
    from gantry.resources.models import User

    api.post("/api/v2/users/", {"username": "imported", "password": ""})
    assert not User.objects.get(username="imported").has_usable_password()
    api.patch("/api/v2/users/1/", {"first_name": "Ada", "password": ""})
    assert User.objects.get(pk=1).check_password("correct horse")


def test_people_join_and_leave_an_organization(api: Api) -> None:
    organization = api.get(f"{V2}/organizations/")["results"][0]
    user = make_user("joining").pk
    for name in ("users", "admins"):
        url = organization["related"][name]
        api.post(url, {"id": user}, 204)
        assert [u["username"] for u in api.get(url)["results"]] == ["joining"]
        api.post(url, {"id": user, "disassociate": True}, 204)
        assert api.get(url)["count"] == 0
    made = api.post(
        organization["related"]["users"], {"username": "made here", "password": "pw"}, 400
    )
    assert "username" in made
    api.post(organization["related"]["users"], {"username": "here", "password": "pw"})
    assert api.get(organization["related"]["users"])["results"][0]["username"] == "here"
    assert api.post(organization["related"]["users"], {"disassociate": True}, 400) == {
        "msg": '"id" is required to disassociate'
    }
    assert api.post(organization["related"]["users"], {"id": "1"}, 400) == {
        "msg": '"id" field must be an integer.'
    }
