"""The dashboard counts what a person may read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gantry.resources.models import Host, JobHostSummary, Project, UnifiedJob
from tests.api.conftest import Api
from tests.api.world import build


def test_everything_is_counted_and_what_failed(api: Api) -> None:
    ids = build()
    Host.objects.update(last_job_id=ids["jobs"])
    JobHostSummary.objects.update(failed=True)
    Project.objects.update(last_job_failed=True)

    shown = api.get("/api/v2/dashboard/")

    assert shown["hosts"] == {
        "url": "/api/v2/hosts/", "total": 1, "failed": 1,
        "failures_url": "/api/v2/hosts/?last_job_host_summary__failed=True",
    }  # fmt: skip
    assert (shown["inventories"]["total"], shown["inventories"]["job_failed"]) == (2, 1)
    assert (shown["projects"]["total"], shown["projects"]["failed"]) == (1, 1)
    assert (shown["scm_types"]["git"]["total"], shown["scm_types"]["svn"]["total"]) == (1, 0)
    assert shown["job_templates"]["total"] == shown["groups"]["total"] == 1


def test_a_failure_before_the_last_job_is_forgotten(api: Api) -> None:
    build()
    JobHostSummary.objects.update(failed=True)

    assert api.get("/api/v2/dashboard/")["hosts"]["failed"] == 0


def test_nothing_of_others_is_counted(other_admin: Api, plain: Api) -> None:
    build()
    for asker in (other_admin, plain):
        shown = asker.get("/api/v2/dashboard/")
        for name in ("inventories", "hosts", "groups", "projects", "credentials", "job_templates"):
            assert shown[name]["total"] == 0, name


def test_jobs_are_counted_by_the_day_they_ended(api: Api, plain: Api) -> None:
    build()
    now = datetime.now(UTC)
    UnifiedJob.objects.filter(kind="job").update(status="failed", finished=now)
    UnifiedJob.objects.filter(kind="project_update").update(finished=now - timedelta(days=3))

    def ended(asker: Api, query: str) -> dict[str, int]:
        jobs = asker.get(f"/api/v2/dashboard/graphs/jobs/{query}")["jobs"]
        return {outcome: sum(n for _, n in days) for outcome, days in jobs.items()}

    none = {"successful": 0, "failed": 0, "canceled": 0, "error": 0}
    assert ended(api, "") == none | {"failed": 1, "successful": 1}
    assert ended(api, "?period=day") == none | {"failed": 1}
    assert ended(api, "?job_type=scm_update") == none | {"successful": 1}
    assert ended(plain, "") == none
    days = api.get("/api/v2/dashboard/graphs/jobs/")["jobs"]["failed"]
    today = now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    assert [today, 1] in days


@pytest.mark.parametrize("period", ["year", "", "%00"])
def test_an_unknown_period_is_told(api: Api, period: str) -> None:
    refused = api.get(f"/api/v2/dashboard/graphs/jobs/?period={period}", status=400)
    assert refused["error"].startswith("Unknown period")
