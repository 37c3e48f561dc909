"""Who sees which page and may press which button; forms; nothing inline, no secret shown."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from gantry.resources.credentials import Credential, CredentialType
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.jobs import Job, ProjectUpdate, UnifiedJob
from gantry.resources.organizations import Organization
from gantry.resources.projects import Project
from gantry.resources.templates import JobTemplate
from tests.api.workflows import template as launchable
from tests.web import addresses, story
from tests.web.conftest import logged_in

INLINE = re.compile(r"<style|<script(?![^>]* src=)|\sstyle=|\son[a-z]+=|javascript:", re.I)


def every_page() -> list[str]:
    return [one for where in addresses.pages().values() for one in where]


def test_every_page_answers_and_has_nothing_inline(admin):
    for address in every_page():
        answer = admin.get(address)

        assert answer.status_code == 200, address
        assert INLINE.search(answer.content.decode()) is None, address
        assert "script-src 'self'" in answer["Content-Security-Policy"]
        assert "unsafe-inline" not in answer["Content-Security-Policy"]


def test_pages_of_a_fresh_installation_tell_the_next_step(admin):
    for address in ("/", "/jobs/", "/templates/", "/projects/", "/inventories/", "/teams/",
                    "/applications/"):  # fmt: skip
        assert 'class="empty"' in admin.get(address).content.decode(), address


def test_strangers_are_sent_to_the_login_page_and_back(db):
    client = Client()
    job = story.job()

    for address in [*every_page(), f"/jobs/{job.pk}/panels/"]:
        assert client.get(address).status_code == 302, address
    assert client.get(f"/jobs/{job.pk}/lines/").status_code == 302
    answer = client.post("/login/?next=/jobs/", {"username": "admin", "password": "correct horse",
                                                 "next": "/jobs/"})  # fmt: skip
    assert answer["Location"] == "/jobs/"


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "javascript:x"])
def test_the_login_page_leads_to_no_other_site(db, elsewhere):
    answer = Client().post(
        "/login/", {"username": "admin", "password": "correct horse", "next": elsewhere}
    )

    assert answer["Location"] == "/"


def test_a_wrong_password_is_told_and_the_name_is_kept(db):
    answer = Client().post("/login/", {"username": "admin", "password": "wrong"})

    assert answer.status_code == 422
    assert "do not match" in answer.content.decode()
    assert 'value="admin"' in answer.content.decode()


def test_without_rights_the_buttons_are_absent_and_the_requests_refused(db):
    template = story.template()
    job = story.job(job_template=template)
    story.member("auditor")
    from gantry.resources.organizations import User

    User.objects.filter(username="auditor").update(is_system_auditor=True)
    client = logged_in("auditor")

    assert f"/templates/{template.pk}/launch/" not in client.get("/templates/").content.decode()
    assert "cancel-dialog" not in client.get(f"/jobs/{job.pk}/").content.decode()
    for address in (
        f"/templates/{template.pk}/launch/", f"/jobs/{job.pk}/cancel/",
        f"/projects/{template.project_id}/sync/",
    ):  # fmt: skip
        assert client.post(address).status_code == 403, address
    for address in ("/templates/add/", "/projects/add/", "/environments/add/"):
        assert client.get(address).status_code == 403, address
    assert UnifiedJob.objects.count() == 1


def test_rows_of_other_organizations_do_not_exist(db):
    job = story.job()
    template = story.template()
    from gantry.resources.organizations import User

    User.objects.create_user("stranger", password="x")
    client = logged_in("stranger")

    for address in (
        f"/jobs/{job.pk}/", f"/jobs/{job.pk}/panels/", f"/jobs/{job.pk}/lines/",
        f"/templates/{template.pk}/", f"/projects/{template.project_id}/",
        f"/inventories/{template.inventory_id}/", f"/organizations/{job.organization_id}/",
    ):  # fmt: skip
        assert client.get(address).status_code == 404, address
    assert client.post(f"/jobs/{job.pk}/cancel/").status_code == 404


def test_launch_goes_to_the_page_of_the_new_job(admin):
    template = story.template()

    answer = admin.post(f"/templates/{template.pk}/launch/")

    job = Job.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}/"
    assert (job.status, job.job_template, job.created_by.username) == ("pending", template, "admin")


def test_a_get_never_launches(admin):
    template = story.template()

    assert admin.get(f"/templates/{template.pk}/launch/").status_code == 200
    assert not Job.objects.exists()


def test_the_launch_form_asks_what_the_template_asks_and_no_more(admin):
    template = story.template(
        ask_limit_on_launch=True, ask_variables_on_launch=True, ask_verbosity_on_launch=True
    )

    form = admin.post(f"/templates/{template.pk}/launch/").content.decode()
    assert 'name="limit"' in form
    assert 'name="extra_vars"' in form
    assert 'name="inventory"' not in form
    assert not Job.objects.exists()

    values = {"launch": "yes", "limit": "web1*", "extra_vars": "port: 8443", "verbosity": "2"}
    admin.post(f"/templates/{template.pk}/launch/", values)
    job = Job.objects.get()
    assert (job.limit, job.verbosity, json.loads(job.extra_vars)) == ("web1*", 2, {"port": 8443})


def test_a_refused_launch_keeps_what_was_typed_and_tells_why(admin):
    template = story.template(ask_variables_on_launch=True)

    answer = admin.post(
        f"/templates/{template.pk}/launch/", {"launch": "yes", "extra_vars": "a: [unclosed"}
    )

    assert answer.status_code == 422
    assert "a: [unclosed" in answer.content.decode()
    assert "Cannot parse as JSON" in answer.content.decode()


def test_a_launch_without_inventory_is_told_on_the_templates_page(admin):
    template = story.template()
    JobTemplate.objects.update(inventory=None)

    answer = admin.post(f"/templates/{template.pk}/launch/", follow=True)

    assert "inventory is missing" in answer.content.decode()


def test_sync_goes_to_the_page_of_the_update(admin):
    project = story.template().project

    answer = admin.post(f"/projects/{project.pk}/sync/")

    assert answer["Location"] == f"/jobs/{ProjectUpdate.objects.get().pk}/"
    assert admin.get(answer["Location"]).status_code == 200


def test_a_new_project_is_saved_and_a_local_path_refused(admin):
    values = {"name": "Shop", "organization": story.organization().pk, "timeout": 0,
              "scm_update_cache_timeout": 0, "scm_type": "git"}  # fmt: skip

    refused = admin.post("/projects/add/", {**values, "scm_url": "file:///etc"})
    assert refused.status_code == 422
    assert "Local paths are not allowed" in refused.content.decode()
    assert 'value="Shop"' in refused.content.decode()

    admin.post("/projects/add/", {**values, "scm_url": "https://git.example.com/shop.git"})
    project = Project.objects.get()
    assert (project.kind, project.scm_type, project.created_by.username) == (
        "project", "git", "admin",
    )  # fmt: skip


def test_a_project_of_another_kind_is_saved_and_stays_of_it(admin):
    values = {
        "name": "Shop", "organization": story.organization().pk, "timeout": 0,
        "scm_update_cache_timeout": 0, "scm_type": "svn",
        "scm_url": "svn://svn.example.com/shop", "scm_branch": "7",
    }  # fmt: skip
    admin.post("/projects/add/", values)
    project = Project.objects.get()
    admin.post(f"/projects/{project.pk}/edit/", {**values, "name": "Shop 2"})
    project.refresh_from_db()
    assert (project.name, project.scm_type, project.scm_branch) == ("Shop 2", "svn", "7")

    archive = {**values, "scm_type": "archive", "scm_url": "https://files.example.com/a.zip"}
    for fields, words in (
        (archive, "SCM branch cannot be used with archive projects."),
        ({**values, "scm_branch": "main"}, "A revision of Subversion is a number"),
        ({**values, "scm_refspec": "refs/x"}, "SCM refspec can only be used with git projects."),
        ({**values, "scm_url": "https://"}, "Host is required for https URL"),
    ):
        refused = admin.post(f"/projects/{project.pk}/edit/", fields)
        assert refused.status_code == 422
        assert words in refused.content.decode()


def test_a_new_environment_is_saved_and_a_bad_image_refused(admin):
    refused = admin.post("/environments/add/", {"name": "Mine", "image": "not an image"})
    assert refused.status_code == 422
    assert "is not valid" in refused.content.decode()

    admin.post("/environments/add/", {"name": "Mine", "image": "quay.io/acme/ee:1", "pull": ""})
    assert ExecutionEnvironment.objects.get(name="Mine").image == "quay.io/acme/ee:1"


def test_organization_admins_add_to_their_organization_only(db):
    story.member("ada", admin=True)
    other = Organization.objects.create(name="Other")
    client = logged_in("ada")
    values = {"name": "Theirs", "image": "quay.io/acme/ee:1", "pull": ""}

    for place in ("", other.pk):
        answer = client.post("/environments/add/", {**values, "organization": place})
        assert answer.status_code == 422
    client.post("/environments/add/", {**values, "organization": story.organization().pk})
    assert ExecutionEnvironment.objects.get(name="Theirs").organization == story.organization()


def test_a_template_is_made_with_its_prompts(admin):
    made = launchable()
    values = {
        "name": "Second", "job_type": "run", "project": made.project_id, "playbook": "site.yml",
        "inventory": made.inventory_id, "forks": 0, "verbosity": 0, "timeout": 0,
        "job_slice_count": 1, "label_names": "web, nightly", "ask_limit_on_launch": "on",
        "ask_labels_on_launch": "on",
    }  # fmt: skip

    wrong = admin.post("/templates/add/", {**values, "playbook": "nothing.yml"})
    assert (wrong.status_code, "Playbook not found" in wrong.content.decode()) == (422, True)
    assert 'value="web, nightly"' in wrong.content.decode()
    admin.post("/templates/add/", values)

    row = JobTemplate.objects.get(name="Second")
    assert (row.kind, row.organization, row.ask_limit_on_launch, row.ask_tags_on_launch) == (
        "job_template", story.organization(), True, False,
    )  # fmt: skip
    assert sorted(row.labels.values_list("name", flat=True)) == ["nightly", "web"]
    key = Credential.objects.create(
        name="Key", credential_type=CredentialType.objects.get(name="Machine")
    )
    changed = {**values, "label_names": "web", "credentials": [key.pk], "forks": 7}
    admin.post(f"/templates/{row.pk}/edit/", changed)
    row.refresh_from_db()
    assert (row.forks, list(row.credentials.all())) == (7, [key])
    assert list(row.labels.values_list("name", flat=True)) == ["web"]


def test_a_secret_goes_in_and_never_comes_out(admin):
    kind = CredentialType.objects.get(name="Machine")
    values = {"name": "Key", "input-username": "deploy", "input-password": "hunter2hunter2"}

    admin.post(f"/credentials/add/{kind.pk}/", values)

    row = Credential.objects.get(name="Key")
    assert row.open_inputs()["password"] == "hunter2hunter2"
    assert "hunter2" not in json.dumps(row.inputs)
    for address in (f"/credentials/{row.pk}/", f"/credentials/{row.pk}/edit/"):
        assert "hunter2" not in admin.get(address).content.decode()

    kept = {**values, "name": "Renamed", "input-password": "$encrypted$"}
    admin.post(f"/credentials/{row.pk}/edit/", kept)
    row.refresh_from_db()
    assert (row.name, row.open_inputs()["password"]) == ("Renamed", "hunter2hunter2")


def test_nobody_changes_the_credential_that_gantry_made(admin):
    row = Credential.objects.get(managed=True)
    assert admin.get(f"/credentials/{row.pk}/").status_code == 200
    assert admin.get(f"/credentials/{row.pk}/edit/").status_code in (403, 404)


def test_cancel_asks_the_controller(admin):
    job = story.job()

    assert admin.post(f"/jobs/{job.pk}/cancel/").status_code == 302

    job.refresh_from_db()
    assert job.cancel_flag
    assert "Canceling" in admin.get(f"/jobs/{job.pk}/").content.decode()


def test_relaunch_makes_another_job(admin):
    template = story.template()
    job = story.job("done", "failed", job_template=template, project=template.project,
                    inventory=template.inventory)  # fmt: skip

    answer = admin.post(f"/jobs/{job.pk}/relaunch/", {"hosts": "all"})

    again = Job.objects.latest("pk")
    assert again.launch_type == "relaunch"
    assert answer["Location"] == f"/jobs/{again.pk}/"


def test_a_failed_job_says_why_and_what_to_do(admin):
    job = story.job("done", "error", job_explanation="The registry refused the login.",
                    failure_class="registry_denied", failure_cure="Check the credential.",
                    evidence={"exit_code": 125, "output": "line one\nline two"})  # fmt: skip

    shown = admin.get(f"/jobs/{job.pk}/").content.decode()

    for words in ("The registry refused the login.", "registry_denied", "Check the credential.",
                  "125", "line two"):  # fmt: skip
        assert words in shown


def test_sealed_variables_are_shown_as_encrypted(admin):
    from gantry.base.crypto import key_ring

    sealed = key_ring().seal("swordfish", "somewhere")
    job = story.job(extra_vars=json.dumps({"token": sealed, "port": 8443}))

    shown = admin.get(f"/jobs/{job.pk}/").content.decode()

    assert "token: $encrypted$" in shown
    assert "port: 8443" in shown
    assert sealed[:20] not in shown


@pytest.mark.parametrize(
    ("status", "of_sync", "shown"),
    [("pending", "running", True), ("failed", "failed", True), ("successful", "successful", False)],
)
def test_a_job_leads_to_the_sync_that_holds_it_up(admin, status, of_sync, shown):
    job = story.job()
    project = Project.objects.create(kind="project", name="Site")
    sync = ProjectUpdate.objects.create(
        kind="project_update", name="Site", project=project, status=of_sync
    )
    job.dependencies.add(sync)
    UnifiedJob.objects.filter(pk=job.pk).update(
        status=status, failure_class="dependency_failed" if status == "failed" else "",
        failed=status == "failed", job_explanation="Previous Task Failed" * (status == "failed"),
        waiting_for="project update of Site" * (status == "pending"),
    )  # fmt: skip
    text = admin.get(f"/jobs/{job.pk}/").content.decode()
    assert (f'<a href="/jobs/{sync.pk}/">Site ({sync.pk})</a>' in text) is shown
