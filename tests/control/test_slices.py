"""A job in slices: a workflow that the launch makes, and what each slice runs on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.workflows import organization, template
from tests.control.test_workflows import ended, node, state, turn, workflow
from tests.control.test_workflows import launch as launch_workflow


@pytest.fixture(autouse=True)
def database_of_a_test(db: str) -> None:
    """Every test here has one."""


@pytest.fixture
def api() -> Api:
    return Api()


def hosts(inventory: Any, *names: str) -> None:
    from gantry.resources.models import Host

    for name in names:
        Host.objects.create(name=name, inventory=inventory)


def sliced(count: int = 3, names: str = "edbac", **fields: Any) -> Any:
    """A template of an inventory whose hosts were not made in their order."""
    made = template("sliced", job_slice_count=count, **fields)
    hosts(made.inventory, *names)
    return made


def launch(of: Any, **prompts: Any) -> Any:
    from gantry.path.launch import launch_job

    job = launch_job(of, user=None, prompts=prompts).job
    turn()
    return job


def slices(run: Any) -> list[Any]:
    from gantry.resources.models import Job

    return list(Job.objects.filter(unified_job_node__workflow_job=run).order_by("job_slice_number"))


def names_in(job: Any) -> list[str]:
    from gantry.path.inject import build_payload
    from gantry.resources.models import InventorySnapshot

    build_payload(job)
    snapshot = InventorySnapshot.objects.latest("pk")
    import zlib

    return list(json.loads(zlib.decompress(snapshot.data))["_meta"]["hostvars"])


def test_each_slice_has_every_third_host_by_name() -> None:
    run = launch(sliced())
    assert run.kind == "workflow_job"
    assert run.is_sliced_job
    assert run.name == "sliced"
    parts = slices(run)
    assert [(p.job_slice_number, p.job_slice_count) for p in parts] == [(1, 3), (2, 3), (3, 3)]
    assert [names_in(p) for p in parts] == [["a", "d"], ["b", "e"], ["c"]]
    assert {p.allow_simultaneous for p in parts} == {True}
    assert [p.task_impact for p in parts] == [3, 3, 2]
    for part in parts:
        ended(part)
    assert state(run) == "successful"


def test_a_slice_that_fails_fails_the_whole_when_all_have_ended() -> None:
    run = launch(sliced())
    one, two, three = slices(run)
    ended(one, "failed")
    ended(two)
    assert state(run) == "running"
    ended(three)
    assert state(run) == "failed"


def test_there_are_no_more_slices_than_hosts() -> None:
    assert len(slices(launch(sliced(9)))) == 5


@pytest.mark.parametrize("names", ["", "a"])
def test_without_hosts_to_share_it_is_one_job(names: str) -> None:
    job = launch(sliced(names=names))
    assert (job.kind, job.job_slice_count, job.job_slice_number) == ("job", 1, 0)


def test_each_slice_is_launched_with_what_the_launch_said() -> None:
    from gantry.resources.models import Inventory

    other = Inventory.objects.create(name="other", organization=organization())
    hosts(other, "x", "y")
    made = sliced(
        1, ask_job_slice_count_on_launch=True, ask_inventory_on_launch=True,
        ask_variables_on_launch=True, ask_limit_on_launch=True, extra_vars="own: 1",
    )  # fmt: skip
    run = launch(
        made, job_slice_count=2, inventory=other.pk, limit="all", extra_vars={"mine": 2}
    )  # fmt: skip
    assert run.inventory == other
    for part in slices(run):
        assert (part.inventory, part.limit, part.job_slice_count) == (other, "all", 2)
        assert json.loads(part.extra_vars) == {"own": 1, "mine": 2}


def test_slices_of_too_few_hosts_are_refused_where_the_launch_asks_for_them() -> None:
    from gantry.base.errors import InvalidInput

    made = sliced(1, "a", ask_job_slice_count_on_launch=True)
    with pytest.raises(InvalidInput, match="does not have enough hosts for slicing"):
        launch(made, job_slice_count=2)


def test_a_secret_answer_and_asked_passwords_reach_each_slice() -> None:
    from gantry.path.launch import launch_job, start_secrets
    from gantry.resources.credentials import ASK, Credential
    from gantry.resources.models import CredentialType, Job
    from gantry.resources.surveys import open_answers, set_survey

    made = sliced()
    set_survey(
        made,
        {"name": "", "description": "", "spec": [
            {"variable": "pin", "question_name": "pin", "type": "password", "required": True}]},
    )  # fmt: skip
    made.survey_enabled = True
    made.save()
    machine = CredentialType.objects.get(namespace="ssh")
    key = Credential(name="key", credential_type=machine, organization=organization())
    key.set_inputs({"username": "me", "password": ASK})
    key.save()
    made.credentials.add(key)
    run = launch_job(
        made, user=None, prompts={"extra_vars": {"pin": "4711"}}, passwords={"ssh_password": "pw"}
    ).job  # fmt: skip
    turn()
    parts = [Job.objects.get(pk=p.pk) for p in slices(run)]
    assert [open_answers(p) for p in parts] == [{"pin": "4711"}] * 3
    assert [start_secrets(p) for p in parts] == [{"ssh_password": "pw"}] * 3
    assert "4711" not in parts[0].extra_vars


def test_what_slices_leave_goes_on_to_the_next_node() -> None:
    made = workflow()
    first = node(made, sliced(2))
    node(made, template("next"), (first, "success"))
    run = launch_workflow(made)
    inner = run.workflow_job_nodes.get(identifier="sliced").job
    assert inner.kind == "workflow_job"
    one, two = slices(inner)
    ended(one, a=1, both="one")
    ended(two, b=2, both="two")
    following = run.workflow_job_nodes.get(identifier="next").job.as_job
    assert json.loads(following.extra_vars) == {"a": 1, "b": 2, "both": "two"}


def test_a_callback_is_for_one_host_and_never_sliced() -> None:
    from gantry.path.launch import launch_job

    job = launch_job(sliced(), user=None, prompts={}, launch_type="callback", limit="a").job
    assert (job.kind, job.job_slice_count) == ("job", 1)


def test_the_launch_answers_with_the_workflow_and_the_template_lists_it(api: Api) -> None:
    made = sliced()
    url = f"/api/v2/job_templates/{made.pk}/"
    shown = api.post(f"{url}launch/", {})
    assert shown["type"] == "workflow_job"
    assert shown["workflow_job"] == shown["id"]
    assert "job" not in shown
    assert shown["is_sliced_job"]
    assert shown["job_template"] == made.pk
    listed = api.get(f"{url}slice_workflow_jobs/")["results"]
    assert [row["id"] for row in listed] == [shown["id"]]
    turn()
    recent = api.get(url)["summary_fields"]["recent_jobs"]
    assert [(r["id"], r["type"]) for r in recent] == [(shown["id"], "workflow_job")]
    api.post(f"{url}slice_workflow_jobs/", {}, 403)


def test_a_slice_and_the_whole_are_relaunched(api: Api) -> None:
    from gantry.resources.models import Job, WorkflowJob

    run = launch(sliced(ask_limit_on_launch=True), limit="all")
    for part in slices(run):
        ended(part)
    second = slices(run)[1]
    again = api.post(f"/api/v2/jobs/{second.pk}/relaunch/", {})
    assert (again["job_slice_number"], again["job_slice_count"]) == (2, 3)
    ended(Job.objects.get(pk=again["id"]))
    whole = api.post(f"/api/v2/workflow_jobs/{run.pk}/relaunch/", {})
    assert whole["is_sliced_job"]
    assert whole["launch_type"] == "relaunch"
    turn()
    parts = slices(WorkflowJob.objects.get(pk=whole["id"]))
    assert [(p.job_slice_number, p.limit) for p in parts] == [(1, "all"), (2, "all"), (3, "all")]


def test_a_relaunch_of_slices_that_would_no_longer_fit_is_refused(api: Api) -> None:
    made = sliced()
    run = launch(made)
    made.job_slice_count = 2
    made.save()
    url = f"/api/v2/workflow_jobs/{run.pk}/relaunch/"
    words = "Cannot relaunch sliced workflow job after slice count has changed."
    assert api.post(url, {}, 400) == {"detail": words}
    made.delete()
    words = "Cannot relaunch slice workflow job orphaned from job template."
    assert api.post(url, {}, 400) == {"detail": words}


def test_the_script_of_an_inventory_shows_a_slice(api: Api) -> None:
    made = sliced()
    url = f"/api/v2/inventories/{made.inventory_id}/script/?subset="
    assert api.get(f"{url}slice2of3")["all"]["hosts"] == ["b", "e"]
    for wrong, words in (
        ("slice0of3", "Slice number must be 1 or higher."),
        ("slice4of3", "Slice number must be less than total number of slices."),
        ("slicexof3", "Could not parse subset as slice specification."),
        ("half", "Subset does not use any supported syntax."),
    ):
        assert api.get(url + wrong, 400) == {"detail": words}
