"""A workflow taken up from where it failed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.workflows import template
from tests.control.test_slices import launch as launch_job
from tests.control.test_slices import sliced, slices
from tests.control.test_workflows import ended, job_at, launch, node, state, turn, workflow


@pytest.fixture(autouse=True)
def database_of_a_test(db: str) -> None:
    """Every test here has one."""


def from_failed(run: Any) -> Any:
    from gantry.path.workflow_again import relaunch_workflow

    run.refresh_from_db()
    again = relaunch_workflow(run, user=None, from_failed=True)
    turn()
    return again


def kept_at(run: Any, identifier: str) -> Any:
    return run.workflow_job_nodes.get(identifier=identifier).kept_job_id


def test_what_succeeded_is_not_run_again_and_what_it_left_is_handed_on() -> None:
    made = workflow()
    first = node(made, template("first"))
    second = node(made, template("second"), (first, "success"))
    node(made, template("third"), (second, "success"))
    run = launch(made)
    done = job_at(run, "first")
    ended(done, found="x")
    ended(job_at(run, "second"), "failed")
    assert state(run) == "failed"

    again = from_failed(run)
    assert again.launch_type == "relaunch"
    assert kept_at(again, "first") == done.pk
    assert job_at(again, "first") is None
    assert json.loads(job_at(again, "second").extra_vars) == {"found": "x"}
    ended(job_at(again, "second"), "failed")
    # And once more, from the run that itself was taken up.
    last = from_failed(again)
    assert kept_at(last, "first") == done.pk
    ended(job_at(last, "second"), more="y")
    assert json.loads(job_at(last, "third").extra_vars) == {"found": "x", "more": "y"}
    ended(job_at(last, "third"))
    assert state(last) == "successful"


def test_what_came_of_a_failure_is_decided_anew() -> None:
    made = workflow()
    first = node(made, template("first"))
    mend = node(made, template("mend"), (first, "failure"))
    node(made, template("after"), (mend, "success"))
    run = launch(made)
    ended(job_at(run, "first"), "failed")
    ended(job_at(run, "mend"))
    ended(job_at(run, "after"), "failed")

    again = from_failed(run)
    assert (kept_at(again, "first"), kept_at(again, "mend")) == (None, None)
    ended(job_at(again, "first"))
    assert state(again) == "successful"
    assert job_at(again, "mend") is None


def test_ways_that_were_not_taken_stay_so() -> None:
    made = workflow()
    first = node(made, template("first"))
    node(made, template("mend"), (first, "failure"))
    node(made, template("good"), (first, "success"))
    run = launch(made)
    ended(job_at(run, "first"))
    ended(job_at(run, "good"), "error")
    again = from_failed(run)
    ended(job_at(again, "good"))
    assert state(again) == "successful"
    assert job_at(again, "mend") is None


def test_of_slices_only_those_run_again_that_failed() -> None:
    run = launch_job(sliced())
    one, two, three = slices(run)
    ended(one)
    ended(two, "failed")
    ended(three)
    again = from_failed(run)
    [part] = slices(again)
    assert (part.job_slice_number, part.job_slice_count) == (2, 3)
    ended(part)
    assert state(again) == "successful"


def test_a_workflow_without_failures_or_under_way_is_refused() -> None:
    run = launch(made := workflow())
    assert made
    assert state(run) == "successful"
    api, url = Api(), f"/api/v2/workflow_jobs/{run.pk}/relaunch/"
    answer = api.post(url, {"from_failed": True}, 400)
    assert answer["detail"].startswith("Every node of this workflow that ran has succeeded")
    assert "from_failed" in api.post(url, {"from_failed": [1]}, 400)
    busy = workflow("busy")
    node(busy, template("first"))
    url = f"/api/v2/workflow_jobs/{launch(busy).pk}/relaunch/"
    answer = api.post(url, {"from_failed": True}, 400)
    assert "has not ended" in answer["detail"]


def test_the_api_says_which_job_stands_for_a_node() -> None:
    made = workflow()
    first = node(made, template("first"))
    node(made, template("second"), (first, "success"))
    run = launch(made)
    done = job_at(run, "first")
    ended(done)
    ended(job_at(run, "second"), "failed")
    api = Api()
    again = api.post(f"/api/v2/workflow_jobs/{run.pk}/relaunch/", {"from_failed": True})
    nodes = api.get(again["related"]["workflow_nodes"])["results"]
    assert [n["gantry"] for n in nodes] == [{"kept_job": done.pk}, {"kept_job": None}]
