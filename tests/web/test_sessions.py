"""What browsers and people do: a login that ends, two tabs, back and reload in mid-run, the
connection lost and found, somebody with few rights."""

from __future__ import annotations

import re

from django.contrib.sessions.models import Session
from django.test import Client
from playwright.sync_api import Page, expect

from gantry.resources.jobs import Job
from gantry.resources.organizations import Team
from gantry.resources.roles import role_on
from tests.web import story
from tests.web.conftest import ADMIN, log_in


def fill_in(page: Page, name: str = ADMIN[0], password: str = ADMIN[1]) -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_a_login_that_ended_is_told_and_leads_back_to_the_page(page):
    template = story.template("Old run")
    page.goto("/templates/?q=old")
    Session.objects.all().delete()

    page.get_by_role("link", name="Old run").click()
    page.get_by_text("Your login has ended").wait_for()
    fill_in(page)

    page.wait_for_url(f"**/templates/{template.pk}/")


def test_a_form_sent_after_the_end_leads_back_to_the_form_and_did_nothing(page):
    page.goto("/teams/add/")
    page.get_by_label("Name").fill("Operators")
    page.get_by_label("Organization").select_option("Default")
    Session.objects.all().delete()

    page.get_by_role("button", name="Save").click()
    page.get_by_text("Your login has ended").wait_for()
    fill_in(page)

    page.wait_for_url("**/teams/add/")
    assert not Team.objects.exists()


def test_a_running_jobs_page_whose_login_ended_says_so(page, write):
    job = story.job()
    page.goto(f"/jobs/{job.pk}/")
    page.get_by_role("heading", name="Configure web servers").wait_for()
    Session.objects.all().delete()

    story.end(job)  # the page asks for its panels again
    page.get_by_text("Your login has ended").wait_for()
    fill_in(page)
    page.wait_for_url(f"**/jobs/{job.pk}/")


def test_strangers_are_not_told_of_a_login_they_never_had(db):
    answer = Client().get("/jobs/")

    assert answer["Location"] == "/login/?next=%2Fjobs%2F"


def test_a_tab_from_before_another_login_is_told_what_to_do(page):
    story.template("Rotate")
    old = page.context.new_page()
    old.goto("/templates/")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login/**")
    fill_in(page)
    page.wait_for_url("**/")

    old.get_by_role("button", name="Launch Rotate").click()
    old.get_by_role("heading", name="This page is from before your login").wait_for()
    assert not Job.objects.exists()
    old.get_by_role("link", name="Open it again").click()
    old.wait_for_url("**/templates/")
    old.get_by_role("button", name="Launch Rotate").click()
    old.wait_for_url("**/jobs/*/")
    assert Job.objects.count() == 1


def test_two_tabs_of_a_job_both_follow_it(page, write):
    job = story.job()
    pod = write(job)
    tabs = [page, page.context.new_page()]
    for tab in tabs:
        tab.goto(f"/jobs/{job.pk}/")

    pod.pod.play("Both see it")
    pod.send()
    for tab in tabs:
        tab.get_by_text("PLAY [Both see it]").wait_for()
    story.end(job)
    for tab in tabs:
        expect(tab.get_by_role("heading", name="Configure web servers")).to_contain_text("Success")


def test_reload_and_back_in_mid_run_show_all_of_it(page, write):
    job = story.job()
    pod = write(job)
    pod.pod.play("First")
    pod.send()
    page.goto("/jobs/?status=active")
    page.get_by_role("link", name=re.compile("Configure web servers")).first.click()
    page.get_by_text("PLAY [First]").wait_for()

    page.reload()
    pod.pod.play("Second")
    pod.send()
    page.get_by_text("PLAY [Second]").wait_for()
    page.go_back()
    page.wait_for_url("**/jobs/?status=active")
    page.go_forward()
    for words in ("PLAY [First]", "PLAY [Second]"):
        page.get_by_text(words).wait_for()


def test_offline_for_a_while_nothing_is_missed(page, write):
    job = story.job()
    pod = write(job)
    page.goto(f"/jobs/{job.pk}/")
    pod.pod.play("Before")
    pod.send()
    page.get_by_text("PLAY [Before]").wait_for()

    page.context.set_offline(True)
    pod.pod.play("Meanwhile")
    pod.send()
    page.context.set_offline(False)
    page.get_by_text("PLAY [Meanwhile]").wait_for()


def test_a_form_gone_back_to_can_be_sent_again(page):
    page.goto("/teams/add/")
    page.get_by_label("Name").fill("Operators")
    page.get_by_label("Organization").select_option("Default")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved Operators.").wait_for()
    page.go_back()
    page.get_by_label("Name").fill("Engineers")
    page.get_by_label("Organization").select_option("Default")
    page.get_by_role("button", name="Save").click()

    page.get_by_text("Saved Engineers.").wait_for()
    assert Team.objects.count() == 2


def test_somebody_with_few_rights_sees_what_is_theirs_and_no_more(page):
    template = story.template("Rotate certificates")
    mia = story.member("mia")
    role_on(template, "execute_role").members.add(mia)
    other = story.template("Not for mia")
    page.context.clear_cookies()
    log_in(page, "mia", "secret words")

    page.goto("/templates/")
    page.get_by_role("button", name="Launch Rotate certificates").wait_for()
    assert page.get_by_text("Not for mia").count() == 0
    assert page.get_by_role("link", name="New template").count() == 0
    assert page.get_by_role("link", name="Settings").count() == 0
    page.goto(f"/templates/{template.pk}/")
    assert page.get_by_role("link", name="Edit").count() == 0
    for address in (f"/templates/{template.pk}/edit/", "/settings/", "/users/add/"):
        assert page.request.get(address).status == 403, address
    assert page.request.get(f"/templates/{other.pk}/").status == 404
    page.get_by_role("button", name="Launch").first.click()
    page.wait_for_url("**/jobs/*/")
    assert Job.objects.get().created_by == mia


def test_everything_is_reached_by_keyboard_and_content_first(page):
    page.goto("/jobs/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")

    assert page.evaluate("document.activeElement.id") == "main"
