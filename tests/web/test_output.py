"""Blocks of lines are what ansible printed, from any line to any line."""

from __future__ import annotations

from tests.web import story


def fetched(client, job, start, end):
    return client.get(f"/jobs/{job.pk}/lines/?from={start}&to={end}").json()["events"]


def text(events):
    return "".join(event[2] for event in events)


def test_blocks_together_are_the_whole_output(admin, write):
    job = story.job()
    writer = write(job)
    story.web_servers(writer.pod)
    writer.send()
    job.refresh_from_db()

    whole = text(fetched(admin, job, 0, job.lines))
    parts = [text(fetched(admin, job, at, at + 7)) for at in range(0, job.lines, 7)]

    assert whole.count("\n") == job.lines
    assert "".join(parts).replace("\x1b[0;32m", "") == whole.replace("\x1b[0;32m", "")
    assert all(part.count("\n") == 7 for part in parts[:-1])


def test_a_block_in_the_middle_of_a_long_event_keeps_its_colour(admin, write):
    job = story.job()
    writer = write(job)
    writer.pod.event("runner_on_ok", "\x1b[0;31m" + "\r\n".join(f"row {n}" for n in range(99)))
    writer.send()

    (event,) = fetched(admin, job, 50, 53)

    assert event[1] == 50
    assert event[2] == "\x1b[0;31mrow 50\nrow 51\nrow 52\n"


def test_a_line_begun_by_one_event_is_ended_by_the_next(admin, write):
    job = story.job()
    writer = write(job)
    writer.pod.event("verbose", "Password: ", lines=0)
    writer.pod.event("verbose", "accepted", lines=1)
    writer.send()

    assert text(fetched(admin, job, 0, 1)) == "Password: accepted\n"


def test_a_line_of_five_megabytes_is_cut_for_the_page(admin, write):
    job = story.job()
    writer = write(job)
    writer.pod.event("verbose", "x" * (5 << 20))
    writer.send()

    (event,) = fetched(admin, job, 0, 1)

    assert len(event[2]) < 40_000
    assert "more characters in this line" in event[2]


def test_nonsense_ranges_are_harmless(admin):
    job = story.job()

    for query in ("", "?from=x&to=y", "?from=-5&to=9", "?from=9&to=3", "?from=1&to=99999999999999"):
        assert admin.get(f"/jobs/{job.pk}/lines/{query}").json() == {"events": []}
