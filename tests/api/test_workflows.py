"""Workflows by AWX's endpoints: templates, nodes, edges, launch, approvals, copies."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.workflows import (
    EDGES,
    NODES,
    WORKFLOWS,
    join,
    node,
    organization,
    template,
    workflow,
)


def test_a_workflow_with_nodes_is_shown_and_listed(api: Api) -> None:
    made = workflow(api, extra_vars="k: v", limit="web")
    assert (made["type"], made["limit"], made["scm_branch"]) == (
        "workflow_job_template",
        "web",
        None,
    )
    assert list(made["summary_fields"]["object_roles"]) == [
        "admin_role", "execute_role", "read_role", "approval_role",
    ]  # fmt: skip
    job_template = template()
    one, two = node(api, made, job_template, identifier="one"), node(api, made, job_template)
    join(api, one, two)
    shown = api.get(one["url"])
    assert (shown["identifier"], shown["success_nodes"]) == ("one", [two["id"]])
    assert api.get(one["related"]["success_nodes"])["results"][0]["id"] == two["id"]
    assert shown["summary_fields"]["unified_job_template"]["unified_job_type"] == "job"
    assert api.get(made["related"]["workflow_nodes"])["count"] == 2
    found = api.get("/api/v2/unified_job_templates/?type=workflow_job_template")["results"]
    assert [row["name"] for row in found] == ["workflow"]
    listed = api.get(f"/api/v2/organizations/{organization().pk}/workflow_job_templates/")
    assert listed["count"] == 1
    again = api.post(WORKFLOWS, {"name": "workflow", "organization": organization().pk}, 400)
    assert "already exists" in again["__all__"][0]
    assert api.post(NODES, {"workflow_job_template": made["id"], "identifier": "one"}, 400)


@pytest.mark.parametrize("edge", EDGES)
def test_a_circle_is_refused(api: Api, edge: str) -> None:
    made = workflow(api)
    a, b, c = (node(api, made, identifier=name) for name in "abc")
    join(api, a, b, edge)
    join(api, b, c)
    cycle = {"Error": "Cycle detected."}
    assert api.post(c["related"][edge], {"id": a["id"]}, 400) == cycle
    assert api.post(a["related"][edge], {"id": a["id"]}, 400) == cycle
    join(api, a, b, edge)  # the same again is no harm
    other = next(e for e in EDGES if e != edge)
    assert api.post(a["related"][other], {"id": b["id"]}, 400) == {
        "Error": "Relationship not allowed."
    }
    api.post(a["related"][edge], {"id": b["id"], "disassociate": True}, 204)
    join(api, c, a, edge)


def test_nodes_of_two_workflows_cannot_be_joined(api: Api) -> None:
    one, other = node(api, workflow(api)), node(api, workflow(api, "another"))
    api.post(one["related"]["success_nodes"], {"id": other["id"]}, 403)


def test_prompts_of_a_node_are_held_to_its_template(api: Api) -> None:
    made, plain = workflow(api), template()
    refused = api.post(made["related"]["workflow_nodes"], {
        "unified_job_template": plain.pk, "limit": "web", "extra_data": {"a": 1}}, 400)  # fmt: skip
    assert refused["limit"] == ["Field is not configured to prompt on launch."]
    assert "not allowed on launch" in refused["extra_data"][0]
    asking = template("asking", ask_limit_on_launch=True, ask_variables_on_launch=True)
    kept = node(api, made, asking, limit="web", extra_data={"a": 1})
    assert (kept["limit"], kept["extra_data"]) == ("web", {"a": 1})
    # A place without a template keeps no prompts, as in AWX.
    assert node(api, made, limit="web")["limit"] is None


def test_an_answer_that_a_survey_wants_may_come_later_and_a_password_stays_sealed(
    api: Api,
) -> None:
    from gantry.resources.models import WorkflowJobTemplateNode
    from gantry.resources.surveys import set_survey

    asking = template(survey_enabled=True)
    set_survey(asking, {"name": "", "description": "", "spec": [
        {"variable": name, "type": kind, "question_name": name, "required": True}
        for name, kind in (("secret", "password"), ("word", "text"))]})  # fmt: skip
    asking.save()
    made = workflow(api)
    node(api, made, asking)
    kept = node(api, made, asking, extra_data={"secret": "s3cr3t"})
    assert kept["extra_data"] == {"secret": "$encrypted$"}
    row = WorkflowJobTemplateNode.objects.get(pk=kept["id"])
    assert "s3cr3t" not in str(row.extra_data)
    assert row.open_data() == {"secret": "s3cr3t"}
    copied = api.post(made["related"]["copy"], {"name": "copy"})
    theirs = WorkflowJobTemplateNode.objects.filter(workflow_job_template=copied["id"])
    assert [n.open_data() for n in theirs.order_by("id")] == [{}, {"secret": "s3cr3t"}]


def test_a_launch_makes_a_run_with_the_nodes_as_they_are(api: Api) -> None:
    made = workflow(api, ask_limit_on_launch=True, ask_variables_on_launch=True, extra_vars="a: 1")
    one = node(api, made, template(), identifier="one")
    two = node(api, made, identifier="two", all_parents_must_converge=True)
    join(api, one, two, "failure_nodes")
    asked = api.get(made["related"]["launch"])
    assert asked["node_templates_missing"] == [two["id"]]
    assert asked["can_start_without_user_input"] is True
    body = {"limit": "web", "job_tags": "x", "extra_vars": {"b": 2}}
    run = api.post(made["related"]["launch"], body)
    assert (run["workflow_job"], run["limit"]) == (run["id"], "web")
    assert run["ignored_fields"] == {"job_tags": "x"}
    assert run["extra_vars"] == '{"a": 1, "b": 2}'
    assert "execution_environment" not in run
    assert run["status"] == "pending"
    first, second = api.get(run["related"]["workflow_nodes"])["results"]
    assert (first["identifier"], first["failure_nodes"]) == ("one", [second["id"]])
    assert (second["all_parents_must_converge"], second["do_not_run"]) == (True, False)
    api.delete(one["url"])
    assert api.get(run["related"]["workflow_nodes"])["count"] == 2
    again = api.post(run["related"]["relaunch"])
    assert (again["launch_type"], again["limit"]) == ("relaunch", "web")
    assert api.get(again["related"]["workflow_nodes"])["count"] == 1
    assert {row["id"] for row in api.get("/api/v2/unified_jobs/?type=workflow_job")["results"]} == {
        run["id"], again["id"],
    }  # fmt: skip
    assert api.delete(made["url"], 409)["active_jobs"][0]["type"] == "workflow_job"
    api.post(run["related"]["cancel"], status=202)
    assert api.get(run["url"])["status"] == "pending"  # a controller ends it


def test_an_approval_is_its_nodes_alone(api: Api) -> None:
    from gantry.resources.models import WorkflowApprovalTemplate

    made = workflow(api)
    asks = node(api, made)
    url = asks["related"]["create_approval_template"]
    assert api.post(url, {"timeout": 5}, 400) == {"name": ["This field is required."]}
    question = api.post(url, {"name": "Go on?", "timeout": 60})
    assert (question["type"], question["timeout"]) == ("workflow_approval_template", 60)
    shown = api.get(asks["url"])
    assert shown["summary_fields"]["unified_job_template"]["timeout"] == 60
    api.patch(question["url"], {"timeout": 30})
    api.patch(question["url"], {"timeout": -1}, 400)
    copied = api.post(made["related"]["copy"], {"name": "copy"})
    assert WorkflowApprovalTemplate.objects.count() == 2
    api.delete(asks["url"])
    assert WorkflowApprovalTemplate.objects.get().workflow_job_template_id == copied["id"]


def test_who_may_what(api: Api, plain: Api, org_admin: Api) -> None:
    from gantry.resources.models import User, WorkflowJobTemplate
    from gantry.resources.roles import role_on

    made = workflow(org_admin, "theirs")
    asks = node(org_admin, made)
    org_admin.post(asks["related"]["create_approval_template"], {"name": "Go on?"})
    plain.get(made["url"], 403)
    plain.post(WORKFLOWS, {"name": "x", "organization": organization().pk}, 403)
    person, row = User.objects.get(username="plain"), WorkflowJobTemplate.objects.get()
    role_on(row, "approval_role").members.add(person)
    assert plain.get(made["url"])["summary_fields"]["user_capabilities"]["start"] is False
    plain.post(made["related"]["launch"], status=403)
    plain.post(made["related"]["workflow_nodes"], {}, 403)
    role_on(row, "execute_role").members.add(person)
    run = plain.post(made["related"]["launch"])
    assert plain.get("/api/v2/workflow_job_nodes/")["count"] == 1
    plain.delete(run["url"], 403)
    holders = api.get(made["related"]["access_list"])["results"]
    assert "plain" in [holder["username"] for holder in holders]


@pytest.mark.parametrize(("field", "value"), [
    ("extra_vars", "[1]"), ("organization", "x"), ("inventory", 10**9), ("limit", ["a"]),
    ("name", "\\0"), ("survey_enabled", "perhaps"),
])  # fmt: skip
def test_wrong_values_are_refused(api: Api, field: str, value: Any) -> None:
    if field == "name":
        value = "\0"
    body = {"name": "x", "organization": organization().pk, field: value}
    assert field in api.post(WORKFLOWS, body, 400)
