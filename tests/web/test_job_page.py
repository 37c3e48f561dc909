"""A job's page in a browser: live, from the middle, after a lost server, with hostile output."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.web import story
from tests.web.conftest import Server, eventually


def lines(page: Page) -> list[str]:
    return page.locator("#log .ln .tx").all_text_contents()


def numbers(page: Page) -> list[int]:
    """Numbers of the lines that are in the page, in their order."""
    found = page.evaluate("[...document.querySelectorAll('#log .ln')].map(n => n.id.slice(5))")
    return [int(n) for n in found]


def open_job(page: Page, job: story.Job, anchor: str = "") -> None:
    page.goto(f"/jobs/{job.pk}/{anchor}")
    expect(page.locator("#line-count")).not_to_be_empty()


def test_the_launch_button_leads_to_the_jobs_page(page: Page):
    story.template("Say hello")
    page.goto("/templates/")

    page.get_by_role("button", name="Launch Say hello").click()

    page.wait_for_url("**/jobs/*/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Say hello")
    expect(page.get_by_text("No output yet")).to_be_visible()


def test_lines_show_up_as_they_are_recorded(page: Page, write):
    job = story.job()
    writer = write(job)
    open_job(page, job)

    for round_ in range(5):
        writer.pod.oks(3, round_ * 3)
        writer.send()
        expect(page.locator("#log .ln")).to_have_count(round_ * 3 + 3)

    assert numbers(page) == list(range(1, 16))
    assert lines(page)[14] == "ok: [node0] => (item=14)"
    assert page.locator("#line-15 .c2").count() == 1  # green


def test_opened_in_the_middle_it_shows_all_that_came_before_and_goes_on(page: Page, write):
    job = story.job()
    writer = write(job)
    writer.pod.oks(130)
    writer.send()

    open_job(page, job)
    expect(page.locator("#line-130")).to_be_visible()
    writer.pod.oks(200, 130)
    writer.send()

    expect(page.locator("#line-330")).to_be_visible()
    assert numbers(page) == list(range(1, 331))


def test_a_killed_server_loses_nothing(page: Page, write, server: Server):
    job = story.job()
    writer = write(job)
    writer.pod.oks(20)
    writer.send()
    open_job(page, job)
    expect(page.locator("#line-20")).to_be_visible()

    server.kill()
    expect(page.get_by_text("Connection lost")).to_be_visible()
    writer.pod.oks(40, 20)
    writer.send()
    server.start()
    writer.pod.oks(10, 60)
    writer.send()

    expect(page.locator("#line-70")).to_be_visible()
    assert numbers(page) == list(range(1, 71))
    assert [line[-3:-1] for line in lines(page)[10:]] == [str(n) for n in range(10, 70)]
    expect(page.get_by_text("Connection lost")).to_be_hidden()


def test_the_end_of_a_job_changes_the_page_without_a_reload(page: Page, write):
    job = story.job(job_template=story.template())
    writer = write(job)
    open_job(page, job)
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()

    story.web_servers(writer.pod)
    writer.send()
    proof = {"pod": "gantry-job", "engine": "podman", "removed": True}
    story.end(job, "failed", job_explanation="A task failed on 1 of 4 hosts.", cleanup=proof)

    expect(page.get_by_role("heading", level=1)).to_contain_text("Failed")
    expect(page.get_by_text("A task failed on 1 of 4 hosts.")).to_be_visible()
    expect(page.get_by_role("cell", name="web3.example.com")).to_be_visible()
    expect(page.get_by_text("podman no longer knows it")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    expect(page.locator("#status-words")).to_have_text("Failed")


def test_while_pulling_the_bytes_are_shown(page: Page):
    job = story.job("pulling", "waiting", pull_progress={"current": 0, "total": 900_000_000})
    open_job(page, job)

    story.move(job, pull_progress={"current": 312_000_000, "total": 900_000_000})
    expect(page.locator("#pull-words")).to_have_text("312 MB of 900 MB")

    times = {**job.stage_times, "preparing": job.stage_times["pulling"]}
    story.move(job, stage="preparing", stage_times=times)
    expect(page.locator("#pull-words")).to_have_count(0)
    expect(page.locator(".step[aria-current=step]")).to_contain_text("Prepare")


def test_what_a_job_waits_for_is_told(page: Page):
    job = story.job("queued", "pending")
    open_job(page, job)

    story.move(job, waiting_for="Waiting for a free place: 20 of 20 jobs are running.")

    expect(page.locator("#job-head .waiting")).to_contain_text("20 of 20 jobs")


def test_n_goes_from_one_failed_task_to_the_next(page: Page, write):
    job = story.job("done", "failed", job_explanation="Tasks failed.")
    writer = write(job)
    for at in range(3):
        writer.pod.oks(400)
        writer.pod.failed("web3", f"Step {at}", '{"msg": "no"}')
    writer.send()

    open_job(page, job)
    expect(page.locator("#line-401")).to_be_in_viewport()  # where the trouble began
    for line in (802, 1203, 401):
        page.keyboard.press("n")
        expect(page.locator(f"#line-{line}.target")).to_be_in_viewport()
    page.get_by_role("button", name="Previous failed task").click()
    expect(page.locator("#line-1203.target")).to_be_in_viewport()


def test_a_link_to_a_line_opens_there(page: Page, write):
    job = story.job()
    writer = write(job)
    writer.pod.oks(3000)
    writer.send()

    open_job(page, job, "#line-1777")

    expect(page.locator("#line-1777.target")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "false")


def test_the_view_keeps_its_place_while_lines_arrive(page: Page, write):
    job = story.job()
    writer = write(job)
    writer.pod.oks(600)
    writer.send()
    open_job(page, job, "#line-300")
    expect(page.locator("#line-300.target")).to_be_in_viewport()
    eventually(lambda: page.evaluate("document.querySelectorAll('#log .ln').length") >= 500)
    before = page.locator("#line-300").bounding_box()

    writer.pod.oks(500, 600)
    writer.send()

    expect(page.locator("#line-count")).to_have_text("1,100 lines")
    assert page.locator("#line-300").bounding_box() == before
    page.get_by_role("button", name="Newest line").click()
    expect(page.locator("#line-1100")).to_be_in_viewport()


def test_scrolling_up_stops_following(page: Page, write):
    job = story.job()
    writer = write(job)
    writer.pod.oks(200)
    writer.send()
    open_job(page, job)
    expect(page.locator("#line-200")).to_be_in_viewport()
    follow = page.get_by_role("button", name="Follow")
    expect(follow).to_have_attribute("aria-pressed", "true")

    page.locator("#log").hover()
    page.mouse.wheel(0, -600)

    expect(follow).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("f")
    expect(page.locator("#line-200")).to_be_in_viewport()


def test_hostile_output_is_text(page: Page, write):
    job = story.job(name="<img src=x onerror=alert(1)>")
    writer = write(job)
    hostile = [
        "<script>window.hacked = 1</script>",
        "<img src=x onerror='window.hacked = 1'>",
        "\x1b]8;;javascript:window.hacked=1\x07click\x1b]8;;\x07",
        "\x1b[31m<b>red</b>\x1b[0m\x1b[2J\x1b[H\x07",
        "12 %\r56 %\r100 %",
    ]
    for line in hostile:
        writer.pod.event("verbose", line, lines=1)
    writer.send()

    open_job(page, job)

    expect(page.locator("#log .ln")).to_have_count(5)
    assert lines(page) == [hostile[0], hostile[1], "click", "<b>red</b>\ufffd", "100 %"]
    assert page.evaluate("window.hacked") is None
    assert page.locator("#log img, #log b, #log script, #log a:not(.no)").count() == 0
    expect(page.get_by_role("heading", level=1)).to_contain_text("<img src=x onerror=alert(1)>")


def test_a_hundred_thousand_lines_open_at_any_line(page: Page, write):
    job = story.job("done", "successful")
    writer = write(job)
    writer.pod.oks(100_000)
    writer.send(5000)

    open_job(page, job)
    expect(page.locator("#line-1")).to_be_visible()
    page.evaluate("location.hash = '#line-98765'")
    expect(page.locator("#line-98765.target")).to_be_in_viewport()
    expect(page.locator("#line-98765")).to_contain_text("(item=98764)")
    assert page.locator("#log .ln").count() < 10_000


def test_the_theme_is_kept(page: Page):
    page.get_by_role("button", name="Switch between light and dark").click()
    chosen = page.evaluate("document.documentElement.dataset.theme")

    page.reload()

    assert page.evaluate("document.documentElement.dataset.theme") == chosen == "dark"


def test_a_dialog_asks_before_a_job_is_canceled(page: Page):
    job = story.job()
    open_job(page, job)

    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Let it run").click()
    job.refresh_from_db()
    assert not job.cancel_flag

    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_role("button", name="Canceling")).to_be_visible()
    job.refresh_from_db()
    assert job.cancel_flag


def test_on_a_phone_nothing_sticks_out(page: Page, write):
    page.set_viewport_size({"width": 380, "height": 800})
    story.template()
    job = story.job("done", "failed", job_explanation="A task failed on 1 of 4 hosts.")
    writer = write(job)
    story.web_servers(writer.pod)
    writer.send()

    for address in ("/", "/jobs/", "/templates/", "/projects/", "/environments/",
                    "/projects/add/", f"/jobs/{job.pk}/"):  # fmt: skip
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 380, address
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Organizations").click()
    page.wait_for_url("**/organizations/")
