"""What a job's page reads out of its output: lines found, headings, results, one event."""

from __future__ import annotations

import asyncio
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gantry.record import search
from tests.web import story


@pytest.fixture
def webs(db, write):
    """The web servers' run, and the text of each of its lines."""
    job = story.job("done", "failed")
    writer = write(job)
    story.web_servers(writer.pod)
    writer.send()
    job.refresh_from_db()
    return job


def whole(client, job):
    events = client.get(f"/jobs/{job.pk}/lines/?from=0&to={job.lines}").json()["events"]
    return "".join(event[2] for event in events).split("\n")[:-1]


def numbers(ranges):
    return [line for first, end in ranges for line in range(first, end)]


def ask(client, job, query):
    found, after = [], 0
    while True:
        piece = client.get(f"/jobs/{job.pk}/find/?{query}&after={after}").json()
        found += piece["lines"]
        after = piece["last"]
        if piece["done"]:
            return numbers(found)


@pytest.mark.parametrize("words", ["web3", "WEB3.EXAMPLE", "100%_", "fatal: [web3", "syntax is"])
def test_words_are_found_in_any_case_and_never_in_colour_codes(admin, webs, words):
    lines = whole(admin, webs)

    expected = [n for n, line in enumerate(lines) if words.lower() in line.lower()]

    assert ask(admin, webs, f"q={words.replace('%', '%25')}") == expected
    assert ask(admin, webs, "q=0;32m") == []


def test_words_across_a_change_of_colour_are_found(admin, write):
    job = story.job()
    writer = write(job)
    writer.pod.event("verbose", "\x1b[0;33mweb1\x1b[0m  : \x1b[0;32mok=7\x1b[0m  changed=0")
    writer.send()

    assert ask(admin, job, "q=web1  : ok=7") == [0]


def test_hosts_tasks_and_states_narrow_the_lines(admin, webs):
    lines = whole(admin, webs)

    failed = ask(admin, webs, "status=failed")
    assert [lines[n].startswith("\x1b[0;31mfatal: [web3") for n in failed] == [True]
    changed = ask(admin, webs, "status=changed&host=web1")
    assert changed
    assert all("changed: [web1.example.com]" in lines[n] for n in changed)
    both = ask(admin, webs, "status=changed&status=skipped&task=certificates")
    assert [lines[n][7:16] for n in both] == ["skipping:"]
    assert ask(admin, webs, "host=nobody") == []


def test_a_long_output_is_searched_in_pieces(admin, write, monkeypatch):
    monkeypatch.setattr(search, "PIECE", 70)
    monkeypatch.setattr(search, "ROWS_OF_TEXT", 9)
    job = story.job()
    writer = write(job)
    writer.pod.oks(500)
    writer.send()

    assert ask(admin, job, "q=node3") == [n for n in range(500) if n % 7 == 3]
    first = admin.get(f"/jobs/{job.pk}/find/?q=node3").json()
    assert not first["done"]
    assert first["head"] == 500


def test_a_search_can_be_gone_on_with_when_more_is_printed(admin, write):
    job = story.job()
    writer = write(job)
    writer.pod.oks(10)
    writer.send()
    piece = admin.get(f"/jobs/{job.pk}/find/?q=node1").json()
    writer.pod.oks(10, 10)
    writer.send()

    after = admin.get(f"/jobs/{job.pk}/find/?q=node1&after={piece['last']}").json()

    assert numbers(after["lines"]) == [15]
    assert after["done"]


def test_failed_and_changed_lines_are_found_by_their_indexes(admin, write):
    """However long the output is: the plan looks at nothing else."""
    job = story.job()
    writer = write(job)
    writer.pod.oks(3000)
    writer.pod.failed("node1", "Ping", "no")
    writer.pod.ok("node2", "Ping", changed=True)
    writer.send()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE resources_jobevent")

    for query, line in (("status=failed", 3000), ("status=changed", 3001)):
        with CaptureQueriesContext(connection) as asked:
            assert ask(admin, job, query) == [line]
        statement = next(q["sql"] for q in asked if "AS before" in q["sql"])
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + statement.replace("%", "%%"), [])
            (plan,) = cursor.fetchone()
        nodes = list(scans(plan[0]["Plan"]))
        assert nodes
        assert max(node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
                   for node in nodes) < 100, nodes  # fmt: skip


def scans(node):
    if "Scan" in node["Node Type"] and node["Node Type"] != "Subquery Scan":
        yield node
    for child in node.get("Plans", []):
        yield from scans(child)


