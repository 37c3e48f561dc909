"""/api/v2/bulk/job_launch/: many jobs by one request, as the nodes of a workflow job."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.conftest import Api, make_user
from tests.api.workflows import organization, template
from tests.control.test_workflows import job_at, turn

URL = "/api/v2/bulk/job_launch/"
NOT_YOURS = "not found or you don't have permissions to access it"


def grant(user: Any, role: str, row: Any) -> None:
    from gantry.resources.roles import role_on
    from gantry.resources.standing import forget

    role_on(row, role).members.add(user)
    forget(user)


@pytest.fixture
def member(db: str) -> tuple[Any, Api]:
    """Of organization Default, without any right in it."""
    user = make_user("member")
    grant(user, "member_role", organization())
    return user, Api("member", "pw")


def refused(api: Api, **body: Any) -> str:
    answer = api.post(URL, body, 400)
    assert list(answer) == ["__all__"], answer
    return str(answer["__all__"][0])


def run_of(shown: dict[str, Any]) -> Any:
    from gantry.resources.models import WorkflowJob

    turn()
    return WorkflowJob.objects.get(pk=shown["id"])


def test_each_job_has_a_node_and_they_all_start(api: Api) -> None:
    from gantry.resources.models import Host, Label

    one = template("one", ask_limit_on_launch=True, ask_labels_on_launch=True)
    Host.objects.create(name="a", inventory=one.inventory)
    label = Label.objects.create(name="blue", organization=organization())
    other = template("other", ask_variables_on_launch=True, ask_inventory_on_launch=True)
    jobs = [
        {"unified_job_template": one.pk, "limit": "a", "labels": [label.pk], "identifier": "x"},
        {"unified_job_template": other.pk, "extra_data": {"own": 1}, "identifier": "y"},
        {"unified_job_template": other.pk, "inventory": one.inventory_id, "identifier": "z"},
    ]
    shown = api.post(URL, {"name": "all of it", "jobs": jobs, "extra_vars": "mine: 2"})

    assert (shown["type"], shown["name"], shown["status"]) == (
        "workflow_job", "all of it", "pending",
    )  # fmt: skip
    assert shown["extra_vars"] == '{"mine": 2}'
    nodes = api.get(shown["related"]["workflow_nodes"])["results"]
    assert [(n["identifier"], n["limit"]) for n in nodes] == [("x", "a"), ("y", None), ("z", None)]
    run = run_of(shown)
    first = job_at(run, "x")
    assert (first.limit, list(first.labels.all()), first.launch_type) == ("a", [label], "workflow")
    # Whoever made template one lets no launch bring variables, and so no bulk launch either.
    assert json.loads(first.extra_vars or "{}") == {}
    assert json.loads(job_at(run, "y").extra_vars) == {"own": 1, "mine": 2}
    assert job_at(run, "z").created_by.username == "admin"


def test_what_is_asked_for_is_refused_as_a_whole(api: Api) -> None:
    from gantry.resources.models import SystemJobTemplate, WorkflowJob

    made = template()
    one = {"unified_job_template": made.pk}
    assert refused(api, jobs=[one] * 101) == (
        "Number of requested jobs exceeds system setting BULK_JOB_MAX_LAUNCH"
    )
    named = {**one, "identifier": "a"}
    assert refused(api, jobs=[named, named]) == "Identifier a not unique"
    system = {"unified_job_template": SystemJobTemplate.objects.all()[0].pk}
    assert refused(api, jobs=[one, system]) == (
        "Template types System Job Template not allowed in bulk jobs"
    )
    nobody = [one, {"unified_job_template": 10**6}]
    assert refused(api, jobs=nobody) == f"Unified Job Templates {{{10**6}}} {NOT_YOURS}"
    assert refused(api, jobs=[{**one, "inventory": 10**6}]) == (
        f"Inventories {{{10**6}}} {NOT_YOURS}"
    )
    for name in ("credentials", "labels", "instance_groups"):
        title = name.replace("_", " ").title()
        assert refused(api, jobs=[{**one, name: [10**6]}]) == f"{title} {{{10**6}}} {NOT_YOURS}"
    for odd in ([], None, "a", [1], [{}], [{"unified_job_template": "x"}], [{**one, "forks": -1}]):
        assert "jobs" in api.post(URL, {"jobs": odd}, 400)
    assert "extra_vars" in api.post(URL, {"jobs": [one], "extra_vars": "]["}, 400)
    assert not WorkflowJob.objects.exists()


def test_everything_is_asked_of_who_launches(member: tuple[Any, Api]) -> None:
    from gantry.resources.models import Inventory, Organization

    user, api = member
    made = template(ask_inventory_on_launch=True)
    other = Inventory.objects.create(name="other", organization=organization())
    jobs = [{"unified_job_template": made.pk, "inventory": other.pk}]
    assert refused(api, jobs=jobs) == f"Job Templates {{{made.pk}}} {NOT_YOURS}"
    grant(user, "execute_role", made)
    assert refused(api, jobs=jobs) == f"Inventories {{{other.pk}}} {NOT_YOURS}"
    plain = [{"unified_job_template": made.pk}]
    assert refused(api, jobs=plain, inventory=other.pk) == (
        f"Inventories {{{other.pk}}} {NOT_YOURS}"
    )
    grant(user, "use_role", other)
    sync = [*jobs, {"unified_job_template": made.project_id}]
    assert refused(api, jobs=sync) == f"Projects {{{made.project_id}}} {NOT_YOURS}"

    foreign = Organization.objects.create(name="foreign")
    assert refused(api, jobs=jobs, organization=foreign.pk) == (
        f"Organization {foreign.pk} {NOT_YOURS}"
    )
    shown = api.post(URL, {"jobs": jobs})
    assert shown["summary_fields"]["organization"]["id"] == organization().pk
    # Who launched it sees it, and its nodes, though it has no template.
    assert api.get(shown["related"]["workflow_nodes"])["count"] == 1
    assert run_of(shown).workflow_job_nodes.get().job.created_by == user
    make_user("stranger")
    Api("stranger", "pw").get(shown["url"], 403)

    grant(user, "member_role", foreign)
    assert refused(api, jobs=jobs) == (
        "User has permission to multiple Organizations, please set one of them in the request"
    )


def test_who_is_in_no_organization_must_be_given_one(api: Api) -> None:
    user = make_user("alone")
    made = template()
    grant(user, "execute_role", made)
    assert refused(Api("alone", "pw"), jobs=[{"unified_job_template": made.pk}]) == (
        "User not part of any organization, please assign an organization to assign to the bulk job"
    )


def test_answers_that_are_secret_are_sealed(api: Api) -> None:
    from gantry.resources.models import WorkflowJobNode
    from gantry.resources.surveys import open_answers, set_survey

    made = template()
    spec = [{"variable": "pin", "question_name": "pin", "type": "password", "required": True}]
    set_survey(made, {"name": "", "description": "", "spec": spec})
    made.survey_enabled = True
    made.save()
    jobs = [{"unified_job_template": made.pk, "extra_data": {"pin": "4711"}, "identifier": "x"}]
    shown = api.post(URL, {"jobs": jobs})
    [node] = api.get(shown["related"]["workflow_nodes"])["results"]
    assert node["extra_data"] == {"pin": "$encrypted$"}
    assert "4711" not in str(WorkflowJobNode.objects.get().extra_data)
    assert open_answers(job_at(run_of(shown), "x")) == {"pin": "4711"}


def test_it_is_relaunched_by_its_own_nodes(api: Api) -> None:
    made = template(ask_limit_on_launch=True)
    shown = api.post(URL, {"jobs": [{"unified_job_template": made.pk, "limit": "a"}]})
    again = api.post(shown["related"]["relaunch"], {})
    nodes = api.get(again["related"]["workflow_nodes"])["results"]
    assert [n["limit"] for n in nodes] == ["a"]


def test_the_settings_name_the_limits(api: Api) -> None:
    assert api.get("/api/v2/settings/bulk/") == {
        "BULK_JOB_MAX_LAUNCH": 100, "BULK_HOST_MAX_CREATE": 100, "BULK_HOST_MAX_DELETE": 250,
    }  # fmt: skip
