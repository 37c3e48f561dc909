"""The job page's search, filters, folds, pictures and comparison, in a browser."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.web import story
from tests.web.test_job_page import lines, open_job


@pytest.fixture
def webs(db, write):
    job = story.job("done", "failed", job_explanation="A task failed on 1 of 4 hosts.")
    writer = write(job)
    story.web_servers(writer.pod)
    writer.send()
    job.refresh_from_db()
    return job


def test_search_counts_over_the_whole_output_and_goes_from_match_to_match(page: Page, write):
    job = story.job("done", "successful")
    writer = write(job)
    for n in range(3):
        writer.pod.oks(2000)
        writer.pod.event("verbose", f"needle number {n}")
    writer.send()
    open_job(page, job)

    page.keyboard.press("/")
    page.keyboard.type("NEEDLE")
    expect(page.locator("#find-count")).to_have_text("3")
    for line, count in ((2001, "1 of 3"), (4002, "2 of 3"), (6003, "3 of 3"), (2001, "1 of 3")):
        page.keyboard.press("Enter")
        expect(page.locator(f"#line-{line}.target")).to_be_in_viewport()
        expect(page.locator("#find-count")).to_have_text(count)
    assert page.evaluate("[...CSS.highlights.get('found')].map(String)") == ["needle"]


def test_filters_show_their_lines_under_their_headings_and_stay_in_the_address(page: Page, webs):
    open_job(page, webs)
    page.get_by_role("button", name="Filter").click()

    page.get_by_label("Host", exact=True).fill("web3")
    page.get_by_label("Failed", exact=True).check()

    expect(page.locator("#filter-words")).to_have_text("1 line")
    expect(page.locator("#log .ln")).to_have_count(3)  # its play and its task above it
    shown = [line[:26] for line in lines(page)]
    assert shown[1:] == ["TASK [certificates : Fetch", "fatal: [web3.example.com]:"]
    page.reload()
    expect(page.locator("#log .ln")).to_have_count(3)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#log .ln")).to_have_count(webs.lines)
    assert "host=" not in page.url


def test_tasks_fold_under_their_headings(page: Page, webs):
    open_job(page, webs)
    before = webs.lines
    expect(page.locator("#log .ln")).to_have_count(before)

    page.keyboard.press("z")
    expect(page.locator("#log .fold.closed")).not_to_have_count(0)
    assert page.locator("#log .ln").count() < before
    page.locator("#log .ln", has_text="Gathering Facts").locator(".fold").click()
    expect(page.get_by_text("ok: [web1.example.com]").first).to_be_visible()
    page.keyboard.press("z")
    expect(page.locator("#log .ln")).to_have_count(before)


def test_a_lines_event_is_shown_with_its_diff(page: Page, write):
    job = story.job("done", "successful")
    writer = write(job)
    writer.pod.event(
        "runner_on_ok", "changed: [web1]", host="web1", task="Write",
        res={"diff": {"before": "listen 80\n", "after": "<b>listen 443</b>\n"}},
    )  # fmt: skip
    writer.send()
    open_job(page, job)

    page.locator("#line-1 .tx").click()
    page.keyboard.press("e")

    dialog = page.get_by_role("dialog")
    expect(dialog.locator("del .words")).to_have_text("listen 80")
    expect(dialog.locator("ins .words")).to_have_text("<b>listen 443</b>")
    assert json.loads(dialog.locator("pre").text_content())["host"] == "web1"


def test_a_cell_of_the_matrix_leads_to_its_line(page: Page, webs):
    open_job(page, webs)
    page.keyboard.press("m")
    expect(page.locator("#matrix-count")).to_have_text(re.compile("^10 tasks . 4 hosts"))

    page.get_by_label("Only with failures").check()
    expect(page.locator("#matrix-count")).to_have_text(re.compile("^1 task . 4 hosts"))
    page.locator("#matrix-scroll").focus()
    page.keyboard.press("Home")
    expect(page.locator("#matrix-cell")).to_contain_text("on web3.example.com: failed")
    page.get_by_text("As a table").click()
    expect(page.get_by_role("cell", name="web3.example.com").last).to_be_visible()
    page.locator("#matrix-scroll").focus()
    page.keyboard.press("Enter")

    expect(page.locator("#line-44.target")).to_be_in_viewport()
    page.go_back()
    expect(page.locator("#matrix-count")).to_be_visible()


def test_the_timeline_has_plays_tasks_and_hosts(page: Page, write):
    job = story.job("done", "successful", forks=5)
    writer = write(job)
    writer.pod.play("Sites")
    writer.pod.task("Write")
    for host in ("a", "b"):
        writer.pod.event("runner_on_start", host=host, task="Write")
    for host in ("a", "b"):
        writer.pod.ok(host, "Write")
    writer.send()
    open_job(page, job, "?view=timeline")

    expect(page.locator("#forks-words")).to_have_text("at most 2 of 5")
    expect(page.locator("#host-bars li")).to_have_count(2)
    page.get_by_role("button", name="Write").click()
    expect(page.locator("#view-output")).to_be_visible()


def test_two_runs_are_compared(page: Page, write):
    template = story.template()
    old, new = (
        story.job("done", "failed", job_template=template, unified_job_template=template,
                  scm_revision=commit)
        for commit in ("a" * 40, "b" * 40)
    )  # fmt: skip
    for job, fail in ((old, True), (new, False)):
        writer = write(job)
        story.web_servers(writer.pod, fail=fail)
        writer.send()

    page.goto(f"/jobs/{new.pk}/")
    page.get_by_role("link", name="Compare").click()

    expect(page.get_by_text("a" * 40)).to_be_visible()
    row = page.get_by_role("row", name="certificates : Fetch from the vault web3.example.com")
    expect(row).to_contain_text("failed")
    expect(row).to_contain_text("not any more")


def test_hostile_lines_turn_nothing_around(page: Page, write):
    job = story.job("done", "successful")
    writer = write(job)
    writer.pod.event("verbose", "user\u202e txt.exe \u2066safe\u2069")
    writer.pod.event("verbose", "x" * (5 << 20))
    writer.pod.event("verbose", "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\ \x9b31m")
    writer.send()
    open_job(page, job)

    expect(page.locator("#line-1 .tx")).to_have_text("user[U+202E] txt.exe [U+2066]safe[U+2069]")
    expect(page.locator("#line-2 .tx")).to_contain_text("5,210,112 more characters in this line")
    expect(page.locator("#line-3 .tx")).to_have_text("here \ufffd31m")
    assert page.locator("#log a:not(.no)").count() == 0
