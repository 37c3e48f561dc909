"""Projects on the pages: a form for each kind, synced once made, the commits they were at."""

from __future__ import annotations

from typing import Any

from django.test import Client
from playwright.sync_api import Page, expect

from gantry.resources.models import Project, ProjectUpdate
from tests.api.workflows import template as launchable


def test_its_commits_and_playbooks_are_listed(admin: Client) -> None:
    project = launchable("Deploy").project
    snapshot = project.snapshot

    shown = admin.get(f"/projects/{project.pk}/").content.decode()

    assert snapshot.revision[:12] in shown
    assert "site.yml" in shown


def test_in_a_browser_a_project_is_made_and_synced(page: Page, admin: Any) -> None:
    page.goto("/projects/")
    page.get_by_role("link", name="New project").first.click()
    page.get_by_label("Name").fill("Shop")
    page.get_by_label("Organization").select_option("Default")
    expect(page.get_by_label("Refspec")).to_be_visible()
    page.get_by_label("Comes from").select_option("archive")
    expect(page.get_by_label("Refspec")).to_be_hidden()
    page.get_by_label("URL").fill("https://example.com/shop.tar.gz")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_text("It is being synced.")).to_be_visible()
    expect(page.get_by_role("link", name="Watch the sync")).to_be_visible()
    project = Project.objects.get(name="Shop")
    assert (project.scm_type, project.created_by.username) == ("archive", "admin")
    assert ProjectUpdate.objects.get().project == project
