"""Where every page is, with a row behind each: what the tests walk that ask the same of all pages.

Whoever adds a page adds its address here; `test_accessibility` fails for a name that is missing.
"""

from __future__ import annotations

from django.urls import URLPattern
from django.utils import timezone

from gantry.resources.credentials import Credential, CredentialType
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.schedules import Schedule
from gantry.web.urls import urlpatterns
from tests.control.test_workflows import approval, ended, job_at, launch, node, turn, workflow
from tests.web import story

# Answers that are no page: text, JSON, streams and files.
NO_PAGES = {
    "job-panels", "job-lines", "job-text", "job-events", "job-headings", "job-find", "job-results",
    "job-event", "environment-sbom", "environment-lock",
    "build-lock", "login", "logout",
    "workflow-graph-part", "workflow-choices",
    "environment-images",  # asks an engine: test_images walks it
}  # fmt: skip


def names_of_pages() -> set[str]:
    """The names in gantry.web.urls that answer a GET with a page."""
    found = set()
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        if not getattr(pattern.callback, "changes", False):
            found.add(str(pattern.name))
    return found - NO_PAGES


def pages() -> dict[str, list[str]]:
    """name in gantry.web.urls -> addresses, the first of them the page as people mostly see it."""
    return {**of_work(), **of_resources(), **of_environments(), **of_schedules(), **of_workflows()}


def of_work() -> dict[str, list[str]]:
    template = story.template(ask_limit_on_launch=True)
    story.template("Plain")
    job = story.job("done", "failed", job_explanation="A task failed.", job_template=template)
    return {
        "dashboard": ["/"],
        "find": ["/find/", "/find/?q=o", "/find/?q=nothing-like-it"],
        "jobs": ["/jobs/", "/jobs/?q=nothing-like-it", "/jobs/?status=failed&kind=job&page=9",
                 "/jobs/?environment=1&digest=sha256:1"],
        "job": [f"/jobs/{job.pk}/"],
        "templates": ["/templates/", "/templates/?q=nothing-like-it"],
        "template": [f"/templates/{template.pk}/"],
        "template-add": ["/templates/add/"],
        "template-edit": [f"/templates/{template.pk}/edit/"],
        "template-launch": [f"/templates/{template.pk}/launch/"],
        "projects": ["/projects/", "/projects/?q=nothing-like-it"],
        "project": [f"/projects/{template.project_id}/"],
        "project-add": ["/projects/add/"],
        "project-edit": [f"/projects/{template.project_id}/edit/"],
        "inventories": ["/inventories/", "/inventories/?q=nothing-like-it"],
        "inventory": [f"/inventories/{template.inventory_id}/"],
    }  # fmt: skip


def of_resources() -> dict[str, list[str]]:
    kind = CredentialType.objects.get(name="Machine")
    credential = Credential.objects.create(name="Key", credential_type=kind)
    organization = story.organization()
    return {
        "credentials": ["/credentials/", "/credentials/?q=nothing-like-it"],
        "credential": [f"/credentials/{credential.pk}/"],
        "credential-add": ["/credentials/add/"],
        "credential-add-kind": [f"/credentials/add/{kind.pk}/"],
        "credential-edit": [f"/credentials/{credential.pk}/edit/"],
        "organizations": ["/organizations/", "/organizations/?q=nothing-like-it"],
        "organization": [f"/organizations/{organization.pk}/"],
    }


def of_schedules() -> dict[str, list[str]]:
    row = Schedule.objects.order_by("pk").first()
    assert row is not None
    months = row.dtstart or timezone.now()
    return {
        "schedules": [
            "/schedules/", "/schedules/?q=nothing-like-it",
            f"/schedules/?template={row.unified_job_template_id}",
        ],
        "schedule-calendar": ["/schedules/calendar/", f"/schedules/calendar/?month={months:%Y-%m}"],
        "schedule-add": [
            "/schedules/add/", f"/schedules/add/?template={row.unified_job_template_id}",
        ],
        "schedule": [f"/schedules/{row.pk}/"],
        "schedule-edit": [f"/schedules/{row.pk}/edit/"],
    }  # fmt: skip


def of_workflows() -> dict[str, list[str]]:
    """One with a node of each look, and its run."""
    row = workflow("Release")
    first = node(row, story.template("Build", ask_limit_on_launch=True))
    asks = node(row, approval(row), (first, "success"), all_parents_must_converge=True)
    node(row, story.template("Deploy"), (asks, "success"))
    node(row, story.template("Undo"), (asks, "failure"), (first, "always"))
    run = launch(row)
    ended(job_at(run, "Build"))
    turn()
    at = f"/workflows/{row.pk}"
    return {
        "workflows": ["/workflows/", "/workflows/?q=nothing-like-it"],
        "workflow": [f"{at}/"],
        "workflow-add": ["/workflows/add/"],
        "workflow-edit": [f"{at}/edit/"],
        "workflow-launch": [f"{at}/launch/"],
        "workflow-graph": [f"{at}/graph/?node={asks.pk}", f"{at}/graph/", f"/jobs/{run.pk}/"],
        "workflow-node-prompts": [f"/workflows/nodes/{first.pk}/"],
    }


def of_environments() -> dict[str, list[str]]:
    environment = ExecutionEnvironment.objects.order_by("pk").first()
    assert environment is not None
    at = f"/environments/{environment.pk}"
    return {
        "environments": ["/environments/", "/environments/?q=nothing-like-it"],
        "environment": [f"{at}/"],
        "environment-add": ["/environments/add/"],
        "environment-edit": [f"{at}/edit/"],
        "environment-diff": ["/environments/diff/"],
        "environment-contents": [f"{at}/contents/"],
        "environment-platforms": [f"{at}/platforms/"],
        "environment-digests": [f"{at}/digests/"],
        "environment-builds": [f"{at}/build/"],
    }
