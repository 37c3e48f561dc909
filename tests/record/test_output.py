"""stdout by line: any page equals the same lines of the whole text, as ansible wrote it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gantry.base.redact import Redactor
from gantry.pods.frames import Frame, Kind
from gantry.record import output, rows
from gantry.resources.events import event_id

CREATED = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
LETTERS = "ab\x1b[31mé\r\x85\u2028<& "


class Writer:
    """Writes events as the callback plug-in notes what ansible prints, and keeps the whole text."""

    def __init__(self, url, job):
        self.url, self.job = url, job
        self.text, self.counter = "", 0

    def write(self, *texts):
        made = rows.RowMaker(self.job.id, CREATED, Redactor([]), {})
        frames = []
        for text in texts:
            self.counter += 1
            noted = text.replace("\n", "\r\n").rstrip("\r\n")
            body = rows.dumps({"event": "verbose", "stdout": noted, "event_data": {}})
            start, lines = self.text.count("\n"), text.count("\n")
            frames.append(Frame(Kind.EVENT, self.counter, self.counter, start, lines, body))
            self.text += text
        with psycopg.connect(self.url) as connection:
            copy = f"COPY resources_jobevent ({rows.COLUMNS}) FROM STDIN (FORMAT BINARY)"
            with connection.cursor().copy(copy) as copying:
                copying.write(rows.HEADER)
                copying.write(b"".join(r.data for r in made.rows(frames)))
                copying.write(rows.TRAILER)
            connection.execute(
                "UPDATE resources_unifiedjob SET lines=%s WHERE id=%s",
                [self.text.count("\n"), self.job.id],
            )
        return self

    def clear(self):
        self.text, self.counter = "", 0
        with psycopg.connect(self.url) as connection:
            connection.execute(
                "DELETE FROM resources_jobevent WHERE id >= %s AND id < %s",
                [event_id(self.job.id, 0), event_id(self.job.id + 1, 0)],
            )
        return self

    @property
    def lines(self):
        parts = self.text.split("\n")
        return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


@pytest.fixture
def written(database, job):
    return Writer(database, job)


# What one event prints: whole lines mostly, sometimes none or an unfinished one. A text that ends
# in CR without a newline would lose it in the callback already.
prints = st.lists(
    st.builds(
        lambda text, end: text.rstrip("\r") + end,
        st.text(LETTERS + "\n", max_size=12),
        st.sampled_from(["\n", "\n", "\n\n", "", "x"]),
    ),
    max_size=12,
)


@given(prints, st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[])
def any_page_is_those_lines(written, texts, data):
    written.clear().write(*texts)
    every = written.lines
    start = data.draw(st.integers(0, len(every) + 2))
    end = data.draw(st.integers(start, len(every) + 3))

    assert output.lines(written.job.id, start, end) == "".join(every[start:end])
    assert output.count(written.job.id) == len(every)
    assert "".join(output.stream_text(written.job.id)) == written.text


def test_any_page_is_those_lines(written):
    any_page_is_those_lines(written)


def test_a_page_may_begin_and_end_inside_an_event(written):
    written.write("one\ntwo\nthree\n", "", "four\n\n\n", "five: ", "", "5\nsix")

    assert output.lines(written.job.id, 1, 3) == "two\nthree\n"
    assert output.lines(written.job.id, 2, 4) == "three\nfour\n"
    assert output.lines(written.job.id, 5, 7) == "\nfive: 5\n"
    assert output.lines(written.job.id, 7, 99) == "six"
    assert output.lines(written.job.id, 3, 3) == ""


def test_pieces_of_a_download_are_bounded_and_make_the_whole(written, monkeypatch):
    monkeypatch.setattr(output, "PIECE_EVENTS", 3)
    monkeypatch.setattr(output, "PIECE_BYTES", 50)
    written.write(*[f"line {n} " + "x" * (n % 7) * 10 + "\n" for n in range(40)], "y" * 500, "end")

    pieces = list(output.stream_text(written.job.id))

    assert "".join(pieces) == written.text
    assert len(pieces) > 13


async def test_a_download_can_be_asynchronous(written, monkeypatch):
    monkeypatch.setattr(output, "PIECE_EVENTS", 2)
    await asyncio.to_thread(written.write, "a\n", "\x1b[1mb\x1b[0m\n", "c\n")

    pieces = [piece async for piece in output.stream_text_async(written.job.id, "txt")]

    assert pieces == ["a\nb\n", "c\n"]


def test_a_page_has_awx_s_json(written):
    written.write("\x1b[31mred\x1b[0m <b>\n", "two\n", "three")
    job = written.job.id

    assert output.page(job, 1, 2).json() == {
        "range": {"start": 1, "end": 2, "absolute_end": 3},
        "content": "two\n",
    }
    assert output.page(job, form="txt").content == "red <b>\ntwo\nthree"
    assert output.page(job, end=1, form="html").content == (
        '<span class="ansi-red">red</span> &lt;b&gt;\n'
    )
    assert output.page(job, -1).content == "three"
    assert output.page(job, 50, 60).json()["range"] == {"start": 3, "end": 3, "absolute_end": 3}


def test_a_job_without_output_is_an_empty_page(job):
    assert output.page(job.id).json() == {
        "range": {"start": 0, "end": 0, "absolute_end": 0},
        "content": "",
    }
    assert list(output.stream_text(job.id)) == []


def test_more_newlines_than_lines_do_not_shift_what_follows(written):
    assert output.event_text("a\r\nb\nc", 1) == "a\nb c"
    assert output.event_text("a\nb", 0) == "a b"
