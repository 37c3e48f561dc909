"""Labels: an organization's words, on templates and jobs; gone when nothing has them."""

from __future__ import annotations

from typing import Any

import pytest

from gantry.resources.models import JobTemplate, Label, Organization, Project, UnifiedJob
from tests.api.conftest import Api
from tests.api.world import project_with


@pytest.fixture
def template(api: Api, inventory: dict[str, Any]) -> str:
    """The URL of a template that has the label "web"."""
    body = {"name": "t", "project": project_with("site.yml"), "inventory": inventory["id"],
            "playbook": "site.yml", "ask_labels_on_launch": True}  # fmt: skip
    url: str = api.post("/api/v2/job_templates/", body)["url"]
    api.post(f"{url}labels/", {"name": "web", "organization": 1})
    return url


def names() -> list[str]:
    return sorted(Label.objects.values_list("name", flat=True))


def label(name: str) -> int:
    return Label.objects.create(name=name, organization_id=1).pk


def test_a_label_is_made_on_a_template_and_shown_in_its_summary(api: Api, template: str) -> None:
    shown = api.get(template)

    [made] = api.get("/api/v2/labels/")["results"]
    assert shown["summary_fields"]["labels"] == {
        "count": 1, "results": [{"id": made["id"], "name": "web"}],
    }  # fmt: skip
    assert [row["id"] for row in api.get(shown["related"]["labels"])["results"]] == [made["id"]]


def test_a_name_that_the_organization_has_is_attached(api: Api, template: str) -> None:
    known = label("db")

    api.post(f"{template}labels/", {"name": "db", "organization": 1}, status=204)

    assert known in [row["id"] for row in api.get(f"{template}labels/")["results"]]
    refused = api.post("/api/v2/labels/", {"name": "db", "organization": 1}, status=400)
    assert refused == {"__all__": ["Label with this Name and Organization already exists."]}


def test_detached_from_the_last_template_it_is_gone(api: Api, template: str) -> None:
    kept, loose = label("kept"), Label.objects.get(name="web").pk
    api.post(f"{template}labels/", {"id": kept}, status=204)

    api.post(f"{template}labels/", {"id": loose, "disassociate": True}, status=204)

    assert names() == ["kept"]


def test_a_job_that_has_a_label_keeps_it(api: Api, template: str) -> None:
    job = api.post(f"{template}launch/")
    UnifiedJob.objects.update(status="successful")

    api.delete(template)

    assert names() == ["web"]
    api.delete(job["url"])
    assert names() == []


def test_a_label_goes_with_a_project_that_is_swept_away(api: Api, template: str) -> None:
    JobTemplate.objects.get().delete()
    Project.objects.get().delete()

    assert names() == []


def test_a_launch_adds_labels_to_those_of_the_template(api: Api, template: str) -> None:
    more = label("tonight")

    job = api.post(f"{template}launch/", {"labels": [more]})

    shown = {row["name"] for row in job["summary_fields"]["labels"]["results"]}
    assert shown == {"web", "tonight"}
    assert api.get(f"{job['url']}labels/")["count"] == 2
    again = api.post(f"{job['url']}relaunch/")
    assert again["summary_fields"]["labels"]["count"] == 2


def test_a_launch_that_is_not_asked_for_labels_ignores_them(api: Api, template: str) -> None:
    api.patch(template, {"ask_labels_on_launch": False})
    more = label("tonight")

    job = api.post(f"{template}launch/", {"labels": [more]})

    assert job["ignored_fields"] == {"labels": [more]}
    assert job["summary_fields"]["labels"]["count"] == 1


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([9999], 'Invalid pk "9999" - object does not exist.'),
        (["x"], "Incorrect type. Expected pk value, received str."),
        ("web", 'Expected a list of items but got type "str".'),
    ],
)
def test_labels_that_are_none_are_refused(api: Api, template: str, given: Any, told: str) -> None:
    assert api.post(f"{template}launch/", {"labels": given}, status=400) == {"labels": [told]}


def test_a_launch_says_which_labels_the_template_has(api: Api, template: str) -> None:
    defaults = api.get(f"{template}launch/")["defaults"]

    assert [row["name"] for row in defaults["labels"]] == ["web"]


def test_jobs_are_found_by_their_label(api: Api, template: str) -> None:
    api.post(f"{template}launch/")

    assert api.get("/api/v2/jobs/?labels__name=web")["count"] == 1
    assert api.get("/api/v2/jobs/?labels__name=db")["count"] == 0


def test_there_is_no_delete(api: Api) -> None:
    assert api.call("delete", f"/api/v2/labels/{label('x')}/").status_code == 405


def test_members_make_labels_and_administrators_rename_them(
    api: Api, member: Api, org_admin: Api, other_admin: Api
) -> None:
    url = member.post("/api/v2/labels/", {"name": "mine", "organization": 1})["url"]

    assert member.call("patch", url, {"name": "b"}).status_code == 403
    assert org_admin.patch(url, {"name": "b"})["name"] == "b"
    assert other_admin.call("get", url).status_code == 403
    other = Organization.objects.get(name="Other").pk
    refused = member.call("post", "/api/v2/labels/", {"name": "x", "organization": other})
    assert refused.status_code == 403


def test_a_hundred_labels_are_enough(api: Api, template: str) -> None:
    rows = [Label(name=f"n{n}", organization_id=1) for n in range(100)]
    JobTemplate.objects.get().labels.add(*Label.objects.bulk_create(rows))

    refused = api.post(f"{template}labels/", {"name": "one more", "organization": 1}, status=400)

    assert refused == {"msg": "Maximum number of labels for job template reached."}
    assert UnifiedJob.objects.count() == 0
