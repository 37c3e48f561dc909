"""Schedules on the pages: said in fields, previewed, saved by the API's rules, on a calendar."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from gantry.resources.models import Schedule, User
from gantry.web.rules import Parts, build, in_words, take_apart
from tests.web import story
from tests.web.conftest import logged_in

START = datetime(2031, 3, 3, 9, 0)
WEEKDAYS = {
    "name": "Office hours", "mode": "built", "start": "2031-03-03T09:00", "zone": "Europe/Berlin",
    "repeat": "weekly", "interval": "2", "weekdays": ["MO", "FR"], "ends": "until",
    "until": "2031-12-31T18:00", "skipped": "12-25\n2031-05-16", "missed_runs": "skip",
    "enabled": "on",
}  # fmt: skip


@pytest.mark.parametrize(
    "parts",
    [
        Parts(START),
        Parts(START, "Europe/Berlin", "hourly", 6, ["MO", "TU"], skipped=[(None, 12, 25)]),
        Parts(START, repeat="weekly", interval=2, weekdays=["MO", "FR"], count=7),
        Parts(START, "America/New_York", "monthly", nth=-1, weekday="FR", until=START),
        Parts(START, repeat="monthly", day=31, skipped=[(2031, 5, 31), (None, 8, 31)]),
        Parts(START, repeat="yearly", month=3, day=3),
        Parts(START, repeat="daily", skipped=[(2031, 3, 3)]),
    ],
)
def test_what_a_form_says_is_read_back_from_the_rule(parts: Parts) -> None:
    assert take_apart(build(parts)) == parts


@pytest.mark.parametrize(
    "text",
    [
        "DTSTART:20310303T090000Z RRULE:FREQ=DAILY;INTERVAL=1 RRULE:FREQ=WEEKLY;INTERVAL=1",
        "DTSTART:20310303T090000Z RRULE:FREQ=YEARLY;INTERVAL=1;BYWEEKNO=20",
        "DTSTART:20310303T090000Z RRULE:FREQ=MONTHLY;INTERVAL=1;BYDAY=MO,TU;BYSETPOS=1",
    ],
)
def test_a_rule_that_no_form_can_show_stays_text(text: str) -> None:
    assert take_apart(text) is None
    assert in_words(text) == text


def test_rules_are_told_in_words() -> None:
    second = Parts(START, "Europe/Berlin", "monthly", nth=2, weekday="TU", skipped=[(None, 12, 24)])

    assert in_words(build(second)) == (
        "Every month on the second Tuesday at 09:00, Europe/Berlin · not on 12-24"
    )


def test_a_schedule_is_made_of_fields_and_previewed(admin: Client) -> None:
    template = story.template(ask_limit_on_launch=True, ask_variables_on_launch=True)
    address = f"/schedules/add/?template={template.pk}"

    shown = admin.post(address, {**WEEKDAYS, "preview": "yes"}).content.decode()
    assert "Every 2 weeks on Monday and Friday" in shown
    assert not Schedule.objects.filter(name="Office hours").exists()
    admin.post(address, {**WEEKDAYS, "limit": "web1*", "extra_vars": "port: 1"})

    row = Schedule.objects.get(name="Office hours")
    assert row.rrule.startswith("DTSTART;TZID=Europe/Berlin:20310303T090000 RRULE:FREQ=WEEKLY;")
    assert "UNTIL=20311231T170000Z" in row.rrule
    assert (row.missed_runs, row.created_by.username) == ("skip", "admin")
    assert (row.char_prompts, row.extra_data) == ({"limit": "web1*"}, {"port": 1})
    runs = [when.date().isoformat() for when in row.recurrence().since(row.dtstart)]
    assert "2031-05-12" in runs
    assert "2031-05-16" not in runs
    assert 'value="web1*"' in admin.get(f"/schedules/{row.pk}/edit/").content.decode()


def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(admin: Client) -> None:
    template = story.template(ask_limit_on_launch=True)
    address = f"/schedules/add/?template={template.pk}"

    for more, words in (
        ({"start": ""}, "When may it run first?"),
        ({"skipped": "31-31"}, "31-31 is no day"),
        ({"until": "2030-01-01T00:00"}, "before its first run"),
        (
            {"mode": "text", "rrule": "DTSTART:20310303T090000Z RRULE:FREQ=DAILY"},
            "INTERVAL required",
        ),
    ):
        answer = admin.post(address, {**WEEKDAYS, "limit": "kept*", **more})
        assert answer.status_code == 422, more
        assert words in answer.content.decode()
        assert 'value="kept*"' in answer.content.decode()
    admin.post(address, WEEKDAYS)
    twice = admin.post(address, WEEKDAYS)
    assert twice.status_code == 422
    assert "already exists" in twice.content.decode()


def test_saved_secrets_are_kept_and_never_shown(admin: Client) -> None:
    from gantry.resources.surveys import set_survey

    template = story.template(survey_enabled=True)
    question = {"question_name": "Token", "variable": "token", "type": "password", "required": True}
    assert set_survey(template, {"name": "", "description": "", "spec": [question]}) == ""
    template.save()
    admin.post(f"/schedules/add/?template={template.pk}", {**WEEKDAYS, "survey:token": "swordfish"})
    row = Schedule.objects.get(name="Office hours")

    for address in (f"/schedules/{row.pk}/", f"/schedules/{row.pk}/edit/"):
        assert "swordfish" not in admin.get(address).content.decode()
    admin.post(f"/schedules/{row.pk}/edit/", {**WEEKDAYS, "name": "Renamed"})

    row.refresh_from_db()
    assert (row.name, row.open_data()) == ("Renamed", {"token": "swordfish"})


def test_rights_are_the_templates(db: str) -> None:
    template = story.template()
    row = Schedule.objects.create(
        name="Nightly", unified_job_template=template,
        rrule="DTSTART:20310303T090000Z RRULE:FREQ=DAILY;INTERVAL=1",
    )  # fmt: skip
    User.objects.create_user("stranger", password="x")
    auditor = story.member("auditor")
    User.objects.filter(pk=auditor.pk).update(is_system_auditor=True)
    strange, reads = logged_in("stranger"), logged_in("auditor")

    assert "Nightly" not in strange.get("/schedules/").content.decode()
    assert strange.get(f"/schedules/{row.pk}/").status_code == 404
    shown = reads.get(f"/schedules/{row.pk}/").content.decode()
    assert "Switch off" not in shown
    assert "Delete" not in shown
    for address in ("switch", "edit"):
        assert reads.post(f"/schedules/{row.pk}/{address}/").status_code == 403
    assert reads.get(f"/schedules/add/?template={template.pk}").status_code == 403


def test_the_calendar_shows_each_day_in_the_persons_own_zone(admin: Client) -> None:
    Schedule.objects.all().delete()
    Schedule.objects.create(
        name="Late", unified_job_template=story.template(),
        rrule="DTSTART:20310303T233000Z RRULE:FREQ=DAILY;INTERVAL=1;COUNT=1",
    )  # fmt: skip

    def day() -> str:
        html = admin.get("/schedules/calendar/?month=2031-03").content.decode()
        cell = next(c for c in re.findall(r"<td.*?</td>", html, re.S) if "Late" in c)
        return str(re.search(r'datetime="([^"]+)"', cell)[1])  # type: ignore[index]

    assert day() == "2031-03-03"
    admin.cookies["zone"] = "Europe/Berlin"
    assert day() == "2031-03-04"
    assert admin.get("/schedules/calendar/?month=0-0").status_code == 404


def test_in_a_browser_the_next_runs_follow_what_is_chosen(page: Page, admin: Any) -> None:
    template = story.template()
    page.goto(f"/schedules/add/?template={template.pk}")
    page.get_by_label("Name").fill("Patch days")
    page.get_by_label("First run not before").fill("2031-03-03T09:00")
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_label("Repeat").select_option("monthly")
    page.get_by_label("On", exact=True).select_option("weekday")
    page.get_by_label("Which").select_option("2")
    page.get_by_label("Weekday", exact=True).select_option("TU")
    expect(page.get_by_label("Only on")).to_be_hidden()
    expect(page.locator("#preview")).to_contain_text("Every month on the second Tuesday at 09:00")
    expect(page.locator("#preview li").first).to_contain_text("2031-03-11 09:00")

    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name="Patch days")).to_be_visible()
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("button", name="Switch on")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Patch days deleted.")).to_be_visible()
    assert not Schedule.objects.filter(name="Patch days").exists()
