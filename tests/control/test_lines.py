"""Whose job comes next: lines of organizations, syncs before jobs, limits; what others say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.control.conftest import Make


def organization(name: str, **fields: Any) -> Any:
    from gantry.resources.models import Organization

    return Organization.objects.create(name=name, **fields)


@pytest.fixture
def explained(db: str) -> Any:
    def explain(job: Any) -> tuple[str, str]:
        from gantry.control.waiting import explain_waiting

        explain_waiting(30)
        job.refresh_from_db()
        return job.waiting_for, job.job_explanation

    return explain


def owners(jobs: list[Any]) -> str:
    return "".join(job.organization.name if job.organization else "-" for job in jobs)


def test_the_organization_with_the_fewest_jobs_under_way_comes_next(
    make_job: Make, holder: Any
) -> None:
    a, b, c = (organization(name) for name in "abc")
    for _ in range(6):
        make_job(organization=a)
    for _ in range(3):
        make_job(organization=b)
    make_job(organization=c)

    assert sorted(owners(holder.claim(3))) == ["a", "b", "c"]
    # One of each runs: c has no more, so a and b go on in turn.
    assert sorted(owners(holder.claim(2))) == ["a", "b"]
    late = make_job(organization=c)
    assert [job.pk for job in holder.claim(1)] == [late.pk]
    assert owners(holder.claim(9)).count("a") == 4


def test_one_that_submits_thousands_does_not_starve_another(make_job: Make, holder: Any) -> None:
    from gantry.resources.models import Job

    flood, other = organization("flood"), organization("other")
    for _ in range(300):
        make_job(organization=flood)
    last = make_job(organization=other)
    running = holder.claim(4)
    assert last.pk in [job.pk for job in running]
    assert Job.objects.filter(organization=flood, status="waiting").count() == 3


def test_within_an_organization_the_oldest_comes_first(make_job: Make, holder: Any) -> None:
    own = organization("a")
    jobs = [make_job(organization=own).pk for _ in range(5)]
    assert [job.pk for job in holder.claim(3)] == jobs[:3]


def test_a_sync_comes_before_the_jobs_of_its_organization(make_job: Make, holder: Any) -> None:
    from gantry.resources.models import Project, ProjectUpdate

    own = organization("a")
    for _ in range(3):
        make_job(organization=own)
    project = Project.objects.create(kind="project", name="p", organization=own)
    sync = ProjectUpdate.objects.create(
        kind="project_update", name="p", project=project, organization=own, status="pending"
    )
    assert [job.pk for job in holder.claim(1)] == [sync.pk]


def test_no_more_jobs_of_an_organization_run_than_it_may_have(
    make_job: Make, holder: Any, explained: Any
) -> None:
    own = organization("a", max_concurrent_jobs=2)
    jobs = [make_job(organization=own) for _ in range(4)]
    foreign = make_job()
    assert {job.pk for job in holder.claim(9)} == {jobs[0].pk, jobs[1].pk, foreign.pk}
    reason, said = explained(jobs[2])
    assert reason == "organization a: 2 of at most 2 jobs run in it"
    assert said.startswith("This job is not ready to start because there is not enough available")
    assert reason in said


def test_no_more_forks_of_an_organization_are_taken_than_it_may_have(
    make_job: Make, holder: Any, explained: Any
) -> None:
    own = organization("a", max_forks=10)
    make_job(organization=own, task_impact=6)
    large = make_job(organization=own, task_impact=6)
    small = make_job(organization=own, task_impact=4)
    assert len(holder.claim(9)) == 2
    small.refresh_from_db()
    assert small.status == "waiting"
    assert explained(large)[0] == (
        "organization a: 10 of at most 10 forks are taken, and this job takes 6"
    )


def test_no_more_jobs_of_a_template_run_than_it_allows(
    make_job: Make, holder: Any, explained: Any
) -> None:
    from gantry.path import states
    from gantry.resources.models import JobTemplate

    jobs = [make_job("many", allow_simultaneous=True) for _ in range(4)]
    JobTemplate.objects.update(max_concurrent_jobs=2)
    first, _ = holder.claim(9)
    assert holder.claim(9) == []
    assert explained(jobs[2])[0] == "template many: as many of its jobs run as may, 2"
    states.end(first, status="error")
    assert [job.pk for job in holder.claim(9)] == [jobs[2].pk]


def test_thousands_are_explained_by_a_few_statements(make_job: Make, holder: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from gantry.control.waiting import explain_waiting

    for _ in range(30):
        make_job("nightly")
    holder.claim(1)
    with CaptureQueriesContext(
        connection,
    ) as first:
        explain_waiting(30)
    with CaptureQueriesContext(connection) as second:
        explain_waiting(30)
    assert len(first) <= 5
    assert not [q for q in second if "UPDATE" in q["sql"]]


def test_limits_are_set_in_the_gantry_blocks(db: str) -> None:
    from tests.api.conftest import Api
    from tests.api.workflows import template

    api = Api()
    made = organization("limited")
    url = f"/api/v2/organizations/{made.pk}/"
    limits = {"max_concurrent_jobs": 3, "max_forks": 20}
    shown = api.patch(url, {"gantry": limits})["gantry"]
    assert {name: shown[name] for name in limits} == limits
    assert "max_forks" in api.patch(url, {"gantry": {"max_forks": -1}}, 400)
    url = f"/api/v2/job_templates/{template().pk}/"
    shown = api.patch(url, {"gantry": {"max_concurrent_jobs": 2}})
    assert shown["gantry"]["max_concurrent_jobs"] == 2
    assert "max_concurrent_jobs" in api.patch(url, {"gantry": {"max_concurrent_jobs": "x"}}, 400)