def test_headings_say_where_plays_and_tasks_begin(admin, webs):
    lines = whole(admin, webs)

    found = admin.get(f"/jobs/{webs.pk}/headings/").json()

    assert found["done"]
    kinds = [kind for _, kind, *_ in found["headings"]]
    assert kinds.count("play") == 2
    assert kinds[-1] == "recap"
    for _, kind, first, line, name, _ in found["headings"]:
        assert lines[first] == ""
        assert name in lines[line]
        assert lines[line].startswith(kind.upper() if kind != "recap" else "PLAY RECAP")


def test_results_are_a_cell_for_each_task_and_host(admin, webs):
    found = admin.get(f"/jobs/{webs.pk}/results/").json()
    cells = {
        (found["tasks"][t][2], found["hosts"][h]): (found["states"][s], line)
        for t, h, s, line in zip(
            found["task"], found["host"], found["state"], found["line"], strict=True
        )
    }

    lines = whole(admin, webs)
    state, line = cells["certificates : Fetch from the vault", "web3.example.com"]
    assert state == "failed"
    assert "fatal: [web3.example.com]" in lines[line]
    assert cells["certificates : Fetch from the vault", "web2.example.com"][0] == "skipped"
    assert cells["nginx : Write the site", "web1.example.com"][0] == "changed"
    assert cells["nginx : Write the site", "web2.example.com"][0] == "ok"
    assert found["last"] == found["head"] == webs.emitted_events


def test_an_event_is_shown_with_what_it_changed_in_files(admin, write):
    job = story.job()
    writer = write(job)
    writer.pod.task("Write the site")
    writer.pod.event(
        "runner_on_ok", "changed: [web1]", host="web1", task="Write the site",
        res={"changed": True, "diff": [{
            "before_header": "/etc/site (content)", "after_header": "/etc/site (content)",
            "before": "listen 80\nname a\n", "after": "listen 443\nname a\n"}]},
    )  # fmt: skip
    writer.send()

    found = admin.get(f"/jobs/{job.pk}/event/?line=2").json()

    assert found["host"] == "web1"
    assert json.loads(found["data"])["res"]["changed"] is True
    (diff,) = found["diffs"]
    assert diff["before"] == "/etc/site (content)"
    assert diff["lines"][1:] == [["-", "listen 80"], ["+", "listen 443"], [" ", "name a"]]
    assert admin.get(f"/jobs/{job.pk}/event/?line=1").json()["event"] == "playbook_on_task_start"
    assert admin.get(f"/jobs/{story.job().pk}/event/?line=0").status_code == 404


def test_the_output_is_downloaded_in_every_format(admin, webs):
    def download(form):
        answer = admin.get(f"/jobs/{webs.pk}/output.{form}")
        assert "attachment" in answer["Content-Disposition"]

        async def read():
            return b"".join([piece async for piece in answer.streaming_content])

        return asyncio.run(read()).decode()

    plain = download("txt")
    assert "\x1b" not in plain
    assert "fatal: [web3.example.com]" in plain
    assert "\x1b[0;31mfatal" in download("ansi")
    assert '<span class="ansi-red">fatal' in download("html")
    whole = json.loads(download("json"))
    assert whole["content"] == download("ansi")
    assert whole["range"]["end"] == webs.lines
    assert admin.get(f"/jobs/{webs.pk}/output.exe").status_code == 404


def test_many_ranges_are_one_question(admin, webs):
    lines = whole(admin, webs)

    found = admin.get(f"/jobs/{webs.pk}/lines/?r=2-4,10-11,40-45").json()["events"]

    text = "".join(event[2] for event in found).split("\n")[:-1]
    plain = [line.replace("\x1b[0;32m", "") for line in lines[2:4] + lines[10:11] + lines[40:45]]
    assert [line.replace("\x1b[0;32m", "") for line in text] == plain
    assert next(event[1] for event in found) == 2


def test_a_job_tells_what_a_plain_relaunch_would_take_now(admin):
    template = story.template()
    job = story.job(
        "done", "failed", job_template=template, project=template.project, scm_revision="c" * 40
    )

    shown = admin.get(f"/jobs/{job.pk}/").content.decode()

    assert "A plain relaunch would differ" in shown
    assert story.COMMIT[:12] in shown
    job.scm_revision = template.project.scm_revision
    job.save()
    assert "would differ" not in admin.get(f"/jobs/{job.pk}/").content.decode()
