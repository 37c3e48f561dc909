"""/organizations/N/galaxy_credentials/, the seeded one among them, and what AWX refuses."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api, make_user
from tests.api.world import type_id

ORGANIZATION = "/api/v2/organizations/1/"
GALAXY = f"{ORGANIZATION}galaxy_credentials/"
PUBLIC = "Ansible Galaxy"


def server(api: Api, name: str, **inputs: Any) -> Any:
    body = {
        "name": name, "organization": 1, "credential_type": type_id("galaxy_api_token"),
        "inputs": {"url": f"https://{name}.example.org/", **inputs},
    }  # fmt: skip
    return api.post("/api/v2/credentials/", body)


def names(api: Api) -> list[str]:
    return [row["name"] for row in api.get(GALAXY)["results"]]


def test_the_first_organization_has_the_public_server_and_a_new_one_none(api: Api) -> None:
    [public] = api.get(GALAXY)["results"]
    assert (public["name"], public["managed"], public["organization"]) == (PUBLIC, True, None)
    assert (public["kind"], public["inputs"]) == (
        "galaxy_api_token", {"url": "https://galaxy.ansible.com/"}
    )  # fmt: skip
    capable = public["summary_fields"]["user_capabilities"]
    assert (capable["edit"], capable["delete"], capable["use"]) == (False, False, True)
    assert api.get(ORGANIZATION)["related"]["galaxy_credentials"] == GALAXY
    new = api.post("/api/v2/organizations/", {"name": "new"})
    assert api.get(new["related"]["galaxy_credentials"])["count"] == 0
    refused = api.patch(public["url"], {"inputs": {"url": "https://evil.example/"}}, status=403)
    assert refused == {"detail": "Modifications not allowed for managed credentials"}
    refused = api.delete(public["url"], status=403)
    assert refused == {"detail": "Deletion not allowed for managed credentials"}


def test_servers_are_asked_in_the_order_of_attaching(api: Api) -> None:
    hub, mirror = server(api, "zz-hub", token="s3cr3t"), server(api, "aa-mirror")
    for row in (hub, mirror, hub):
        api.post(GALAXY, {"id": row["id"]}, status=204)
    assert names(api) == [PUBLIC, "zz-hub", "aa-mirror"]
    public = api.get(GALAXY)["results"][0]["id"]
    api.post(GALAXY, {"id": public, "disassociate": True}, status=204)
    api.post(GALAXY, {"id": public}, status=204)
    assert names(api) == ["zz-hub", "aa-mirror", PUBLIC]
    assert api.get(GALAXY)["results"][0]["inputs"]["token"] == "$encrypted$"


def test_only_galaxy_credentials_are_taken(api: Api) -> None:
    body = {"name": "git", "organization": 1, "credential_type": type_id("scm")}
    git = api.post("/api/v2/credentials/", body)
    assert api.post(GALAXY, {"id": git["id"]}, status=400) == {
        "msg": "Credential must be a Galaxy credential, not Source Control."
    }
    assert api.post(GALAXY, {"name": "x"}, status=400) == {
        "msg": "Credential 'id' field is missing."
    }
    assert api.post(GALAXY, {"id": "1"}, status=400) == {"msg": '"id" field must be an integer.'}
    assert api.post(GALAXY, {"disassociate": True}, status=400) == {
        "msg": '"id" is required to disassociate'
    }
    assert "matching query does not exist" in api.post(GALAXY, {"id": 999}, status=400)["detail"]
    assert names(api) == [PUBLIC]


def test_they_belong_to_organizations_alone(api: Api) -> None:
    made = server(api, "hub")
    user = make_user("someone")
    body = {"name": "mine", "user": user.pk, "credential_type": type_id("galaxy_api_token")}
    words = ["Galaxy credentials must be owned by an Organization."]
    assert api.post("/api/v2/credentials/", body, status=400) == {"organization": words}
    assert api.patch(made["url"], {"organization": None}, status=400) == {"organization": words}


@pytest.mark.parametrize("method", ["get", "post"])
def test_whose_they_are(api: Api, method: str) -> None:
    """An organization's administrator attaches what they may read; a member sees the list."""
    from gantry.resources.models import Organization

    own = server(api, "hub")
    other = api.post("/api/v2/organizations/", {"name": "other"})
    foreign = api.post(
        "/api/v2/credentials/",
        {"name": "f", "organization": other["id"], "credential_type": type_id("galaxy_api_token")},
    )
    organization = Organization.objects.get(pk=1)
    for name, role in (("boss", organization.admins), ("member", organization.users)):
        role.add(make_user(name))
    make_user("stranger")
    boss, member, stranger = (Api(name, "pw") for name in ("boss", "member", "stranger"))
    if method == "get":
        assert names(member) == [PUBLIC]
        stranger.get(GALAXY, status=403)
    else:
        boss.post(GALAXY, {"id": own["id"]}, status=204)
        boss.post(GALAXY, {"id": foreign["id"]}, status=403)
        member.post(GALAXY, {"id": own["id"], "disassociate": True}, status=403)
        boss.post(GALAXY, {"id": own["id"], "disassociate": True}, status=204)
        assert names(api) == [PUBLIC]


def test_a_type_makes_credentials_of_its_own(api: Api) -> None:
    ssh = type_id("ssh")
    url = f"/api/v2/credential_types/{ssh}/credentials/"
    made = api.post(url, {"name": "key", "organization": 1, "inputs": {"username": "root"}})
    assert (made["credential_type"], made["organization"], made["kind"]) == (ssh, 1, "ssh")
    assert [row["name"] for row in api.get(url)["results"]] == ["key"]
    make_user("stranger")
    Api("stranger", "pw").post(url, {"name": "x", "organization": 1}, status=403)
    Api("stranger", "pw").post(url, {"name": "x"}, status=403)
