"""What is around every page: the search over everything, and what is done with ticked rows."""

from __future__ import annotations

from django.test import Client

from gantry.resources.credentials import Credential, CredentialType
from gantry.resources.jobs import Job
from gantry.resources.organizations import Organization, Team, User
from gantry.resources.templates import JobTemplate
from tests.web import story
from tests.web.axe import complaints
from tests.web.conftest import logged_in


def found(client: Client, words: str) -> str:
    return client.get("/find/", {"q": words, "part": ""}).content.decode()


def test_the_search_finds_rows_of_every_noun_pages_and_jobs_by_number(admin):
    template = story.template("Otter run")
    Credential.objects.create(
        name="Otter key", credential_type=CredentialType.objects.get(name="Machine")
    )
    Organization.objects.create(name="Otters")
    User.objects.create_user("otto", first_name="Otterly")
    job = story.job(name="Feed the otter")

    shown = found(admin, "otter")

    for words in ("Otter run", "Otter key", "Otters", "Feed the otter"):
        assert words in shown
    assert f"/templates/{template.pk}/" in shown
    assert f"/jobs/{job.pk}/" in found(admin, f"#{job.pk}")
    assert "/inventories/" in found(admin, "invent")
    assert "New template" in found(admin, "new temp")


def test_the_search_shows_nothing_that_one_may_not_see(db):
    story.template("Secret plan")
    story.job(name="Secret run")
    User.objects.create_user("stranger", password="x")

    shown = found(logged_in("stranger"), "secret")

    assert "Secret plan" not in shown
    assert "Secret run" not in shown
    assert "New template" not in found(logged_in("stranger"), "new")


def test_the_search_takes_what_anybody_types(admin):
    for words in ("%", "\\", "a\0b", "<script>", "#" * 300, "9" * 40):
        assert admin.get("/find/", {"q": words}).status_code == 200
    assert "<script>alert" not in found(admin, "<script>alert(1)</script>")


def test_ctrl_k_goes_to_a_row_by_keyboard_alone(page):
    template = story.template("Rotate certificates")

    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search everything").wait_for()
    page.keyboard.type("rotate")
    page.get_by_role("option", name="Rotate certificates").wait_for()
    assert complaints(page) == []
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    page.wait_for_url(f"**/templates/{template.pk}/")
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    assert page.locator("#palette").is_hidden()


def test_ticked_rows_are_deleted_after_a_question_and_the_filter_stays(page):
    gone, kept = story.template("Old one"), story.template("Old two")
    page.goto("/templates/?q=Old")
    assert page.get_by_role("button", name="Delete selected").is_hidden()

    page.get_by_label("Select Old one").check()
    page.get_by_text("1 selected").wait_for()
    page.get_by_role("button", name="Delete selected").click()
    page.get_by_role("heading", name="Delete Old one?").wait_for()
    assert complaints(page) == []
    assert JobTemplate.objects.filter(pk=gone.pk).exists()
    page.get_by_role("button", name="Delete").click()

    page.wait_for_url("**/templates/?q=Old")
    page.get_by_text("Old one deleted.").wait_for()
    assert list(JobTemplate.objects.values_list("pk", flat=True)) == [kept.pk]


def bulk(client: Client, noun: str, do: str, *rows: object, **more: str) -> str:
    ids = [getattr(row, "pk", row) for row in rows]
    answer = client.post(f"/bulk/{noun}/", {"id": ids, "do": do, **more}, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_what_goes_with_a_row_is_said_before(admin):
    organization = Organization.objects.create(name="Leaving")
    Team.objects.create(name="Operators", organization=organization)

    shown = bulk(admin, "organizations", "delete", organization)

    assert "Delete Leaving?" in shown
    assert "With it would be gone:</b> 1 team" in shown
    assert Organization.objects.filter(name="Leaving").exists()


def test_what_a_running_job_needs_is_not_deleted_and_that_is_said(admin):
    template = story.template("Busy")
    story.job(job_template=template, unified_job_template=template)

    shown = bulk(admin, "templates", "delete", template)
    assert "being used by running jobs" in shown
    bulk(admin, "templates", "delete", template, sure="yes")

    assert JobTemplate.objects.filter(pk=template.pk).exists()


def test_jobs_are_canceled_relaunched_and_deleted_together(admin):
    template = story.template()
    more = {"job_template": template, "project": template.project, "inventory": template.inventory}
    over = [story.job("done", "failed", **more) for _ in range(2)]
    running = story.job()

    shown = bulk(admin, "jobs", "cancel", running, *over)
    assert "Cannot be done with 2" in shown
    bulk(admin, "jobs", "cancel", running, *over, sure="yes")
    running.refresh_from_db()
    assert running.cancel_flag

    bulk(admin, "jobs", "relaunch", *over, sure="yes")
    assert Job.objects.filter(launch_type="relaunch").count() == 2

    bulk(admin, "jobs", "delete", *over, sure="yes")
    assert not Job.objects.filter(pk__in=[job.pk for job in over]).exists()


def test_a_selection_does_nothing_that_one_may_not_do(db):
    template = story.template("Theirs")
    story.member("auditor")
    User.objects.filter(username="auditor").update(is_system_auditor=True)
    client = logged_in("auditor")

    assert "You may not do this" in bulk(client, "templates", "delete", template)
    bulk(client, "templates", "delete", template, sure="yes")
    assert JobTemplate.objects.filter(pk=template.pk).exists()

    User.objects.create_user("stranger", password="x")
    assert "Nothing is selected" in bulk(logged_in("stranger"), "templates", "delete", template)


def test_a_selection_leads_back_to_no_other_site(admin):
    template = story.template()

    answer = admin.post("/bulk/templates/", {"id": template.pk, "do": "delete", "sure": "yes",
                                             "back": "//evil.example/"})  # fmt: skip

    assert answer["Location"] == "/templates/"
    assert admin.post("/bulk/nothing/", {"do": "delete"}).status_code == 404
    assert admin.post("/bulk/templates/", {"do": "cancel"}).status_code == 404
    assert admin.get("/bulk/templates/").status_code == 405


def test_times_are_shown_as_distance_and_in_the_persons_own_zone(browser, server, db):
    from tests.web.conftest import log_in

    job = story.job("done", "successful")
    context = browser.new_context(
        base_url=server.url, timezone_id="Asia/Tokyo", locale="en-GB", color_scheme="dark"
    )
    opened = context.new_page()
    log_in(opened)
    opened.goto(f"/jobs/{job.pk}/")

    shown = opened.locator("time").first
    assert "ago" in shown.inner_text() or "just now" in shown.inner_text()
    title = shown.get_attribute("title") or ""
    context.close()
    from zoneinfo import ZoneInfo

    assert job.started is not None
    assert job.started.astimezone(ZoneInfo("Asia/Tokyo")).strftime("%H:%M:%S") in title
