"""Role definitions and assignments: AWX's newer names for roles, honoured by the one check."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api, make_user
from tests.api.world import build

DEFINITIONS = "/api/v2/role_definitions/"
TO_USERS = "/api/v2/role_user_assignments/"
TO_TEAMS = "/api/v2/role_team_assignments/"


def definition(api: Api, name: str) -> dict[str, Any]:
    (found,) = api.get(f"{DEFINITIONS}?name={name}")["results"]
    return dict(found)


def make(api: Api, kind: str, *permissions: str, **more: Any) -> dict[str, Any]:
    body = {
        "name": f"{kind} {permissions}",
        "content_type": f"{'shared' if kind in ('organization', 'team') else 'awx'}.{kind}",
        "permissions": list(permissions),
    }
    made: dict[str, Any] = api.post(DEFINITIONS, {**body, **more})
    return made


def verbs(user: Any, row: Any) -> set[str]:
    from gantry.resources.access import may, within
    from gantry.resources.models import User

    asked = ("read", "change", "delete", "use", "update", "adhoc", "start")
    fresh = User.objects.get(pk=user.pk)
    found = {v for v in asked if may(fresh, v, row)}
    table = {v for v in asked if within(fresh, v, type(row).objects.filter(pk=row.pk)).exists()}
    assert found == table
    return found


@pytest.fixture
def ann(db: str) -> Any:
    return make_user("ann")


@pytest.fixture
def ids(db: str) -> dict[str, int]:
    return build()


def test_those_that_awx_has(api: Api, plain: Api) -> None:
    names = {d["name"] for d in plain.get(f"{DEFINITIONS}?page_size=200&managed=true")["results"]}
    assert {
        "Organization Admin", "Organization Member", "Organization Audit", "Team Admin",
        "Team Member", "Inventory Admin", "Inventory Use", "Inventory Adhoc", "Inventory Update",
        "Project Admin", "Project Use", "Project Update", "Credential Admin", "Credential Use",
        "JobTemplate Admin", "JobTemplate Execute", "ExecutionEnvironment Admin",
        "Organization Project Admin", "Organization Inventory Admin",
        "Organization JobTemplate Admin", "Organization ExecutionEnvironment Admin",
    } <= names  # fmt: skip
    use = definition(api, "Inventory Use")
    assert use["permissions"] == ["awx.use_inventory", "awx.view_inventory"]
    assert use["description"] == "Has use permissions to a single inventory"
    assert (use["content_type"], use["managed"]) == ("awx.inventory", True)
    url = use["url"]
    assert api.patch(url, {"description": "x"}, 400) == ["Role is managed by the system"]
    assert api.delete(url, 400) == ["Role is managed by the system"]
    assert plain.get(url) == use
    assert plain.post(DEFINITIONS, {"name": "x"}, status=403)
    plain.delete(url, status=403)


def test_one_is_made_changed_and_deleted(api: Api) -> None:
    made = make(api, "inventory", "awx.view_inventory", name="Looks", description="d")
    assert made["created_by"] == 1
    assert api.get(made["url"])["permissions"] == ["awx.view_inventory"]
    api.patch(made["url"], {"permissions": ["awx.view_inventory", "awx.use_inventory"]})
    assert len(api.get(made["url"])["permissions"]) == 2
    again = {"name": "Looks", "permissions": [], "content_type": "awx.inventory"}
    assert list(api.post(DEFINITIONS, again, status=400)) == ["name"]
    api.delete(made["url"])
    api.get(made["url"], 404)


@pytest.mark.parametrize(("kind", "permissions", "refused"), [
    (None, ["awx.view_inventory"], {"content_type": ["System-wide roles are not enabled"]}),
    ("shared.team", ["shared.view_team"],
     {"__all__": ["Creating custom roles for teams is disabled"]}),
    ("shared.organization", ["shared.view_team"],
     {"__all__": ["Creating custom roles that include team permissions is disabled"]}),
    ("awx.inventory", ["awx.use_project", "awx.view_project"],
     {"permissions": ['Permissions "use_project", "view_project" are not valid for inventory '
                      "roles"]}),
    ("awx.inventory", ["awx.add_inventory"],
     {"permissions": ['Permissions "add_inventory" are not valid for inventory roles']}),
    ("awx.jobtemplate", ["awx.execute_jobtemplate"],
     {"permissions": ["Permissions for model job template needs to include view, got: "
                      "execute_jobtemplate"]}),
    ("awx.nothing", ["awx.view_inventory"],
     {"content_type": ['Invalid pk "awx.nothing" - object does not exist.']}),
    ("awx.inventory", ["awx.fly_inventory"],
     {"permissions": {"0": ['Invalid pk "awx.fly_inventory" - object does not exist.']}}),
    ("awx.inventory", [7],
     {"permissions": {"0": ["Incorrect type. Expected pk value, received int."]}}),
])  # fmt: skip
def test_what_is_no_definition(api: Api, kind: Any, permissions: Any, refused: Any) -> None:
    body = {"name": "x", "content_type": kind, "permissions": permissions}
    assert api.post(DEFINITIONS, body, status=400) == refused


@pytest.mark.parametrize(("kind", "permissions", "may"), [
    ("inventory", "view", {"read"}),
    ("inventory", "view use", {"read", "use"}),
    ("inventory", "view adhoc", {"read", "adhoc"}),
    ("inventory", "view change", {"read", "change"}),
    ("inventory", "view delete", {"read", "delete"}),
    ("project", "view update", {"read", "update", "start"}),
    ("credential", "view use", {"read", "use"}),
    ("jobtemplate", "view execute", {"read", "start"}),
    ("executionenvironment", "change", {"read", "change", "use"}),
])  # fmt: skip
def test_each_permission_gives_what_it_says(
    api: Api, ids: dict[str, int], ann: Any, kind: str, permissions: str, may: Any
) -> None:
    from gantry.api.names import NAMES
    from gantry.resources.models import Organization

    model, plural = next((m, p) for m, (_, p) in NAMES.items() if m.__name__.lower() == kind)
    row = model._default_manager.get(pk=ids[plural])
    if kind == "credential":  # given to nobody outside its organization
        Organization.objects.get(name="Default").users.add(ann)
    made = make(api, kind, *(f"awx.{p}_{kind}" for p in permissions.split()))
    assert verbs(ann, row) == set()
    body = {"role_definition": made["id"], "user": ann.pk, "object_id": row.pk}
    given = api.post(TO_USERS, body)
    assert verbs(ann, row) == may
    api.delete(given["url"])
    assert verbs(ann, row) == set()


@pytest.mark.parametrize(("permissions", "plural", "may"), [
    ("awx.use_inventory awx.view_inventory", "inventories", {"read", "use"}),
    ("awx.delete_project awx.view_project", "projects", {"read", "delete"}),
    ("awx.view_jobtemplate awx.execute_jobtemplate", "job_templates", {"read", "start"}),
    ("awx.change_executionenvironment", "execution_environments", {"read", "change", "use"}),
    ("awx.add_inventory", "inventories", set()),
])  # fmt: skip
def test_one_on_an_organization_is_for_all_it_owns(
    api: Api, ids: dict[str, int], ann: Any, permissions: str, plural: str, may: set[str]
) -> None:
    from gantry.api.names import NAMES

    model = next(m for m, (_, p) in NAMES.items() if p == plural)
    made = make(api, "organization", *permissions.split(), "shared.view_organization")
    body = {"role_definition": made["id"], "user": ann.pk, "object_id": ids["organizations"]}
    api.post(TO_USERS, body)
    assert verbs(ann, model._default_manager.get(pk=ids[plural])) == may
    their = Api("ann", "pw")
    body = {"name": "new", "organization": ids["organizations"]}
    their.post("/api/v2/inventories/", body, 201 if "add_inventory" in permissions else 403)
    their.patch(f"/api/v2/organizations/{ids['organizations']}/", {"description": "x"}, 403)


def test_a_change_of_a_definition_changes_what_its_holders_may(
    api: Api, ids: dict[str, int], ann: Any
) -> None:
    from gantry.resources.models import Inventory

    row = Inventory.objects.get(pk=ids["inventories"])
    made = make(api, "inventory", "awx.view_inventory")
    api.post(TO_USERS, {"role_definition": made["id"], "user": ann.pk, "object_id": row.pk})
    api.patch(made["url"], {"permissions": ["awx.view_inventory", "awx.use_inventory"]})
    assert verbs(ann, row) == {"read", "use"}
    api.delete(made["url"])
    assert verbs(ann, row) == set()
    assert api.get(TO_USERS + f"?user={ann.pk}")["count"] == 0


def test_an_assignment_and_a_role_are_one(api: Api, ids: dict[str, int], ann: Any) -> None:
    inventory = ids["inventories"]
    use = definition(api, "Inventory Use")
    body = {"role_definition": use["id"], "user": ann.pk, "object_id": str(inventory)}
    given = api.post(TO_USERS, body)
    assert api.post(TO_USERS, body)["id"] == given["id"]
    assert given["content_type"] == "awx.inventory"
    assert (given["object_id"], given["user"], given["role_definition"]) == (
        str(inventory), ann.pk, use["id"],
    )  # fmt: skip
    assert given["created_by"] == 1
    assert given["related"]["content_object"] == f"/api/v2/inventories/{inventory}/"
    assert given["summary_fields"]["role_definition"]["name"] == "Inventory Use"
    assert given["summary_fields"]["user"]["username"] == "ann"
    roles = api.get(f"/api/v2/users/{ann.pk}/roles/")["results"]
    assert [r["name"] for r in roles] == ["Use"]
    api.post(f"/api/v2/users/{ann.pk}/roles/", {"id": roles[0]["id"], "disassociate": True}, 204)
    api.get(given["url"], 404)
    objects = api.get(f"/api/v2/inventories/{inventory}/")["summary_fields"]["object_roles"]
    api.post(f"/api/v2/users/{ann.pk}/roles/", {"id": objects["read_role"]["id"]}, 204)
    (shown,) = api.get(f"{TO_USERS}?user={ann.pk}")["results"]
    assert shown["summary_fields"]["role_definition"]["name"] == "Inventory Read Compat"


def test_how_they_are_asked_for(api: Api, ids: dict[str, int], ann: Any) -> None:
    use = definition(api, "Inventory Use")["id"]
    body = {"role_definition": use, "user": ann.pk, "object_id": ids["inventories"]}
    given = api.post(TO_USERS, body)["id"]

    def found(query: str) -> list[int]:
        return [r["id"] for r in api.get(f"{TO_USERS}?{query}")["results"]]

    here = f"role_definition={use}&user={ann.pk}&object_id={ids['inventories']}"
    assert found(here) == [given]
    assert found(f"role_definition__name=Inventory Use&user__id={ann.pk}") == [given]
    assert found("user__username=ann&content_type__model=inventory") == [given]
    assert found(f"user={ann.pk}&object_id=0") == []
    assert found(f"user={ann.pk}&role_definition=x") == []
    below = api.get(f"{DEFINITIONS}{use}/user_assignments/")
    assert [r["id"] for r in below["results"]] == [given]
    assert api.get(f"{DEFINITIONS}{use}/team_assignments/")["count"] == 0


def test_a_team(api: Api, ids: dict[str, int], ann: Any) -> None:
    from gantry.resources.models import Inventory, Team

    row, team = Inventory.objects.get(pk=ids["inventories"]), Team.objects.get(pk=ids["teams"])
    team.users.add(ann)
    made = make(api, "inventory", "awx.view_inventory", "awx.adhoc_inventory")
    body = {"role_definition": made["id"], "team": team.pk, "object_id": row.pk}
    given = api.post(TO_TEAMS, body)
    assert given["summary_fields"]["team"] == {"id": team.pk, "name": "team"}
    assert verbs(ann, row) == {"read", "adhoc"}
    for name, words in (
        ("Organization Member", "Assigning organization member permission to teams is not allowed"),
        ("Organization Admin", "Assigning organization member permission to teams is not allowed"),
    ):
        body = {"role_definition": definition(api, name)["id"], "team": team.pk,
                "object_id": ids["organizations"]}  # fmt: skip
        assert api.post(TO_TEAMS, body, status=400) == {"__all__": [words]}
    api.delete(given["url"])
    assert verbs(ann, row) == {"read"}  # which the world gave it


def test_what_is_no_assignment(api: Api, ids: dict[str, int], ann: Any) -> None:
    use = definition(api, "Inventory Use")["id"]
    either = ["Provide exactly one of user or user_ansible_id"]
    assert api.post(TO_USERS, {"role_definition": use, "object_id": 1}, status=400) == {
        "user": either, "user_ansible_id": either,
    }  # fmt: skip
    body = {"role_definition": use, "user": ann.pk}
    assert api.post(TO_USERS, body, status=400) == {
        "object_id": ["Object must be specified for this role assignment"]
    }
    assert api.post(TO_USERS, {**body, "object_id": 9999}, status=400) == {
        "object_id": ['Invalid pk "9999" - object does not exist.']
    }
    for wrong in ("x", "-1", "1" * 30, [1], {"a": 1}, True):
        api.post(TO_USERS, {**body, "object_id": wrong}, status=400)
    workflows = definition(api, "NotificationTemplate Admin")["id"]
    api.post(TO_USERS, {**body, "role_definition": workflows, "object_id": 9999}, status=400)
    made = api.post(TO_USERS, {**body, "object_id": ids["inventories"]})
    api.patch(made["url"], {}, 405)


def test_who_may_give_and_see_them(
    api: Api, ids: dict[str, int], ann: Any, org_admin: Api, other_admin: Api, member: Api
) -> None:
    use = definition(api, "Inventory Use")["id"]
    body = {"role_definition": use, "user": ann.pk, "object_id": ids["inventories"]}
    # What one does not see is not there; what one sees and does not administer is forbidden.
    other_admin.post(TO_USERS, body, status=400)
    their = Api("ann", "pw")
    their.post(TO_USERS, body, status=400)
    given = org_admin.post(TO_USERS, body)
    assert their.get(f"{TO_USERS}?user={ann.pk}")["count"] == 1
    their.post(TO_USERS, {**body, "user": ann.pk, "role_definition":
                          definition(api, "Inventory Admin")["id"]}, status=403)  # fmt: skip
    their.delete(given["url"], 403)
    assert other_admin.get(f"{TO_USERS}?user={ann.pk}")["count"] == 0
    other_admin.get(given["url"], 403)
    org_admin.delete(given["url"])
    card = definition(api, "Credential Use")["id"]
    body = {"role_definition": card, "user": ann.pk, "object_id": ids["credentials"]}
    assert "not in the credentials' organization" in str(org_admin.post(TO_USERS, body, status=400))


def test_they_go_with_their_object_and_are_recorded(
    api: Api, ids: dict[str, int], ann: Any
) -> None:
    made = make(api, "executionenvironment", "awx.change_executionenvironment", name="Keeper")
    body = {"role_definition": made["id"], "user": ann.pk,
            "object_id": ids["execution_environments"]}  # fmt: skip
    given = api.post(TO_USERS, body)
    (entry,) = api.get("/api/v2/activity_stream/?operation=associate&object2=user")["results"]
    assert entry["object1"] == "execution_environment"
    assert entry["summary_fields"]["user"][0]["username"] == "ann"
    assert (entry["object_association"], entry["object_type"]) == ("role", "execution_environment")
    api.delete(f"/api/v2/execution_environments/{ids['execution_environments']}/")
    api.get(given["url"], 404)


def test_access_list_names_the_definition(api: Api, ids: dict[str, int], ann: Any) -> None:
    made = make(api, "inventory", "awx.view_inventory", "awx.use_inventory", name="Borrows")
    body = {"role_definition": made["id"], "user": ann.pk, "object_id": ids["inventories"]}
    api.post(TO_USERS, body)
    people = api.get(f"/api/v2/inventories/{ids['inventories']}/access_list/")["results"]
    (mine,) = [p for p in people if p["username"] == "ann"]
    (direct,) = mine["summary_fields"]["direct_access"]
    assert direct["role"]["name"] == "Borrows"
    assert set(direct["descendant_roles"]) == {"read_role", "use_role"}
    assert api.get(f"/api/v2/inventories/{ids['inventories']}/object_roles/")["count"] == 5


def test_metadata_says_what_may_be_in_one(plain: Api) -> None:
    allowed = plain.get("/api/v2/role_metadata/")["allowed_permissions"]
    assert "awx.add_inventory" in allowed["shared.organization"]
    assert "awx.add_inventory" not in allowed["awx.inventory"]
    assert "system" not in allowed


def test_a_list_costs_the_same_however_long(api: Api, ids: dict[str, int]) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    use = definition(api, "Inventory Use")["id"]

    def give(name: str) -> int:
        who = make_user(name).pk
        body = {"role_definition": use, "user": who, "object_id": ids["inventories"]}
        api.post(TO_USERS, body)
        with CaptureQueriesContext(connection) as queries:
            api.get(TO_USERS)
        return len(queries)

    assert give("a") == give("b") == give("c")
