"""/api/v2/instances/: the controllers, what people set for them and what runs on them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api, make_user
from tests.control.test_places import seated

NODE = "/api/v2/instances/1/"


@pytest.fixture
def node(api: Api) -> Any:
    """A controller of 8 forks."""
    return seated(forks=8)


def job(holder: Any, **fields: Any) -> Any:
    from gantry.resources.models import Job

    made = Job.objects.create(kind="job", name="j", status="pending", **fields)
    assert [j.pk for j in holder.claim(1)] == [made.pk]
    return made


def test_what_is_taken_and_what_is_left(api: Api, node: Any) -> None:
    running, ended = job(node, task_impact=3), job(node)
    ended.refresh_from_db()
    ended.status = "successful"
    ended.save()

    shown = api.get(NODE)
    assert (shown["hostname"], shown["node_type"], shown["node_state"]) == (
        node.node, "hybrid", "ready",
    )  # fmt: skip
    # Who controls a job takes a fork too.
    assert (shown["capacity"], shown["consumed_capacity"]) == (8, 4)
    assert shown["percent_capacity_remaining"] == 50.0
    assert (shown["jobs_running"], shown["jobs_total"]) == (1, 2)
    assert shown["summary_fields"]["links"] == []
    listed = api.get(f"{NODE}jobs/")["results"]
    assert [row["id"] for row in listed] == [running.pk, ended.pk]
    assert listed[0]["summary_fields"]["instance_group"] == {
        "id": 2, "name": "default", "is_container_group": False,
    }  # fmt: skip
    assert listed[0]["execution_node"] == listed[0]["controller_node"] == node.node


def test_a_disabled_instance_has_no_capacity_until_it_is_enabled(api: Api, node: Any) -> None:
    assert api.patch(NODE, {"enabled": False})["capacity"] == 0
    assert node.claim(1) == []
    assert api.patch(NODE, {"enabled": True})["capacity"] == 8


def test_the_adjustment_is_between_the_smaller_and_the_larger_capacity(api: Api, node: Any) -> None:
    shown = api.patch(NODE, {"capacity_adjustment": "0.50"})
    assert (shown["cpu_capacity"], shown["mem_capacity"], shown["capacity"]) == (8, 1, 4)
    assert "capacity_adjustment" in api.patch(NODE, {"capacity_adjustment": -1}, status=400)


def test_one_that_no_policy_manages_is_in_no_group(api: Api, node: Any) -> None:
    assert api.get(f"{NODE}instance_groups/")["count"] == 2
    api.patch(NODE, {"managed_by_policy": False})
    assert api.get(f"{NODE}instance_groups/")["count"] == 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"hostname": "other"}, "Cannot change hostname."),
        ({"node_type": "execution"}, "Cannot change node type."),
        (
            {"node_state": "deprovisioning"},
            "Can only change the state on Kubernetes or OpenShift.",
        ),
        ({"listener_port": 27199}, "Cannot change listener port for managed nodes."),
        ({"peers": [1]}, 'Invalid pk "1" - object does not exist.'),
        (
            {"peers_from_control_nodes": True},
            "Cannot change peers_from_control_nodes for managed nodes.",
        ),
    ],
)
def test_what_awx_refuses_to_change(
    api: Api, node: Any, change: dict[str, Any], sentence: str
) -> None:
    assert api.patch(NODE, change, status=400) == {next(iter(change)): [sentence]}


def test_what_a_put_sends_back_unchanged_is_no_change(api: Api, node: Any) -> None:
    whole = api.get(NODE)
    assert api.put(NODE, {**whole, "enabled": False})["enabled"] is False


def test_instances_are_made_by_controllers_alone(api: Api) -> None:
    refused = api.post("/api/v2/instances/", {"hostname": "new"}, status=400)
    assert refused == {"__all__": ["Can only create instances on Kubernetes or OpenShift."]}
    assert api.call("delete", "/api/v2/instances/1/").status_code == 405


def test_there_is_no_mesh(api: Api, node: Any) -> None:
    for part in ("peers/", "receptor_addresses/"):
        assert api.get(NODE + part)["results"] == []
    assert api.get("/api/v2/receptor_addresses/")["count"] == 0
    assert api.get(f"{NODE}health_check/")["hostname"] == node.node
    refused = api.post(f"{NODE}health_check/", status=400)
    assert refused["error"].startswith("Cannot run a health check on instances of type hybrid.")


def test_ping_tells_of_instances_and_groups(anonymous: Api, node: Any) -> None:
    shown = anonymous.get("/api/v2/ping/")
    assert [(i["node"], i["capacity"]) for i in shown["instances"]] == [(node.node, 8)]
    assert shown["instance_groups"] == [
        {"name": name, "capacity": 8, "instances": [node.node]}
        for name in ("controlplane", "default")
    ]


def test_who_may_read_a_group_sees_its_instances_and_changes_none(api: Api, node: Any) -> None:
    from gantry.resources.models import InstanceGroup
    from gantry.resources.roles import role_on

    role_on(InstanceGroup.objects.get(name="default"), "read_role").members.add(make_user("eve"))
    eve = Api("eve", "pw")
    assert eve.get("/api/v2/instances/")["count"] == 1
    assert eve.get(NODE)["summary_fields"]["user_capabilities"] == {"edit": False}
    assert eve.call("patch", NODE, {"enabled": False}).status_code == 403
    assert eve.get("/api/v2/instance_groups/")["count"] == 1


def test_the_heartbeat_is_no_change_by_anybody_and_an_edit_is(api: Api, node: Any) -> None:
    from gantry.resources.models import ActivityStream

    entries = ActivityStream.objects.filter(object1="instance")
    assert not entries.exists()
    api.patch(NODE, {"enabled": False})
    assert [e.changes for e in entries] == [{"enabled": [True, False]}]


def test_a_page_costs_the_same_however_long_it_is(api: Api, node: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def queries(url: str) -> int:
        with CaptureQueriesContext(connection) as asked:
            api.get(url)
        return len(asked)

    urls = ("/api/v2/instances/", "/api/v2/instance_groups/")
    for url in urls:
        queries(url)  # what is asked once a process is not asked again
    before = [queries(url) for url in urls]
    for name in ("a", "b", "c"):
        seated()
        api.post("/api/v2/instance_groups/", {"name": name, "policy_instance_percentage": 50})
    assert [queries(url) for url in urls] == before
