"""/api/v2/instance_groups/, and the groups of organizations, inventories and templates."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api, make_user
from tests.api.world import build, type_id
from tests.control.test_places import seated

GROUPS = "/api/v2/instance_groups/"


def members(api: Api, group: int) -> list[str]:
    return [row["hostname"] for row in api.get(f"{GROUPS}{group}/instances/")["results"]]


def test_both_groups_are_there_and_stay(api: Api) -> None:
    node = seated(forks=8)
    listed = api.get(GROUPS)["results"]
    assert [g["name"] for g in listed] == ["controlplane", "default"]
    for group in listed:
        assert (group["policy_instance_percentage"], group["instances"]) == (100, 1)
        assert (group["capacity"], group["percent_capacity_remaining"]) == (8, 100.0)
        assert group["summary_fields"]["user_capabilities"] == {"edit": True, "delete": False}
        assert members(api, group["id"]) == [node.node]
        api.delete(group["url"], status=403)
        name = group["name"]
        assert api.patch(group["url"], {"name": "x"}, status=400) == {
            "name": [f"{name} instance group name may not be changed."]
        }
        assert "policy_instance_percentage" in api.patch(
            group["url"], {"policy_instance_percentage": 50}, status=400
        )
        assert "policy_instance_list" in api.patch(
            group["url"], {"policy_instance_list": [node.node]}, status=400
        )
        api.patch(group["url"], {"max_forks": 100, "max_concurrent_jobs": 5})


def test_instances_come_by_policy_and_by_hand(api: Api) -> None:
    one, two = seated(), seated()
    half = api.post(GROUPS, {"name": "half", "policy_instance_percentage": 50})
    assert half["instances"] == 1
    by_name = api.post(GROUPS, {"name": "named", "policy_instance_list": [two.node]})
    assert members(api, by_name["id"]) == [two.node]
    url = f"{by_name['url']}instances/"
    api.post(url, {"id": 1}, status=204)
    assert api.get(by_name["url"])["policy_instance_list"] == [two.node, one.node]
    api.post(url, {"id": 2, "disassociate": True}, status=204)
    assert members(api, by_name["id"]) == [one.node]
    api.post("/api/v2/instances/2/instance_groups/", {"id": by_name["id"]}, status=204)
    assert members(api, by_name["id"]) == [one.node, two.node]
    assert api.post(url, {}, status=400) == {"msg": "Instance 'id' field is missing."}
    refused = api.post(f"{GROUPS}1/instances/", {"id": 1, "disassociate": True}, status=400)
    assert refused == {"msg": f"Cannot disassociate hybrid node {one.node} from controlplane."}


@pytest.mark.parametrize(
    ("body", "field", "sentence"),
    [
        ({}, "name", "This field is required."),
        ({"name": "default"}, "name", "Instance group with this Name already exists."),
        (
            {"name": "g", "policy_instance_list": ["no"]},
            "policy_instance_list",
            "no is not a valid hostname of an existing instance.",
        ),
        (
            {"name": "g", "max_forks": -1},
            "max_forks",
            "Ensure this value is greater than or equal to 0.",
        ),
        (
            {"name": "g", "max_forks": 2**40},
            "max_forks",
            "Ensure this value is less than or equal to 2147483647.",
        ),
    ],
)
def test_what_is_refused(api: Api, body: dict[str, Any], field: str, sentence: str) -> None:
    assert api.post(GROUPS, body, status=400) == {field: [sentence]}


def test_a_container_group_has_a_cluster_and_no_instances(api: Api) -> None:
    seated()
    token = api.post("/api/v2/credentials/", {
        "name": "cluster", "credential_type": type_id("kubernetes_bearer_token"),
        "organization": 1, "inputs": {"host": "https://k8s", "bearer_token": "t"},
    })  # fmt: skip
    ssh = api.post("/api/v2/credentials/", {
        "name": "ssh", "credential_type": type_id("ssh"), "organization": 1,
    })  # fmt: skip
    assert api.post(GROUPS, {"name": "c", "credential": token["id"]}, status=400) == {
        "is_container_group": [
            "is_container_group must be True when associating a credential to an Instance Group"
        ]
    }
    body = {"name": "c", "is_container_group": True, "max_forks": 10}
    assert api.post(GROUPS, {**body, "credential": ssh["id"]}, status=400) == {
        "credential": ["Only Kubernetes credentials can be associated with an Instance Group"]
    }
    made = api.post(GROUPS, {**body, "credential": token["id"], "policy_instance_percentage": 100})
    assert (made["capacity"], made["instances"], made["policy_instance_percentage"]) == (10, 0, 0)
    assert made["summary_fields"]["credential"]["kubernetes"] is True
    assert made["related"]["credential"] == f"/api/v2/credentials/{token['id']}/"
    assert api.patch(made["url"], {"policy_instance_minimum": 1}, status=400) == {
        "policy_instance_minimum": ["Containerized instances may not be managed via the API"]
    }
    api.delete(made["url"])


def test_a_group_in_use_is_not_deleted(api: Api) -> None:
    from gantry.resources.models import Job

    group = api.post(GROUPS, {"name": "g"})
    job = Job.objects.create(kind="job", status="running", instance_group_id=group["id"])
    refused = api.delete(group["url"], status=409)
    assert refused["active_jobs"] == [{"id": job.pk, "type": "job"}]
    assert [j["id"] for j in api.get(f"{group['url']}jobs/")["results"]] == [job.pk]
    shown = api.get(group["url"])
    assert (shown["jobs_running"], shown["jobs_total"]) == (1, 1)
    Job.objects.update(status="successful")
    api.delete(group["url"])
    assert api.get(f"/api/v2/jobs/{job.pk}/")["instance_group"] is None


@pytest.mark.parametrize("parent", ["organizations", "inventories", "job_templates"])
def test_groups_are_kept_in_the_order_of_attaching(api: Api, parent: str) -> None:
    row = f"/api/v2/{parent}/{build()[parent]}/"
    ids = [api.post(GROUPS, {"name": name})["id"] for name in ("z", "a", "m")]
    url = api.get(row)["related"]["instance_groups"]
    for pk in (ids[2], ids[0], ids[1], ids[2]):
        api.post(url, {"id": pk}, status=204)
    assert [g["name"] for g in api.get(url)["results"]] == ["m", "z", "a"]
    api.post(url, {"id": ids[2], "disassociate": True}, status=204)
    api.post(url, {"id": ids[2]}, status=204)
    assert [g["name"] for g in api.get(url)["results"]] == ["z", "a", "m"]
    assert [g["name"] for g in api.get(f"{url}?order_by=name")["results"]] == ["a", "m", "z"]
    assert api.post(url, {"name": "new"}, status=400) == {
        "msg": "Instance Group 'id' field is missing."
    }


def test_to_attach_takes_the_use_of_the_group_and_the_admin_of_the_row(api: Api) -> None:
    from gantry.resources.models import InstanceGroup, JobTemplate
    from gantry.resources.roles import role_on

    template = JobTemplate.objects.get(pk=build()["job_templates"])
    group = InstanceGroup.objects.get(name="theirs")
    url = f"/api/v2/job_templates/{template.pk}/instance_groups/"
    eve = make_user("eve")
    role_on(template, "admin_role").members.add(eve)
    role_on(group, "read_role").members.add(eve)
    client = Api("eve", "pw")
    assert client.call("post", url, {"id": group.pk}).status_code == 403
    role_on(group, "use_role").members.add(eve)
    client.post(url, {"id": group.pk}, status=204)
    role_on(group, "use_role").members.remove(eve)
    assert client.call("post", url, {"id": group.pk, "disassociate": True}).status_code == 403
    # Everybody sees where a template that they see runs.
    role_on(group, "read_role").members.remove(eve)
    assert client.get(url)["count"] == 1


def test_who_administers_a_group_changes_it_and_only_superusers_make_one(api: Api) -> None:
    from gantry.resources.models import InstanceGroup
    from gantry.resources.roles import role_on

    group = InstanceGroup.objects.create(name="g")
    role_on(group, "admin_role").members.add(make_user("eve"))
    eve = Api("eve", "pw")
    assert eve.call("post", GROUPS, {"name": "x"}).status_code == 403
    assert eve.patch(f"{GROUPS}{group.pk}/", {"max_forks": 7})["max_forks"] == 7
    people = eve.get(f"{GROUPS}{group.pk}/access_list/")["results"]
    assert {p["username"] for p in people} == {"admin", "eve"}
    roles = eve.get(f"{GROUPS}{group.pk}/object_roles/")["results"]
    assert [r["name"] for r in roles] == ["Admin", "Use", "Read"]
    eve.delete(f"{GROUPS}{group.pk}/")


def test_a_launch_tells_that_it_may_name_groups(api: Api) -> None:
    from gantry.resources.models import JobTemplate

    template = JobTemplate.objects.get(pk=build()["job_templates"])
    template.survey_enabled, template.ask_instance_groups_on_launch = False, True
    template.save()
    url = f"/api/v2/job_templates/{template.pk}/launch/"
    shown = api.get(url)
    assert shown["ask_instance_groups_on_launch"] is True
    assert shown["defaults"]["instance_groups"] == []
    job = api.post(url, {"instance_groups": [2]})
    assert job["ignored_fields"] == {}
    assert job["instance_group"] is None  # until a controller takes it
    refused = api.post(url, {"instance_groups": [99]}, status=400)
    assert refused == {"instance_groups": ['Invalid pk "99" - object does not exist.']}


def test_a_schedule_made_of_a_job_names_the_groups_that_its_launch_named(api: Api) -> None:
    from gantry.resources.models import Job, JobTemplate

    ids = build()
    template = JobTemplate.objects.get(pk=ids["job_templates"])
    template.survey_enabled, template.ask_instance_groups_on_launch = False, True
    template.save()
    groups = [api.post(GROUPS, {"name": name})["id"] for name in ("z", "a")]
    job = Job.objects.get(pk=ids["jobs"])
    job.prompted_groups, job.preferred_groups = True, [*groups, 4711]
    job.survey_passwords, job.extra_vars = {}, ""
    job.save()

    url = f"/api/v2/jobs/{job.pk}/create_schedule/"
    assert [g["name"] for g in api.get(url)["prompts"]["instance_groups"]] == ["z", "a"]
    schedule = api.post(url)
    listed = api.get(f"{schedule['url']}instance_groups/")["results"]
    assert [g["id"] for g in listed] == groups


def test_a_definition_says_where_it_is_built(api: Api) -> None:
    environment = api.post("/api/v2/execution_environments/", {"name": "e", "image": "a/b"})
    url = f"{environment['url']}definition/"
    group = api.post(GROUPS, {"name": "builders"})["id"]
    cluster = api.post(GROUPS, {"name": "cluster", "is_container_group": True})["id"]
    text = "version: 3\n"
    assert api.put(url, {"text": text, "instance_group": group}, status=201)[
        "instance_group"
    ] == group  # fmt: skip
    assert api.put(url, {"text": text, "instance_group": cluster}, status=400) == {
        "instance_group": [
            "Instance group cluster is a Kubernetes cluster, which has no container engine to "
            "build with. Name a group of instances: their container engines build."
        ]
    }
    assert api.put(url, {"text": text})["instance_group"] is None
