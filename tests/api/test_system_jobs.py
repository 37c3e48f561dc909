"""System job templates and jobs in the API: superusers launch them, auditors look on."""

from __future__ import annotations

import pytest

from tests.api.conftest import Api

TEMPLATES = "/api/v2/system_job_templates/"
JOBS = "/api/v2/system_jobs/"


def one(api: Api, kind: str) -> str:
    return str(api.get(f"{TEMPLATES}?job_type={kind}")["results"][0]["url"])


def test_the_templates_are_there_with_their_schedules(api: Api) -> None:
    rows = {row["job_type"]: row for row in api.get(TEMPLATES)["results"]}
    assert list(rows) == [
        "cleanup_jobs", "cleanup_activitystream", "cleanup_sessions", "cleanup_tokens",
        "cleanup_images",
    ]  # fmt: skip
    assert [kind for kind, row in rows.items() if not row["next_job_run"]] == ["cleanup_images"]
    schedules = {row["name"]: row for row in api.get("/api/v2/schedules/")["results"]}
    jobs, activity = schedules["Cleanup Job Schedule"], schedules["Cleanup Activity Schedule"]
    assert jobs["extra_data"] == {"days": "120"}
    assert jobs["rrule"].endswith("RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=SU")
    assert activity["extra_data"] == {"days": "355"}
    assert jobs["related"]["unified_job_template"] == rows["cleanup_jobs"]["url"]


def test_a_launch_makes_a_system_job(api: Api) -> None:
    url = one(api, "cleanup_jobs")
    assert api.get(f"{url}launch/") == {}

    made = api.post(f"{url}launch/", {"extra_vars": {"days": 30, "dry_run": True}})

    assert made["system_job"] == made["id"]
    assert (made["type"], made["status"]) == ("system_job", "pending")
    assert made["extra_vars"] == '{"days": 30, "dry_run": true}'
    assert made["related"]["events"] == f"{JOBS}{made['id']}/events/"
    assert [row["id"] for row in api.get(f"{url}jobs/")["results"]] == [made["id"]]
    assert api.get(f"{JOBS}{made['id']}/")["result_stdout"] == ""
    assert api.get(f"{JOBS}{made['id']}/events/")["count"] == 0
    listed = api.get("/api/v2/unified_jobs/?type=system_job")["results"]
    assert [row["id"] for row in listed] == [made["id"]]
    api.delete(f"{JOBS}{made['id']}/", 403)  # it has not ended
    assert api.call("post", f"{JOBS}{made['id']}/cancel/", {}).status_code == 202


@pytest.mark.parametrize("days", [-1, "x", 1.5, True, [], "9" * 400])
def test_a_number_of_days_that_is_none_is_refused(api: Api, days: object) -> None:
    answer = api.post(f"{one(api, 'cleanup_jobs')}launch/", {"extra_vars": {"days": days}}, 400)
    assert answer == {"extra_vars": ["days must be a positive integer."]}


def test_variables_are_an_object_or_its_text(api: Api) -> None:
    url = f"{one(api, 'cleanup_jobs')}launch/"
    assert api.post(url, {"extra_vars": '{"days": "7"}'})["extra_vars"] == '{"days": "7"}'
    for wrong in (3, [1], "- a"):
        assert "extra_vars" in api.post(url, {"extra_vars": wrong}, 400)


def test_only_superusers_launch_and_only_they_and_auditors_see(
    api: Api, auditor: Api, org_admin: Api, plain: Api
) -> None:
    url = one(api, "cleanup_sessions")
    job = api.post(f"{url}launch/")["url"]
    for asker in (org_admin, plain):
        for path in (TEMPLATES, JOBS):
            assert asker.get(path, 403) == {"detail": "Superuser privileges needed."}
        for path in (url, job, f"{url}jobs/", f"{url}schedules/", f"{job}events/"):
            asker.get(path, 403)
        asker.post(f"{url}launch/", {}, 403)
        asker.post(f"{job}cancel/", {}, 403)
        assert asker.get("/api/v2/unified_jobs/")["count"] == 0
        assert asker.get("/api/v2/schedules/")["count"] == 0
    auditor.get(url)
    auditor.get(job)
    auditor.post(f"{url}launch/", {}, 403)
    auditor.post(f"{job}cancel/", {}, 403)
    api.delete(url, 405)
