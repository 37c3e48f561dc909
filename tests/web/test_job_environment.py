"""A job's page: the EE that ran, relaunch exactly, drift; and the page of a build."""

from __future__ import annotations

import io
import tarfile

from playwright.sync_api import Page, expect

from gantry.resources.jobs import Job
from gantry.resources.templates import JobTemplate
from tests.web import ee_story, story
from tests.web.ee_story import NEW, OLD
from tests.web.test_environments import words


def finished(**more: object) -> Job:
    template = story.template()
    row = ee_story.drifted()
    return ee_story.ran(
        row, OLD, job_template=template, project=template.project, inventory=template.inventory,
        **more,
    )  # fmt: skip


def test_a_deleted_environment_is_still_named(admin):
    job = finished()
    job.execution_environment.delete()

    shown = words(admin, f"/jobs/{job.pk}/")

    assert "Web EE deleted since" in shown
    assert "sha256:306c64111111" in shown
    assert "linux/amd64" in shown


def test_drift_that_a_job_met_is_told_on_its_page(admin):
    job = finished(ee_warning="The tag of Web EE has moved: this job got another digest.")

    assert "The tag of Web EE has moved" in words(admin, f"/jobs/{job.pk}/")


def test_relaunch_exactly_makes_a_job_that_repeats_this_one(admin):
    job = ee_story.kept(finished())
    shown = admin.get(f"/jobs/{job.pk}/").content.decode()
    assert 'value="exactly" title=' in shown

    answer = admin.post(f"/jobs/{job.pk}/relaunch/", {"hosts": "exactly"})

    again = Job.objects.latest("pk")
    assert answer["Location"] == f"/jobs/{again.pk}/"
    assert (again.repeats, again.ee_wanted_digest) == (job, OLD)
    assert f"job # {job.pk} exactly" in words(admin, f"/jobs/{again.pk}/").replace("#", "# ")


def test_what_cannot_be_repeated_exactly_says_why(admin):
    job = finished()

    shown = admin.get(f"/jobs/{job.pk}/").content.decode()
    assert 'value="exactly" disabled title=' in shown
    assert "did not come so far" in words(admin, f"/jobs/{job.pk}/")

    told = admin.post(f"/jobs/{job.pk}/relaunch/", {"hosts": "exactly"}, follow=True)
    assert "Relaunch it plainly" in told.content.decode()
    assert Job.objects.count() == 1


def test_the_page_of_a_build_shows_what_it_makes(admin):
    row = ee_story.environment()
    build = ee_story.build(
        row, "successful", base_digest=OLD, result_digest=NEW, lock="lock: 1\n", lock_used="x",
    )  # fmt: skip

    shown = words(admin, f"/jobs/{build.pk}/")

    for fact in ("Environment build", "Web EE", "sha256:306c64111111", "sha256:6e6577222222",
                 "those of the lock", "lock of this build", "it stays on the engine"):  # fmt: skip
        assert fact in shown, fact
    assert "Playbook" not in shown
    assert "build" in words(admin, "/jobs/?kind=environment_build")


def test_a_running_build_shows_its_output_live_and_is_canceled(page: Page, write):
    build = ee_story.build(ee_story.environment(organization=story.organization()))
    writer = write(build)
    page.goto(f"/jobs/{build.pk}/")

    writer.pod.event("verbose", "STEP 1/4: FROM localhost/gantry/starter-ee:latest")
    writer.send()
    expect(page.locator("#log .ln")).to_have_count(1)
    expect(page.locator("#log")).to_contain_text("STEP 1/4")

    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the build").click()
    expect(page.get_by_role("button", name="Canceling …")).to_be_visible()
    build.refresh_from_db()
    assert build.cancel_flag


MISSING = {
    "state": "compared", "sentence": "", "policy": "warn", "playbook": "site.yml",
    "environment": {"id": 1, "name": "Web EE"}, "digest": OLD, "unsure": ["roles/{{ which }}"],
    "missing": [{
        "kind": "collection", "name": "community.docker", "wanted": "", "found": "",
        "when": "load", "where": "site.yml", "used": [],
        "environments": [{"id": 1, "name": "Big EE"}],
        "sentence": "Collection community.docker, which site.yml needs, is missing.",
    }],
}  # fmt: skip


def test_what_preflight_found_missing_is_on_the_jobs_page(admin):
    job = finished(preflight=MISSING)

    shown = words(admin, f"/jobs/{job.pk}/")

    assert "Preflight: Web EE lacks 1 thing that site.yml needs" in shown
    assert "Collection community.docker, which site.yml needs, is missing. Big EE has it." in shown
    assert "1 thing could not be told" in shown


def test_a_template_warns_before_the_launch(admin):
    template = synced("- hosts: all\n  tasks:\n    - community.docker.docker_image: {name: x}\n")

    for address in (f"/templates/{template.pk}/", f"/templates/{template.pk}/launch/"):
        shown = words(admin, address)
        assert "Collection community.docker" in shown, address
        assert "is missing" in shown, address


def test_a_template_whose_environment_has_all_says_so(admin):
    template = synced("- hosts: all\n  tasks:\n    - ansible.builtin.ping:\n")

    assert "it has what site.yml needs" in words(admin, f"/templates/{template.pk}/")


def synced(playbook: str) -> JobTemplate:
    """A template whose project's tree is kept, in an EE that has been looked into."""
    ee_story.inspected(OLD)
    template = story.template(
        ask_limit_on_launch=True, execution_environment=ee_story.environment(last_digest=OLD)
    )
    assert template.project is not None
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tree:
        member = tarfile.TarInfo("project/site.yml")
        member.size = len(playbook)
        tree.addfile(member, io.BytesIO(playbook.encode()))
    snapshot = ee_story.tree_of(template.project, packed.getvalue())
    template.project.snapshot = snapshot
    template.project.save()
    return template


def test_a_template_whose_image_the_organization_forbids_says_so_before_the_launch(admin):
    template = story.template(
        ask_limit_on_launch=True, execution_environment=ee_story.environment()
    )
    row = story.organization()
    assert "A job would not start" not in words(admin, f"/templates/{template.pk}/")

    row.allowed_registries = ["quay.io/acme"]
    row.save()

    for address in (f"/templates/{template.pk}/", f"/templates/{template.pk}/launch/"):
        shown = words(admin, address)
        assert "does not allow images from registry.example.com" in shown, address
