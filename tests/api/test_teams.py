"""Teams: what is given to a team is given to whoever belongs to it, and to nobody longer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api, make_user
from tests.api.test_roles import give, role_id
from tests.api.world import build

V2 = "/api/v2"


@pytest.fixture
def world(api: Api) -> dict[str, str]:
    return {noun: f"{V2}/{noun}/{pk}/" for noun, pk in build().items()}


def join(api: Api, team: str, name: str) -> int:
    from gantry.resources.models import User

    pk = User.objects.get(username=name).pk
    api.post(f"{team}users/", {"id": pk}, 204)
    return pk


def test_members_have_what_their_team_was_given(
    api: Api, world: dict[str, str], member: Api
) -> None:
    team, inventory = world["teams"], world["inventories"]
    use = role_id(api, inventory, "use_role")
    api.post(f"{team}roles/", {"id": use}, 204)
    member.get(inventory, 403)
    pk = join(api, team, "member")
    member.get(inventory)
    assert [i["name"] for i in member.get(f"{V2}/inventories/")["results"]] == ["inventory"]
    assert use in [r["id"] for r in api.get(f"{team}roles/")["results"]]
    assert [t["name"] for t in api.get(f"{V2}/roles/{use}/teams/")["results"]] == ["team"]
    assert [t["name"] for t in member.get(f"{V2}/users/{pk}/teams/")["results"]] == ["team"]
    access = {u["username"]: u for u in api.get(f"{inventory}access_list/")["results"]}
    role = access["member"]["summary_fields"]["direct_access"][0]["role"]
    assert (role["team_name"], role["name"]) == ("team", "Use")
    api.post(f"{team}users/", {"id": pk, "disassociate": True}, 204)
    member.get(inventory, 403)


def test_a_role_taken_from_a_team_is_gone_for_its_members(
    api: Api, world: dict[str, str], member: Api
) -> None:
    join(api, world["teams"], "member")
    use = role_id(api, world["projects"], "use_role")
    pk = api.get(world["teams"])["id"]
    api.post(f"{V2}/roles/{use}/teams/", {"id": pk}, 204)
    assert [t["id"] for t in api.get(f"{world['projects']}teams/")["results"]] == [pk]
    assert [p["name"] for p in api.get(f"{world['teams']}projects/")["results"]] == ["project"]
    member.get(world["projects"])
    api.post(f"{world['teams']}roles/", {"id": use, "disassociate": True}, 204)
    member.get(world["projects"], 403)


@pytest.mark.parametrize(
    ("noun", "role", "words"),
    [
        ("organizations", "admin_role", "Organization participation role"),
        ("organizations", "member_role", "Organization participation role"),
        ("system", "", "system-level permissions"),
        ("private", "use_role", "belongs to a different organization"),
    ],
)
def test_what_a_team_is_never_given(
    api: Api, world: dict[str, str], noun: str, role: str, words: str
) -> None:
    if noun == "system":
        pk = api.get(f"{V2}/roles/?role_field=system_auditor")["results"][0]["id"]
    elif noun == "private":
        body = {"name": "own", "credential_type": 1, "user": 1}
        pk = role_id(api, api.post(f"{V2}/credentials/", body)["url"], role)
    else:
        pk = role_id(api, world[noun], role)
    team = api.get(world["teams"])["id"]
    for url, body in ((f"{world['teams']}roles/", {"id": pk}),
                      (f"{V2}/roles/{pk}/teams/", {"id": team})):  # fmt: skip
        assert words in api.post(url, body, 400)["msg"]


def test_a_teams_administrator_and_its_organizations(
    api: Api, world: dict[str, str], member: Api, org_admin: Api
) -> None:
    team = world["teams"]
    assert member.get(team)["summary_fields"]["user_capabilities"]["edit"] is False
    member.patch(team, {"description": "x"}, 403)
    give(api, "member", team, "admin_role")
    assert member.patch(team, {"description": "x"})["description"] == "x"
    assert org_admin.get(team)["summary_fields"]["user_capabilities"]["delete"] is True
    mate = make_user("mate")
    org_admin.post(f"{V2}/organizations/1/users/", {"id": mate.pk}, 204)
    member.post(f"{team}users/", {"id": mate.pk}, 204)
    org_admin.delete(team)


def test_an_organizations_administrators_have_what_its_teams_have(
    api: Api, world: dict[str, str], other_admin: Api
) -> None:
    """As AWX: an organization's administrator is one of all its teams, and so a member of them."""
    from gantry.resources.models import Organization

    there = Organization.objects.get(name="Other").pk
    team = other_admin.post(f"{V2}/teams/", {"name": "theirs", "organization": there})
    other_admin.get(world["inventories"], 403)
    api.post(f"{team['url']}roles/", {"id": role_id(api, world["inventories"], "use_role")}, 204)
    other_admin.get(world["inventories"])
    assert "other" in _having_access(api, world["inventories"])


def test_who_has_access_by_a_team_in_a_team(api: Api, world: dict[str, str], member: Api) -> None:
    inner = api.post(f"{V2}/teams/", {"name": "inner", "organization": 1})
    join(api, inner["url"], "member")
    api.post(f"{inner['url']}roles/", {"id": role_id(api, world["teams"], "member_role")}, 204)
    use = role_id(api, world["inventories"], "use_role")
    api.post(f"{world['teams']}roles/", {"id": use}, 204)
    member.get(world["inventories"])
    assert _having_access(api, world["inventories"])["member"] == ["use_role", "read_role"]


def _having_access(api: Api, url: str) -> dict[str, list[str]]:
    """Person -> the roles of the resource that their first role gives."""
    found = {}
    for user in api.get(f"{url}access_list/")["results"]:
        shown = user["summary_fields"]
        found[user["username"]] = (shown["direct_access"] + shown["indirect_access"])[0][
            "descendant_roles"
        ]
    return found


def test_teams_are_made_by_their_organizations_administrators(
    api: Api, world: dict[str, str], member: Api, org_admin: Api, other_admin: Api
) -> None:
    from gantry.resources.models import Organization

    body = {"name": "new", "organization": 1}
    member.post(f"{V2}/teams/", body, 403)
    other_admin.post(f"{V2}/teams/", body, 403)
    made = org_admin.post(f"{V2}/organizations/1/teams/", {"name": "new"})
    assert api.get(f"{V2}/organizations/1/")["summary_fields"]["related_field_counts"]["teams"] == 2
    there = Organization.objects.get(name="Other").pk
    assert api.patch(made["url"], {"organization": there}, 403) == {
        "detail": "Unable to change organization on a team."
    }


def test_a_teams_credential_is_used_by_its_members(
    api: Api, world: dict[str, str], member: Api
) -> None:
    join(api, world["teams"], "member")
    made: dict[str, Any] = api.post(
        f"{world['teams']}credentials/", {"name": "shared", "credential_type": 1}
    )
    assert made["organization"] == 1
    assert member.get(made["url"])["summary_fields"]["user_capabilities"]["use"] is True
    assert [c["name"] for c in member.get(f"{world['teams']}credentials/")["results"]] == ["shared"]
    assert {o["type"] for o in made["summary_fields"]["owners"]} == {"organization", "team"}
    assert [t["name"] for t in api.get(f"{made['url']}owner_teams/")["results"]] == ["team"]
