"""Roles: given, taken, seen and listed as AWX does it; what may be done follows from them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.conftest import Api, make_user
from tests.api.test_jobs import LISTS
from tests.api.test_jobs import _many as many
from tests.api.world import build

V2 = "/api/v2"
MAY = {"read": "get", "change": "patch", "delete": "delete"}


def role_id(api: Api, url: str, name: str) -> int:
    found: int = api.get(url)["summary_fields"]["object_roles"][name]["id"]
    return found


def give(api: Api, user: str, url: str, name: str, status: int = 204) -> Any:
    from gantry.resources.models import User

    pk = User.objects.get(username=user).pk
    return api.post(f"{V2}/users/{pk}/roles/", {"id": role_id(api, url, name)}, status)


@pytest.fixture
def world(api: Api) -> dict[str, str]:
    """Noun -> the URL of one in organization Default."""
    return {noun: f"{V2}/{noun}/{pk}/" for noun, pk in build().items()}


@pytest.mark.parametrize(
    ("noun", "roles"),
    [
        ("projects", ["admin_role", "use_role", "update_role", "read_role"]),
        ("inventories", ["admin_role", "update_role", "adhoc_role", "use_role", "read_role"]),
        ("credentials", ["admin_role", "use_role", "read_role"]),
        ("job_templates", ["admin_role", "execute_role", "read_role"]),
        ("teams", ["admin_role", "member_role", "read_role"]),
    ],
)
def test_objects_have_the_roles_of_their_kind(
    api: Api, world: dict[str, str], noun: str, roles: list[str]
) -> None:
    shown = api.get(world[noun])
    assert list(shown["summary_fields"]["object_roles"]) == roles
    listed = api.get(shown["related"]["object_roles"])["results"]
    ids = {r["id"] for r in shown["summary_fields"]["object_roles"].values()}
    assert {r["id"] for r in listed} == ids
    assert {r["summary_fields"]["resource_name"] for r in listed} == {shown["name"]}
    assert api.options(world[noun])["object_roles"] == roles


def test_a_role_says_what_it_is_about(api: Api, world: dict[str, str]) -> None:
    role = api.get(f"{V2}/roles/{role_id(api, world['job_templates'], 'execute_role')}/")
    assert role["name"] == "Execute"
    assert role["description"] == "May run the job template"
    assert role["related"]["job_template"] == world["job_templates"]
    assert role["summary_fields"]["resource_type_display_name"] == "Job Template"
    organization = api.get(world["organizations"])["summary_fields"]["object_roles"]
    assert organization["execute_role"]["description"] == (
        "May run any executable resources in the organization"
    )
    assert organization["admin_role"]["user_only"] is True
    assert "user_only" not in organization["auditor_role"]


def test_what_a_role_allows_and_no_more(api: Api, world: dict[str, str], plain: Api) -> None:
    url = world["job_templates"]
    plain.get(url, 403)
    give(api, "plain", url, "read_role")
    shown = plain.get(url)
    assert shown["summary_fields"]["user_capabilities"]["start"] is False
    plain.post(f"{url}launch/", {}, 403)
    give(api, "plain", url, "execute_role")
    shown = plain.get(url)
    assert shown["summary_fields"]["user_capabilities"] == {
        "edit": False, "delete": False, "start": True, "schedule": True, "copy": False,
    }  # fmt: skip
    plain.patch(url, {"forks": 3}, 403)
    plain.get(world["inventories"], 403)
    assert [t["name"] for t in plain.get(f"{V2}/job_templates/")["results"]] == ["template"]
    assert [t["name"] for t in plain.get(f"{V2}/unified_job_templates/")["results"]] == ["template"]
    assert [j["name"] for j in plain.get(f"{V2}/jobs/")["results"]] == ["template"]


def test_a_role_is_taken_away(api: Api, world: dict[str, str], plain: Api) -> None:
    give(api, "plain", world["inventories"], "admin_role")
    plain.patch(world["inventories"], {"description": "mine"})
    user = plain.get(f"{V2}/me/")["results"][0]
    pk = role_id(api, world["inventories"], "admin_role")
    assert [r["id"] for r in api.get(user["related"]["roles"])["results"]] == [pk]
    api.post(f"{V2}/roles/{pk}/users/", {"id": user["id"], "disassociate": True}, 204)
    plain.get(world["inventories"], 403)
    assert plain.get(f"{V2}/inventories/")["count"] == 0


def test_an_objects_administrator_gives_its_roles(
    api: Api, world: dict[str, str], member: Api, org_admin: Api
) -> None:
    make_user("stranger")
    give(api, "member", world["inventories"], "admin_role")
    pk = role_id(api, world["inventories"], "use_role")
    boss = org_admin.get(f"{V2}/me/")["results"][0]["id"]
    # To give to somebody takes seeing them: members see members, and not their administrators.
    member.post(f"{V2}/users/{boss}/roles/", {"id": pk}, 403)
    org_admin.post(f"{V2}/organizations/1/users/", {"id": boss}, 204)
    member.post(f"{V2}/users/{boss}/roles/", {"id": pk}, 204)
    other = role_id(api, world["job_templates"], "read_role")
    member.post(f"{V2}/roles/{other}/users/", {"id": boss}, 403)


def test_nobody_becomes_more_by_giving_a_role(
    api: Api, world: dict[str, str], plain: Api, org_admin: Api, auditor: Api
) -> None:
    me = plain.get(f"{V2}/me/")["results"][0]["id"]
    system = {r["name"]: r["id"] for r in plain.get(f"{V2}/roles/")["results"]}
    assert set(system) == {"System Administrator", "System Auditor"}
    for asker in (plain, org_admin):
        for pk in system.values():
            asker.post(f"{V2}/users/{me}/roles/", {"id": pk}, 403)
    # Whoever administers an organization would administer its members: not whom they do not
    # stand above already.
    seer = auditor.get(f"{V2}/me/")["results"][0]["id"]
    org_admin.post(f"{V2}/organizations/1/users/", {"id": seer}, 403)
    org_admin.post(f"{V2}/organizations/1/users/", {"id": 1}, 403)
    org_admin.post(f"{V2}/organizations/1/users/", {"id": me}, 204)


def test_one_who_holds_more_elsewhere_is_not_taken_in(
    api: Api, world: dict[str, str], plain: Api, other_admin: Api
) -> None:
    from gantry.resources.models import Organization

    give(api, "plain", world["inventories"], "admin_role")
    me = plain.get(f"{V2}/me/")["results"][0]["id"]
    there = Organization.objects.get(name="Other").pk
    other_admin.post(f"{V2}/organizations/{there}/users/", {"id": me}, 403)


def test_what_a_list_of_given_roles_takes(api: Api, world: dict[str, str]) -> None:
    for noun in ("users", "teams"):
        told = api.options(f"{world[noun]}roles/")["actions"]["POST"]
        assert {name: field["type"] for name, field in told.items()} == {
            "id": "integer", "disassociate": "integer",
        }  # fmt: skip
    assert api.post(f"{world['users']}roles/", {}, 400) == {"msg": "Role 'id' field is missing."}
    assert "does not exist" in str(api.post(f"{world['users']}roles/", {"id": 10**6}, 400))


def test_system_roles_are_the_users_flags(api: Api, plain: Api) -> None:
    me = plain.get(f"{V2}/me/")["results"][0]
    rows = api.get(f"{V2}/roles/?role_field=system_auditor")["results"]
    api.post(f"{V2}/roles/{rows[0]['id']}/users/", {"id": me["id"]}, 204)
    assert plain.get(me["url"])["is_system_auditor"] is True
    assert [r["name"] for r in plain.get(me["related"]["roles"])["results"]] == ["System Auditor"]
    api.post(me["related"]["roles"], {"id": rows[0]["id"], "disassociate": True}, 204)
    assert plain.get(me["url"])["is_system_auditor"] is False
    first = api.get(f"{V2}/roles/?role_field=system_administrator")["results"][0]["id"]
    api.post(f"{V2}/users/1/roles/", {"id": first, "disassociate": True}, 403)


def test_credentials_stay_in_their_organization(
    api: Api, world: dict[str, str], plain: Api, member: Api
) -> None:
    assert give(api, "plain", world["credentials"], "use_role", 400) == {
        "msg": "You cannot grant credential access to a user not in the credentials' organization"
    }
    give(api, "member", world["credentials"], "use_role")
    kind = api.get(world["credentials"])["credential_type"]
    body = {"name": "own", "credential_type": kind}
    me = plain.get(f"{V2}/me/")["results"][0]["id"]
    own = plain.post(f"{V2}/credentials/", {**body, "user": me})
    assert [o["name"] for o in own["summary_fields"]["owners"]] == ["plain"]
    assert own["summary_fields"]["user_capabilities"]["delete"] is True
    them = member.get(f"{V2}/me/")["results"][0]["id"]
    use = own["summary_fields"]["object_roles"]["use_role"]["id"]
    assert plain.post(f"{V2}/roles/{use}/users/", {"id": them}, 400) == {
        "msg": "You cannot grant private credential access to another user"
    }


def test_whoever_makes_something_administers_it(
    api: Api, world: dict[str, str], plain: Api
) -> None:
    give(api, "plain", world["organizations"], "inventory_admin_role")
    made = plain.post(f"{V2}/inventories/", {"name": "new", "organization": 1})
    me = plain.get(f"{V2}/me/")["results"][0]
    give_url = me["related"]["roles"]
    role = role_id(api, world["organizations"], "inventory_admin_role")
    # Who administers all inventories needs no role on this one.
    assert {r["id"] for r in api.get(give_url)["results"]} == {role}
    for noun in ("projects", "inventories"):
        give(api, "plain", world[noun], "use_role")
    body = {"name": "t", "project": _pk(world["projects"]), "playbook": "site.yml",
            "inventory": made["id"]}  # fmt: skip
    template = plain.post(f"{V2}/job_templates/", body)
    assert template["summary_fields"]["user_capabilities"]["edit"] is True
    admin = template["summary_fields"]["object_roles"]["admin_role"]["id"]
    assert admin in {r["id"] for r in api.get(give_url)["results"]}
    plain.delete(template["url"])
    api.get(f"{V2}/roles/{admin}/", 404)  # gone with its object


def test_a_template_names_only_what_its_maker_may_use(
    api: Api, world: dict[str, str], plain: Api
) -> None:
    body = {"name": "t", "playbook": "site.yml", "project": _pk(world["projects"]),
            "inventory": _pk(world["inventories"])}  # fmt: skip
    give(api, "plain", world["projects"], "use_role")
    plain.post(f"{V2}/job_templates/", body, 403)
    give(api, "plain", world["inventories"], "read_role")
    plain.post(f"{V2}/job_templates/", body, 403)
    give(api, "plain", world["inventories"], "use_role")
    plain.post(f"{V2}/job_templates/", body)


def test_a_templates_administrator_turns_it_to_no_other_ends(
    api: Api, world: dict[str, str], plain: Api
) -> None:
    give(api, "plain", world["job_templates"], "admin_role")
    url = world["job_templates"]
    assert plain.patch(url, {"forks": 7, "description": "x"})["forks"] == 7
    plain.patch(url, {"become_enabled": True}, 403)
    plain.patch(url, {"become_enabled": False})  # no change
    for noun in ("projects", "inventories"):
        give(api, "plain", world[noun], "use_role")
    assert plain.patch(url, {"become_enabled": True})["become_enabled"] is True


def test_role_level_narrows_a_list(api: Api, world: dict[str, str], plain: Api) -> None:
    give(api, "plain", world["job_templates"], "read_role")
    level = f"{V2}/job_templates/?role_level="
    assert plain.get(f"{level}read_role")["count"] == 1
    assert plain.get(f"{level}execute_role")["count"] == 0
    assert api.get(f"{level}admin_role")["count"] == 1
    assert plain.get(f"{V2}/unified_job_templates/?role_level=read_role")["count"] == 1
    assert "does not use roles" in plain.get(f"{level}use_role", 400)["detail"]


def test_parents_and_children(api: Api, world: dict[str, str]) -> None:
    def around(url: str, name: str, side: str) -> set[tuple[str, str]]:
        rows = api.get(f"{V2}/roles/{role_id(api, url, name)}/{side}/?page_size=200")["results"]
        return {(r["name"], r["summary_fields"].get("resource_type", "")) for r in rows}

    assert around(world["job_templates"], "execute_role", "parents") == {
        ("Admin", "job_template"), ("Execute", "organization"),
    }  # fmt: skip
    assert ("Execute", "job_template") in around(world["organizations"], "execute_role", "children")
    assert around(world["organizations"], "admin_role", "parents") == {("System Administrator", "")}


def test_who_has_access_and_by_which_role(
    api: Api, world: dict[str, str], plain: Api, member: Api, org_admin: Api, auditor: Api
) -> None:
    url = world["job_templates"]
    give(api, "plain", url, "execute_role")
    rows = {u["username"]: u for u in api.get(f"{url}access_list/")["results"]}
    assert set(rows) == {"admin", "auditor", "boss", "plain"}
    direct = rows["plain"]["summary_fields"]["direct_access"]
    assert [(d["role"]["name"], d["descendant_roles"]) for d in direct] == [
        ("Execute", ["execute_role", "read_role"])
    ]
    assert direct[0]["role"]["related"] == {"job_template": url}
    assert direct[0]["role"]["user_capabilities"] == {"unattach": True}
    indirect = rows["boss"]["summary_fields"]["indirect_access"][0]
    assert indirect["role"]["resource_type"] == "organization"
    assert indirect["descendant_roles"] == ["admin_role", "execute_role", "read_role"]
    assert rows["auditor"]["summary_fields"]["indirect_access"][0]["role"]["id"] is None
    member.get(f"{url}access_list/", 403)


def test_lists_of_roles_cost_the_same_however_long(api: Api, world: dict[str, str]) -> None:
    from gantry.resources.models import Organization

    def cost(url: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            api.get(url)
        return len(queries)

    urls = [f"{V2}/roles/?page_size=200", f"{V2}/organizations/", f"{V2}/teams/",
            f"{V2}/organizations/1/access_list/", f"{V2}/credentials/"]  # fmt: skip
    api.get(f"{V2}/me/")  # what only a first request costs
    before = [cost(url) for url in urls]
    organization = Organization.objects.get(name="Default")
    for n in range(5):
        user = make_user(f"u{n}")
        organization.users.add(user)
        Organization.objects.create(name=f"o{n}").admins.add(user)
        api.post(f"{V2}/teams/", {"name": f"t{n}", "organization": organization.pk})
        api.post(
            f"{V2}/credentials/",
            {"name": f"c{n}", "credential_type": 1, "organization": organization.pk},
        )
    assert [cost(url) for url in urls] == before


def test_lists_cost_the_same_for_whoever_may_a_part_of_it(api: Api, plain: Api) -> None:
    """What a row lets a person do is answered without reading further rows for it."""
    from gantry.resources.models import Organization, User
    from gantry.resources.roles import role_on

    user = User.objects.get(username="plain")

    def cost(noun: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert plain.get(f"{V2}/{noun}/?page_size=200")["count"]
        return len(queries)

    def more(count: int, prefix: str) -> None:
        many(count, prefix)
        for row in Organization.objects.filter(name__startswith=prefix):
            for name in ("auditor_role", "execute_role", "project_admin_role",
                         "inventory_admin_role", "credential_admin_role"):  # fmt: skip
                role_on(row, name).members.add(user)

    more(2, "few ")
    plain.get(f"{V2}/me/")
    few = {noun: cost(noun) for noun in LISTS}
    more(9, "more ")
    assert {noun: cost(noun) for noun in LISTS} == few


def _pk(url: str) -> int:
    return int(url.rstrip("/").rsplit("/", 1)[1])
