"""/api/v2/activity_stream/: who changed what, for whom it is, without secrets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from tests.api.conftest import Api, make_user
from tests.api.world import SECRET, build

STREAM = "/api/v2/activity_stream/"


def entries(api: Api, query: str = "", path: str = STREAM) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = api.get(f"{path}?page_size=200&order_by=id&{query}")["results"]
    return rows


def test_the_life_of_an_object(api: Api) -> None:
    made = api.post("/api/v2/inventories/", {"name": "i", "organization": 1, "variables": "a: 1"})
    url = f"/api/v2/inventories/{made['id']}/"
    api.patch(url, {"name": "j"})
    api.patch(url, {"name": "j"})
    create, update = entries(api, "object1=inventory")
    assert create["operation"] == "create"
    assert create["changes"]["name"] == "i"
    assert create["changes"]["organization"] == "Default-1"
    assert create["changes"]["id"] == made["id"]
    assert update["changes"] == {"name": ["i", "j"]}
    assert update["summary_fields"]["actor"]["username"] == "admin"
    assert update["related"] == {"actor": "/api/v2/users/1/", "inventory": [url]}
    assert update["summary_fields"]["inventory"][0]["name"] == "j"
    assert update["summary_fields"]["inventory"][0]["total_hosts"] == 0
    assert update["object2"] == update["object_association"] == update["object_type"] == ""
    assert update["action_node"]
    api.delete(url)
    gone = entries(api, "operation=delete")[0]
    assert gone["changes"]["name"] == "j"
    # As in AWX, nothing leads to what is gone.
    assert [e["related"] for e in entries(api, "object1=inventory")] == [
        {"actor": "/api/v2/users/1/"}
    ] * 3
    assert api.get(f"{STREAM}{gone['id']}/") == gone
    for method in ("post", "put", "patch", "delete"):
        assert api.call(method, f"{STREAM}{gone['id']}/", {}).status_code == 405


def test_roles_and_relations(api: Api, inventory: dict[str, Any]) -> None:
    ann = make_user("ann")
    team = api.post("/api/v2/teams/", {"name": "t", "organization": 1})["id"]
    role = inventory["summary_fields"]["object_roles"]["use_role"]["id"]
    api.post(f"/api/v2/roles/{role}/users/", {"id": ann.pk}, status=204)
    api.post(f"/api/v2/users/{ann.pk}/roles/", {"id": role, "disassociate": True}, status=204)
    api.post(f"/api/v2/roles/{role}/teams/", {"id": team}, status=204)
    given, taken, to_team = entries(api, "object2__in=user,team,inventory")
    assert (given["operation"], given["object1"], given["object2"]) == (
        "associate", "inventory", "user",
    )  # fmt: skip
    assert (given["object_association"], given["object_type"]) == ("role", "inventory")
    assert given["summary_fields"]["role"] == [{"id": role, "role_field": "use_role"}]
    assert given["related"]["role"] == [f"/api/v2/roles/{role}/"]
    assert given["summary_fields"]["user"][0]["username"] == "ann"
    assert (taken["operation"], taken["object1"]) == ("disassociate", "inventory")
    assert to_team["summary_fields"]["team"][0]["name"] == "t"
    assert {k: given["changes"][k] for k in ("object1_pk", "object2_pk", "action")} == {
        "object1_pk": inventory["id"], "object2_pk": ann.pk, "action": "associate",
    }  # fmt: skip
    group = api.post("/api/v2/groups/", {"name": "g", "inventory": inventory["id"]})["id"]
    api.post(f"/api/v2/groups/{group}/hosts/", {"name": "h"})
    related = entries(api, "object2=host")[0]
    assert (related["object1"], related["object_association"]) == ("group", "hosts")
    assert related["object_type"] == ""


def test_no_secret_gets_in(api: Api) -> None:
    from django.db import connection

    ids = build()
    card = f"/api/v2/credentials/{ids['credentials']}/"
    api.patch(card, {"inputs": {"username": "root", "password": SECRET + "2"}})
    survey = api.get(f"/api/v2/job_templates/{ids['job_templates']}/survey_spec/")
    survey["spec"][0]["default"] = SECRET + "3"
    api.post(f"/api/v2/job_templates/{ids['job_templates']}/survey_spec/", survey, status=200)
    api.patch(f"/api/v2/job_templates/{ids['job_templates']}/", {"host_config_key": SECRET})
    api.patch(f"/api/v2/users/{ids['users']}/", {"password": SECRET + "4"})
    token = api.post("/api/v2/tokens/", {"scope": "read"})["token"]
    application = api.post("/api/v2/applications/", {
        "name": "a", "organization": 1, "client_type": "confidential",
        "authorization_grant_type": "password"})  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(a)::text FROM resources_activitystream a")
        rows = [text for (text,) in cursor.fetchall()]
    operations = {(r["object1"], r["operation"]) for r in map(json.loads, rows)}
    assert {("credential", "update"), ("job_template", "update"), ("user", "update"),
            ("o_auth2_access_token", "create"), ("job", "create")} <= operations  # fmt: skip
    for secret in (SECRET, token, application["client_secret"], "$v1$", "pbkdf2", "scrypt"):
        assert not [row for row in rows if secret in row], secret
    changed = entries(api, "object1=credential&operation=update")[-1]["changes"]
    assert changed == {"inputs": ["hidden", "hidden"]}
    assert entries(api, "object1=o_auth2_access_token")[-1]["changes"]["token"] == "************"


def test_a_launch_is_told_once_with_what_it_was_given(api: Api) -> None:
    from gantry.resources.models import Job

    ids = build()
    label = api.get(f"/api/v2/labels/{ids['labels']}/")["name"]
    url = f"/api/v2/job_templates/{ids['job_templates']}/launch/"
    job = api.post(url, {"extra_vars": {"secret": SECRET}})["id"]
    row = Job.objects.get(pk=job)
    row.status, row.stage = "successful", "done"
    row.save()
    api.post(f"/api/v2/jobs/{job}/cancel/", status=405)
    (entry,) = entries(api, path=f"/api/v2/jobs/{job}/activity_stream/")
    assert (entry["operation"], entry["changes"]["name"]) == ("create", "template")
    assert entry["changes"]["credentials"] == [f"machine ({ids['credentials']})"]
    assert entry["changes"]["labels"] in ([], [label])
    assert json.loads(entry["changes"]["extra_vars"]) == {"secret": "$encrypted$"}
    assert entry["summary_fields"]["job_template"][0]["id"] == ids["job_templates"]
    assert entry["summary_fields"]["actor"]["username"] == "admin"


def test_pages_are_recorded_as_the_api_is(api: Api) -> None:
    from gantry.resources.models import User

    client = Client()
    client.force_login(User.objects.get(username="admin"))
    sent = {"policy": "hold"}
    from gantry.resources.models import ExecutionEnvironment

    row = ExecutionEnvironment.objects.get(managed=False, name__contains="latest")
    answer = client.post(f"/environments/{row.pk}/policy/", {**sent, "drift_policy": "hold"})
    assert answer.status_code in (200, 302)
    entry = entries(api, "object1=execution_environment")[-1]
    assert entry["changes"]["drift_policy"] == ["follow", "hold"]
    assert entry["summary_fields"]["actor"]["username"] == "admin"


def test_a_launch_by_a_command_is_its_persons(api: Api) -> None:
    from gantry.path.launch import launch_job
    from gantry.resources.models import JobTemplate, User

    ids = build()
    ann = User.objects.create(username="ann", is_superuser=True)
    template = JobTemplate.objects.get(pk=ids["job_templates"])
    launch_job(template, user=ann, prompts={"extra_vars": {"secret": SECRET}})
    assert entries(api, "object1=job")[-1]["summary_fields"]["actor"]["username"] == "ann"


def test_a_setting(api: Api) -> None:
    api.patch("/api/v2/settings/system/", {"DEFAULT_EXECUTION_ENVIRONMENT": 1})
    entry = entries(api, "object1=setting")[0]
    assert entry["changes"] == {"value": [None, 1]}
    setting = {"name": "DEFAULT_EXECUTION_ENVIRONMENT", "category": "system"}
    assert entry["summary_fields"]["setting"] == [setting]
    assert entry["related"]["setting"] == "/api/v2/settings/system/"
    assert api.get("/api/v2/settings/system/")["ACTIVITY_STREAM_ENABLED"] is True


def test_who_acted_is_known_when_they_are_gone(api: Api, org_admin: Api) -> None:
    from gantry.resources.models import User

    org_admin.post("/api/v2/inventories/", {"name": "i", "organization": 1})
    entry = entries(api, "object1=inventory")[0]
    assert entry["summary_fields"]["actor"]["username"] == "boss"
    api.delete(f"/api/v2/users/{User.objects.get(username='boss').pk}/")
    entry = entries(api, "object1=inventory")[0]
    assert entry["summary_fields"]["actor"] == {
        "id": None, "username": "boss", "first_name": "", "last_name": "",
    }  # fmt: skip
    assert "actor" not in entry["related"]


def test_everybody_sees_what_concerns_what_they_see(
    api: Api, plain: Api, org_admin: Api, other_admin: Api, auditor: Api
) -> None:
    from gantry.resources.models import Inventory, User
    from gantry.resources.roles import role_on

    kept = api.post("/api/v2/inventories/", {"name": "kept", "organization": 1})["id"]
    api.post("/api/v2/hosts/", {"name": "h", "inventory": kept})
    gone = api.post("/api/v2/inventories/", {"name": "gone", "organization": 1})["id"]
    api.delete(f"/api/v2/inventories/{gone}/")
    api.post("/api/v2/labels/", {"name": "l", "organization": 1})
    api.post("/api/v2/credential_types/", {"name": "ct", "kind": "cloud"})
    every = {e["id"] for e in entries(api)}
    assert {e["id"] for e in entries(auditor)} == every

    def seen(who: Api) -> set[str]:
        return {e["object1"] for e in entries(who, "operation=create")}

    assert seen(org_admin) == {"inventory", "host", "label", "user"}
    assert not entries(org_admin, "operation=delete")
    assert seen(other_admin) == {"user", "organization"}
    mine = User.objects.get(username="plain")
    assert {e["summary_fields"]["user"][0]["id"] for e in entries(plain)} == {mine.pk}
    host = entries(api, "object1=host")[0]["id"]
    plain.get(f"{STREAM}{host}/", status=403)
    role_on(Inventory.objects.get(pk=kept), "read_role").members.add(mine)
    assert seen(plain) == {"user", "inventory", "host"}
    assert plain.get(f"{STREAM}{host}/")["object1"] == "host"
    plain.get("/api/v2/organizations/1/activity_stream/", status=403)


def test_one_entry_and_the_whole_table_give_the_same_answer(db: str) -> None:
    from gantry.resources.access import may, visible
    from gantry.resources.models import ActivityStream, Job, JobTemplate, Organization, User
    from gantry.resources.roles import role_on

    ids = build()
    people = {name: make_user(name) for name in ("boss", "audits", "member", "runs", "nobody")}
    organization = Organization.objects.get(name="Default")
    organization.admins.add(people["boss"])
    organization.users.add(people["member"])
    role_on(organization, "auditor_role").members.add(people["audits"])
    template = JobTemplate.objects.get(pk=ids["job_templates"])
    role_on(template, "execute_role").members.add(people["runs"])
    found = {}
    for name in people:
        user = User.objects.get(username=name)
        rows = {e.pk for e in ActivityStream.objects.all() if may(user, "read", e)}
        assert rows == set(visible(user, ActivityStream.objects.all()).values_list("pk", flat=True))
        found[name] = rows
    jobs = set(ActivityStream.objects.filter(object1="job", object1_id=Job.objects.get().pk)
               .values_list("pk", flat=True))  # fmt: skip
    assert jobs <= found["runs"] & found["boss"]
    assert not jobs & found["member"]


@pytest.mark.parametrize("plural", [
    "organizations", "users", "teams", "execution_environments", "projects", "credentials",
    "credential_types", "applications", "tokens", "inventories", "hosts", "groups",
    "job_templates", "jobs",
])  # fmt: skip
def test_objects_have_their_own(api: Api, plural: str) -> None:
    ids = build()
    detail = f"/api/v2/{plural}/{ids[plural]}/"
    if plural == "credential_types":
        detail = api.post("/api/v2/credential_types/", {"name": "x", "kind": "cloud"})["url"]
    link = api.get(detail)["related"]["activity_stream"]
    assert link == f"{detail}activity_stream/"
    told = entries(api, path=link)
    if plural != "organizations":  # made by the seeds
        assert told
    for entry in told:
        assert entry["summary_fields"]


def test_what_concerns_an_inventory_is_its_hosts_and_groups_too(api: Api) -> None:
    ids = build()
    told = entries(api, path=f"/api/v2/inventories/{ids['inventories']}/activity_stream/")
    assert {e["object1"] for e in told} == {
        "inventory",
        "host",
        "group",
    }
    told = entries(api, path="/api/v2/users/1/activity_stream/")
    assert told == []
    api.patch(f"/api/v2/hosts/{ids['hosts']}/", {"enabled": False})
    told = entries(api, path="/api/v2/users/1/activity_stream/")
    assert [e["changes"] for e in told] == [{"enabled": [True, False]}]


def test_a_page_costs_the_same_however_long(api: Api) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    build()

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            api.get(f"{STREAM}?page_size=200")
        return len(queries)

    cost()  # the first login does more
    before = cost()
    for number in range(5):
        made = api.post("/api/v2/inventories/", {"name": f"i{number}", "organization": 1})
        api.post("/api/v2/hosts/", {"name": "h", "inventory": made["id"]})
    assert cost() == before


def test_what_is_searched_and_asked_for(api: Api) -> None:
    api.post("/api/v2/inventories/", {"name": "needle", "organization": 1})
    api.post("/api/v2/inventories/", {"name": "other", "organization": 1})
    assert [e["changes"]["name"] for e in entries(api, "search=needle")] == ["needle"]
    assert len(entries(api, "actor__username=admin")) == 2
    assert entries(api, "actor__username=nobody") == []
    options = api.options(STREAM)
    assert options["search_fields"] == ["changes"]
    assert list(options["actions"]) == ["GET"]
    assert [c[0] for c in options["actions"]["GET"]["operation"]["choices"]] == [
        "create", "update", "delete", "associate", "disassociate",
    ]  # fmt: skip
