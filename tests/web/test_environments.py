"""The pages of execution environments: state, pins, history, contents, definitions."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import Page, expect

from gantry.resources.builds import EnvironmentBuild, EnvironmentDefinition
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.images import ImageContents
from gantry.resources.organizations import Organization
from tests.web import ee_story, story
from tests.web.conftest import logged_in
from tests.web.ee_story import NEW, OLD
from tests.web.test_pages import INLINE

TABS = ("", "contents/", "digests/", "build/")


def words(client, address: str) -> str:
    """What a person reads on a page."""
    answer = client.get(address)
    assert answer.status_code == 200, address
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def line_of(text: str, name: str) -> str:
    return text[text.index(name) :][:260]


def test_the_list_tells_state_digest_core_and_size(admin):
    ee_story.drifted(drift_policy="hold", accepted_digest=OLD)
    ee_story.inspected(OLD, size=412_000_000)
    ee_story.environment("Pinned EE", pinned_digest=NEW)

    shown = words(admin, "/environments/")

    for fact in ("Held", "306c64111111", "2.19.4", "412 MB", "if missing"):
        assert fact in line_of(shown, "Web EE"), fact
    assert "Pinned" in line_of(shown, "Pinned EE registry")


def test_an_empty_list_says_what_to_do(admin):
    ExecutionEnvironment.objects.all().delete()

    shown = words(admin, "/environments/")

    assert "python -m gantry.images.starter" in shown
    assert "New environment" in shown


def test_the_list_takes_no_query_for_each_line(admin):
    for n in range(20):
        ee_story.environment(f"EE {n}", last_digest=OLD, organization=story.organization())
    ee_story.inspected(OLD)

    with CaptureQueriesContext(connection) as asked:
        admin.get("/environments/")
    assert len(asked) < 20


def test_all_tabs_answer_without_inline_code(admin):
    row = ee_story.drifted()
    ee_story.inspected(OLD)

    for tab in TABS:
        answer = admin.get(f"/environments/{row.pk}/{tab}")
        assert answer.status_code == 200, tab
        assert INLINE.search(answer.content.decode()) is None, tab


def test_a_held_environment_names_both_digests_and_is_accepted_by_a_button(admin):
    row = ee_story.drifted(drift_policy="hold", accepted_digest=OLD)

    shown = words(admin, f"/environments/{row.pk}/")
    assert f"registry.example.com/platform/web-ee@{OLD}" in shown
    assert "Its jobs go on with sha256:306c64111111" in shown

    admin.post(f"/environments/{row.pk}/accept/", {"digest": NEW})
    row.refresh_from_db()
    assert (row.accepted_digest, row.drifted_since) == (NEW, None)


def test_pinning_and_unpinning(admin):
    row = ee_story.drifted()

    admin.post(f"/environments/{row.pk}/pin/", {"digest": f" {OLD} "})
    row.refresh_from_db()
    assert row.pinned_digest == OLD
    assert "Unpin" in words(admin, f"/environments/{row.pk}/")

    admin.post(f"/environments/{row.pk}/unpin/")
    row.refresh_from_db()
    assert row.pinned_digest == ""


def test_a_digest_that_is_none_is_refused_in_words(admin):
    row = ee_story.drifted()

    answer = admin.post(f"/environments/{row.pk}/pin/", {"digest": "sha256:12"}, follow=True)

    assert "is not a digest" in answer.content.decode()
    row.refresh_from_db()
    assert row.pinned_digest == ""


def test_the_policy_is_chosen_on_the_page(admin):
    row = ee_story.drifted()

    admin.post(f"/environments/{row.pk}/policy/", {"drift_policy": "hold"})

    row.refresh_from_db()
    assert (row.drift_policy, row.accepted_digest) == ("hold", OLD)


def test_members_read_and_change_nothing(db):
    row = ee_story.drifted(drift_policy="hold", organization=story.organization())
    ee_story.inspected(OLD)
    story.member("mia")
    client = logged_in("mia")

    for tab in TABS:
        page = client.get(f"/environments/{row.pk}/{tab}")
        assert page.status_code == 200
        forms = re.findall(r'<form[^>]*method="post"[^>]*>', page.content.decode())
        assert [f for f in forms if "logout" not in f] == []
    posts = ("pin/", "unpin/", "accept/", "policy/", "contents/look/", "build/")
    for act in posts:
        answer = client.post(f"/environments/{row.pk}/{act}", {"digest": OLD})
        assert answer.status_code == 403, act


def test_environments_of_other_organizations_do_not_exist(db):
    row = ee_story.drifted(organization=Organization.objects.create(name="Other"))
    story.member("mia")
    client = logged_in("mia")

    for tab in TABS:
        assert client.get(f"/environments/{row.pk}/{tab}").status_code == 404, tab


def test_the_history_counts_the_jobs_of_each_digest(admin):
    row = ee_story.drifted()
    ee_story.ran(row, OLD)
    ee_story.ran(row, OLD)

    shown = admin.get(f"/environments/{row.pk}/digests/").content.decode()
    link = f"/jobs/?environment={row.pk}&amp;digest={OLD.replace(':', '%3A')}"
    assert f'<a href="{link}">2</a>' in shown
    assert "The registry said so" in shown

    listed = admin.get("/jobs/", {"environment": row.pk, "digest": NEW}).content.decode()
    assert "No job matches" in listed


def test_templates_and_defaults_that_lead_to_it_are_named(admin):
    row = ee_story.environment()
    story.template("Rotate certificates", execution_environment=row)
    Organization.objects.update(default_environment=row)

    shown = words(admin, f"/environments/{row.pk}/")

    assert "Rotate certificates template" in shown
    assert "Default default of the organization" in shown


def test_contents_are_searched_by_name_and_kind(admin):
    row = ee_story.drifted()
    ee_story.inspected(OLD, unknown=["RPM packages: there is no rpm database."])
    address = f"/environments/{row.pk}/contents/"

    assert "there is no rpm database" in words(admin, address)
    found = words(admin, f"{address}?q=ANSIBLE")
    assert "ansible.posix" in found
    assert "ansible-runner" in found
    assert "boto3" not in found
    only = words(admin, f"{address}?q=ansible&kind=collection")
    assert "ansible.posix" in only
    assert "2.4.1 " not in only.split("Collections 1")[1]
    assert "No package matches" in words(admin, f"{address}?q=nothing-like-it")


def test_contents_of_a_digest_that_it_never_meant_are_not_shown(admin):
    row = ee_story.drifted()
    stranger = "sha256:" + "9" * 64
    ee_story.inspected(stranger)

    assert admin.get(f"/environments/{row.pk}/contents/?digest={stranger}").status_code == 404
    answer = admin.post(f"/environments/{row.pk}/contents/look/", {"digest": stranger})
    assert answer.status_code == 404


def test_looking_inside_is_asked_for_once_and_again_after_a_failure(admin):
    row = ee_story.drifted()
    address = f"/environments/{row.pk}/contents/"
    assert "Nobody has looked inside yet" in words(admin, address)

    answer = admin.post(f"{address}look/", {"digest": OLD})
    assert answer["Location"] == f"{address}?digest={OLD}"
    inside = ImageContents.objects.get()
    assert (inside.digest, inside.platform, inside.state) == (OLD, "linux/amd64", "pending")
    assert f"@{OLD}" in inside.reference

    error = {"error": "Its python3 does not start.", "cure": "Use an image with python3."}
    ImageContents.objects.update(state="failed", packages=[], **error)
    shown = words(admin, address)
    assert "Its python3 does not start. Use an image with python3." in shown
    admin.post(f"{address}look/", {"digest": OLD})
    assert ImageContents.objects.get().state == "pending"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "Give the definition"),
        ({"path": "ee.yml"}, "counts only with a project"),
        ({"text": "version: 3", "project": "own"}, "not both"),
    ],
)
def test_a_definition_is_either_text_or_a_file_of_a_project(admin, values, field):
    row = ee_story.environment()
    if values.get("project"):
        values = {**values, "project": story.template().project_id}

    answer = admin.post(f"/environments/{row.pk}/build/", values)

    assert answer.status_code == 422
    assert field in answer.content.decode()
    assert not EnvironmentDefinition.objects.exists()


def test_a_definition_is_kept_and_shown(admin):
    row = ee_story.environment()
    text = "version: 3\nimages:\n  base_image:\n    name: localhost/gantry/starter-ee:latest\n"

    admin.post(f"/environments/{row.pk}/build/", {"text": text})

    assert EnvironmentDefinition.objects.get(environment=row).text.replace("\r", "") == text.strip()
    assert "base_image" in words(admin, f"/environments/{row.pk}/build/")


def test_a_definition_is_built_in_a_group_of_instances(admin):
    from gantry.resources.models import InstanceGroup

    row = ee_story.environment()
    builders = InstanceGroup.objects.create(name="builders")
    cluster = InstanceGroup.objects.create(name="cluster", is_container_group=True)
    shown = admin.get(f"/environments/{row.pk}/build/").content.decode()
    assert f'<option value="{builders.pk}">builders' in shown
    assert f'<option value="{cluster.pk}">' not in shown

    admin.post(f"/environments/{row.pk}/build/", {
        "text": "version: 3", "instance_group": builders.pk,
    })  # fmt: skip
    assert EnvironmentDefinition.objects.get(environment=row).instance_group == builders


def test_locks_are_files_to_download(admin):
    row = ee_story.environment()
    assert admin.get(f"/environments/{row.pk}/lock/").status_code == 404
    EnvironmentDefinition.objects.create(environment=row, text="version: 3", lock="lock: 1\n")
    build = EnvironmentBuild.objects.create(
        kind="environment_build", environment=row, image=row.image, definition="version: 3",
        lock="lock: 2\n", status="successful", result_digest=NEW,
    )  # fmt: skip

    answer = admin.get(f"/environments/{row.pk}/lock/")
    assert answer.content == b"lock: 1\n"
    assert answer["Content-Disposition"].startswith("attachment")
    assert admin.get(f"/builds/{build.pk}/lock/").content == b"lock: 2\n"
    assert "6e6577222222" in words(admin, f"/environments/{row.pk}/build/")


def test_packages_are_filtered_while_typing(page: Page):
    row = ee_story.drifted()
    ee_story.inspected(OLD, packages=ee_story.packages(1000))
    page.goto(f"/environments/{row.pk}/contents/")
    rows = page.locator("#packages tbody tr:visible")
    expect(rows).to_have_count(1006)

    page.get_by_label("Name of a package").fill("lib099")
    expect(rows).to_have_count(10)
    expect(page.get_by_role("heading", name="Collections")).to_be_hidden()
    expect(page.get_by_role("heading", name="Debian packages")).to_contain_text("10")

    page.get_by_label("Name of a package").fill("nothing-like-it")
    expect(page.get_by_text("No package matches")).to_be_visible()


def test_a_digest_is_pinned_through_the_dialog(page: Page):
    row = ee_story.drifted()
    page.goto(f"/environments/{row.pk}/")

    page.get_by_role("button", name="Pin …").click()
    expect(page.get_by_label("Digest", exact=True)).to_have_value(OLD)
    page.get_by_role("button", name="Pin", exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("Pinned")
    row.refresh_from_db()
    assert row.pinned_digest == OLD


def test_a_definition_with_a_mistake_is_refused_by_line_and_key(admin):
    row = ee_story.environment()

    answer = admin.post(
        f"/environments/{row.pk}/build/", {"text": "version: 3\nimagez:\n  base_image: {}\n"}
    )

    assert answer.status_code == 422
    told = answer.content.decode()
    assert "imagez" in told.split("textarea>")[1]
    assert "ine 2" in told
    assert not EnvironmentDefinition.objects.exists()


def test_the_build_button_leads_to_the_page_of_the_build(admin):
    row = ee_story.environment()
    text = "version: 3\nimages:\n  base_image:\n    name: localhost/gantry/starter-ee:latest\n"
    admin.post(f"/environments/{row.pk}/build/", {"text": text})

    answer = admin.post(f"/environments/{row.pk}/build/start/", {"fresh": "yes"})

    build = EnvironmentBuild.objects.get()
    assert answer["Location"] == f"/jobs/{build.pk}/"
    assert (build.use_cache, build.lock_used, build.created_by.username) == (False, "", "admin")
    shown = words(admin, f"/jobs/{build.pk}/")
    assert "Base image" in shown
    assert "Start pod" not in shown


def test_a_build_from_a_lock_that_is_not_there_is_refused_in_words(admin):
    row = ee_story.environment()
    admin.post(f"/environments/{row.pk}/build/", {"text": "version: 3\n"})

    answer = admin.post(f"/environments/{row.pk}/build/start/", {"locked": "yes"}, follow=True)

    assert "lock" in answer.content.decode().split('role="alert"')[1][:400]
    assert not EnvironmentBuild.objects.exists()


def test_an_environment_moves_to_no_other_organization(admin):
    row = ee_story.environment(organization=story.organization())
    other = Organization.objects.create(name="Other")
    values = {"name": row.name, "image": row.image, "pull": ""}

    refused = admin.post(f"/environments/{row.pk}/edit/", {**values, "organization": other.pk})

    assert refused.status_code == 422
    row.refresh_from_db()
    assert row.organization == story.organization()


def test_of_a_managed_environment_only_pull_is_changed(admin):
    row = ExecutionEnvironment.objects.get(managed=True)
    before = row.image

    admin.post(
        f"/environments/{row.pk}/edit/",
        {"name": "Mine now", "image": "registry.example.com/evil:1", "pull": "always"},
    )

    row.refresh_from_db()
    assert (row.image, row.pull, row.managed) == (before, "always", True)
    assert row.name != "Mine now"
