"""Settings by category: shown as Gantry was told them; the default EE can be changed."""

from __future__ import annotations

import pytest

from gantry.path.resolve import resolve_environment
from gantry.resources.models import ExecutionEnvironment, JobTemplate
from tests.api.conftest import Api

KEY = "DEFAULT_EXECUTION_ENVIRONMENT"


def environment() -> ExecutionEnvironment:
    return ExecutionEnvironment.objects.create(name="ours", image="a/b")


def test_every_category_is_listed_and_answers(api: Api) -> None:
    listed = api.get("/api/v2/settings/")

    assert [row["slug"] for row in listed["results"]] == [
        "all", "authentication", "bulk", "changed", "jobs", "logging", "named-url", "system",
    ]  # fmt: skip
    everything = api.get("/api/v2/settings/all/")
    for row in listed["results"]:
        assert api.get(row["url"]).items() <= everything.items()
    assert everything["SESSION_COOKIE_AGE"] == 1800
    assert api.call("get", "/api/v2/settings/ldap/").status_code == 404


@pytest.mark.parametrize("category", ["system", "all"])
def test_the_default_environment_is_changed_and_jobs_go_by_it(api: Api, category: str) -> None:
    ours = environment().pk
    url = f"/api/v2/settings/{category}/"

    assert api.patch(url, {KEY: ours})[KEY] == ours

    assert api.get("/api/v2/settings/changed/") == {KEY: ours}
    resolved = resolve_environment(JobTemplate(name="t")).environment
    assert resolved is not None
    assert resolved.pk == ours
    api.delete(url)
    assert api.get("/api/v2/settings/changed/") == {}


def test_what_the_environment_says_is_passed_over(api: Api) -> None:
    before = api.get("/api/v2/settings/all/")

    assert api.patch("/api/v2/settings/all/", {"TOWER_URL_BASE": "http://x", "NONE": 1}) == before


@pytest.mark.parametrize("given", [9999, "x", [1], True, {}])
def test_what_is_no_environment_is_refused(api: Api, given: object) -> None:
    refused = api.patch("/api/v2/settings/system/", {KEY: given}, status=400)
    assert list(refused) == [KEY]


def test_a_category_without_it_leaves_the_default_alone(api: Api) -> None:
    api.patch("/api/v2/settings/jobs/", {KEY: environment().pk})
    assert api.get("/api/v2/settings/system/")[KEY] is None


def test_auditors_read_and_the_rest_sees_nothing(auditor: Api, org_admin: Api) -> None:
    url = "/api/v2/settings/system/"
    assert auditor.get(url)[KEY] is None
    for method in ("patch", "put", "delete"):
        assert auditor.call(method, url, {}).status_code == 403
    assert org_admin.call("get", url).status_code == 403
    assert org_admin.call("get", "/api/v2/settings/").status_code == 403
