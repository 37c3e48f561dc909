"""Workflows moved on by the controller's loop: rows alone, each job ended by hand."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from tests.api.workflows import organization, template

ALL = "all_parents_must_converge"


@pytest.fixture(autouse=True)
def database_of_a_test(db: str) -> None:
    """Every test here has one."""


def workflow(name: str = "workflow", **fields: Any) -> Any:
    from gantry.resources.models import WorkflowJobTemplate

    return WorkflowJobTemplate.objects.create(
        kind="workflow_job_template", name=name, organization=organization(), **fields
    )


def node(of: Any, at: Any, *parents: tuple[Any, str], **fields: Any) -> Any:
    from gantry.resources.models import WorkflowJobTemplateNode

    made = WorkflowJobTemplateNode.objects.create(
        workflow_job_template=of, unified_job_template=at,
        identifier=fields.pop("identifier", at.name), **fields,
    )  # fmt: skip
    for parent, edge in parents:
        getattr(parent, f"{edge}_nodes").add(made)
    return made


def approval(of: Any, timeout: int = 0) -> Any:
    from gantry.resources.models import WorkflowApprovalTemplate

    return WorkflowApprovalTemplate.objects.create(
        kind="workflow_approval_template", name="question", workflow_job_template=of,
        timeout=timeout,
    )  # fmt: skip


def launch(of: Any, **prompts: Any) -> Any:
    from gantry.path.workflow import launch_workflow

    job = launch_workflow(of, user=None, prompts=prompts).job
    turn()
    return job


def turn() -> None:
    from gantry.control.workflows import advance_workflows

    while advance_workflows():
        pass


def job_at(run: Any, identifier: str) -> Any:
    from gantry.path.saved_prompts import whole
    from gantry.resources.models import WorkflowJobNode

    job = WorkflowJobNode.objects.get(workflow_job=run, identifier=identifier).job
    return None if job is None else getattr(job, f"as_{job.kind}", whole(job))


def ended(job: Any, status: str = "successful", **artifacts: Any) -> None:
    """As its walk would end it."""
    from gantry.path import states
    from gantry.resources.models import Job, UnifiedJob

    row = UnifiedJob.objects.get(pk=job.pk)
    Job.objects.filter(pk=row.pk).update(artifacts=artifacts)
    if row.status == "pending":
        states.move(row, status="waiting")
        states.move(row, status="running")
    states.end(row, status=status)
    turn()


def state(run: Any) -> str:
    run.refresh_from_db()
    return str(run.status)


def test_a_failure_goes_its_own_way_and_artifacts_go_along() -> None:
    made = workflow(extra_vars="mine: workflow")
    first = node(made, template("first"))
    node(made, template("good"), (first, "success"))
    mend = node(made, template("mend", extra_vars="own: 1"), (first, "failure"))
    node(made, template("last"), (mend, "always"))
    run = launch(made)
    assert state(run) == "running"
    assert job_at(run, "first").launch_type == "workflow"
    ended(job_at(run, "first"), "failed", mine="job", found="x")
    assert job_at(run, "good") is None
    # What the workflow says stands above what a job left.
    assert json.loads(job_at(run, "mend").extra_vars) == {
        "own": 1, "mine": "workflow", "found": "x",
    }  # fmt: skip
    ended(job_at(run, "mend"), later="y")
    assert json.loads(job_at(run, "last").extra_vars)["found"] == "x"
    assert json.loads(job_at(run, "last").extra_vars)["later"] == "y"
    ended(job_at(run, "last"))
    assert state(run) == "successful"
    assert not run.failed


def test_a_failure_without_a_way_on_fails_the_workflow() -> None:
    made = workflow()
    first = node(made, template("first"))
    node(made, template("second"), (first, "success"))
    run = launch(made)
    ended(job_at(run, "first"), "error")
    assert state(run) == "failed"
    assert run.job_explanation == "No error handling paths found, marking workflow as failed"
    assert "first" in run.failure_cure


def test_prompts_of_the_workflow_stand_above_the_nodes_where_a_template_asks() -> None:
    from gantry.resources.models import Inventory

    other = Inventory.objects.create(name="other", organization=organization())
    made = workflow(limit="of workflow", inventory=other)
    asking = template("asking", ask_limit_on_launch=True, ask_inventory_on_launch=True)
    node(made, asking, char_prompts={"limit": "of node"})
    node(made, template("plain"))
    run = launch(made)
    assert (job_at(run, "asking").limit, job_at(run, "asking").inventory) == ("of workflow", other)
    assert (job_at(run, "plain").limit, job_at(run, "plain").inventory.name) == ("", "inventory")


def test_a_password_of_the_workflows_survey_stays_sealed_in_its_jobs() -> None:
    from gantry.resources.surveys import open_answers, set_survey

    made = workflow(survey_enabled=True)
    set_survey(made, {"name": "", "description": "", "spec": [{"variable": "secret", "type":
        "password", "question_name": "?", "required": True}]})  # fmt: skip
    made.save()
    node(made, template("first"))
    run = launch(made, extra_vars={"secret": "s3cr3t"})
    job = job_at(run, "first")
    assert "s3cr3t" not in job.extra_vars + run.extra_vars
    assert open_answers(job) == {"secret": "s3cr3t"}


def test_artifacts_go_past_an_approval() -> None:
    from gantry.path.workflow import answer_approval
    from gantry.resources.models import User

    made = workflow()
    asks = node(made, approval(made), (node(made, template("first")), "failure"))
    node(made, template("last"), (asks, "success"))
    run = launch(made)
    ended(job_at(run, "first"), "failed", found="x")
    admin = User.objects.get(username="admin")
    answer_approval(job_at(run, "question"), user=admin, approved=True)
    turn()
    assert json.loads(job_at(run, "last").extra_vars) == {"found": "x"}


@pytest.mark.parametrize(("approved", "follows"), [(True, "yes"), (False, "no")])
def test_an_approval_waits_for_a_person(approved: bool, follows: str) -> None:
    from gantry.path.workflow import NotWaiting, answer_approval
    from gantry.resources.models import User

    made = workflow()
    asks = node(made, approval(made))
    node(made, template("yes"), (asks, "success"))
    node(made, template("no"), (asks, "failure"))
    run = launch(made)
    question = job_at(run, "question")
    assert (question.kind, question.status) == ("workflow_approval", "pending")
    admin = User.objects.get(username="admin")
    answer_approval(question, user=admin, approved=approved)
    question.refresh_from_db()
    assert question.approved_or_denied_by == admin
    with pytest.raises(NotWaiting):
        answer_approval(question, user=admin, approved=not approved)
    turn()
    assert job_at(run, follows) is not None
    assert job_at(run, {"yes": "no", "no": "yes"}[follows]) is None


def test_an_approval_that_nobody_answers_fails_in_time() -> None:
    from gantry.resources.models import WorkflowApproval

    made = workflow()
    node(made, approval(made, timeout=60))
    run = launch(made)
    question = job_at(run, "question")
    assert question.expires - question.created < timedelta(seconds=61)
    WorkflowApproval.objects.update(expires=question.created)
    turn()
    question.refresh_from_db()
    assert (question.status, question.timed_out) == ("failed", True)
    assert "has expired after 60 seconds." in question.job_explanation
    assert state(run) == "failed"


def test_cancel_ends_everything_that_was_started() -> None:
    from gantry.control.sweep import end_canceled
    from gantry.path.launch import cancel_job

    made = workflow()
    first = node(made, template("first"))
    node(made, approval(made))
    node(made, template("second"), (first, "always"))
    run = launch(made)
    cancel_job(run, user=None)
    turn()
    end_canceled()
    turn()
    assert state(run) == "canceled"
    assert {job_at(run, name).status for name in ("first", "question")} == {"canceled"}
    assert job_at(run, "second") is None


def test_what_cannot_be_launched_failed_and_says_why() -> None:
    bare = template("bare")
    bare.inventory = None
    bare.save()
    made = workflow()
    first = node(made, bare)
    node(made, template("mend"), (first, "failure"))
    run = launch(made)
    assert job_at(run, "bare").status == "failed"
    assert "missing a related resource" in job_at(run, "bare").job_explanation
    assert job_at(run, "mend").status == "pending"


def test_workflows_within_workflows_and_none_within_itself() -> None:
    inner, outer = workflow("inner"), workflow("outer")
    node(inner, template("job"))
    node(inner, outer)
    first = node(outer, inner)
    node(outer, template("after"), (first, "always"))
    run = launch(outer)
    within = job_at(run, "inner")
    assert within.status == "running"
    refused = job_at(within, "outer")
    assert refused.status == "failed"
    assert "would result in recursion" in refused.job_explanation
    ended(job_at(within, "job"), kept="inner")
    assert state(within) == "failed"
    assert json.loads(job_at(run, "after").extra_vars) == {"kept": "inner"}


def test_a_run_waits_for_an_earlier_one_unless_its_template_allows_both() -> None:
    made = workflow()
    node(made, template("first"))
    one, two = launch(made), launch(made)
    assert (state(one), state(two)) == ("running", "pending")
    assert two.waiting_for == "an earlier run of the same template"
    ended(job_at(one, "first"))
    assert (state(one), state(two)) == ("successful", "running")


def test_many_controllers_start_each_node_once() -> None:
    from django.db import connection

    from gantry.path.workflow import launch_workflow
    from gantry.resources.models import Job

    made = workflow()
    for number in range(6):
        node(made, template(f"t{number}"))
    run = launch_workflow(made, user=None, prompts={}).job

    def controller(_: int) -> None:
        try:
            for _ in range(4):
                turn()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(controller, range(4)))
    turn()
    assert Job.objects.filter(unified_job_node__workflow_job=run).count() == 6
    assert Job.objects.count() == 6


def test_no_walk_takes_a_workflow_or_an_approval(holder: Any) -> None:
    made = workflow()
    node(made, approval(made))
    launch(made)
    assert holder.claim(10) == []
    assert holder.steal(10) == []
