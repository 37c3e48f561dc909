from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantry.pods.agent.output import FRAME, LONGEST_LINE, Output, whole_characters
from gantry.pods.agent.spool import Spool
from gantry.pods.frames import LARGEST_BODY, Frame, FrameDecoder


def frames(spool: Spool) -> list[Frame]:
    decoder, found, last = FrameDecoder(), [], 0
    while entry := spool.after(last):
        last = entry[0]
        found += list(decoder.feed(entry[1]))
    return found


def events(spool: Spool) -> list[dict[str, Any]]:
    return [json.loads(f.body) for f in frames(spool)]


@pytest.fixture
def output() -> tuple[Output, Spool]:
    spool = Spool()
    return Output(spool, 7), spool


def test_whole_lines_are_shown_at_once_and_the_rest_waits(output: tuple[Output, Spool]) -> None:
    out, spool = output

    out.take_text(b"one\ntwo\nthr")

    assert [e["stdout"] for e in events(spool)] == ["one\ntwo"]
    assert out.due is not None
    out.take_text(b"ee\n")
    assert [e["stdout"] for e in events(spool)] == ["one\ntwo", "three"]
    assert out.due is None
    assert [(f.start_line, f.line_count) for f in frames(spool)] == [(0, 2), (2, 1)]


def test_a_prompt_is_shown_when_its_time_has_come(output: tuple[Output, Spool]) -> None:
    out, spool = output
    out.take_text(b"Password: ")
    assert events(spool) == []

    out.show()

    assert events(spool)[0] | {"uuid": 0, "created": 0} == {
        "uuid": 0, "event": "verbose", "created": 0, "pid": 7, "stdout": "Password: ",
        "event_data": {},
    }  # fmt: skip


def test_a_progress_bar_stays_one_line(output: tuple[Output, Spool]) -> None:
    out, spool = output

    for percent in range(100):
        out.take_text(b"\rReceiving %d%%" % percent)
    out.take_text(b", done.\n")

    assert len(events(spool)) == 1
    assert events(spool)[0]["stdout"].endswith("\rReceiving 99%, done.")


def test_a_line_without_end_is_shown_in_pieces(output: tuple[Output, Spool]) -> None:
    out, spool = output
    text = "é" * LONGEST_LINE

    for at in range(0, len(text.encode()), 65_537):
        out.take_text(text.encode()[at : at + 65_537])
    out.finish()

    assert "".join(e["stdout"] for e in events(spool)) == text
    assert len(events(spool)) > 1


@given(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), st.data())
def test_no_character_is_cut_wherever_a_read_ends(text: str, data: st.DataObject) -> None:
    raw = text.encode()
    cut = data.draw(st.integers(0, len(raw)))
    spool = Spool()
    out = Output(spool, 7)

    out.take_text(raw[:cut])
    out.show()
    assert out.due is None
    out.take_text(raw[cut:])
    out.finish()

    assert "".join(e["stdout"] for e in events(spool)) == text


@pytest.mark.parametrize("raw", [b"\xff", b"abc\xc3", b"\xe2\x82", b"\x80\x80\x80\x80", b"\xf0"])
def test_what_is_no_utf8_is_shown_as_such_in_the_end(
    output: tuple[Output, Spool], raw: bytes
) -> None:
    out, spool = output

    out.take_text(raw)
    out.finish()

    assert events(spool)[0]["stdout"] == raw.decode("utf-8", "replace")
    assert whole_characters(bytearray(b"")) == 0


@given(st.lists(st.binary(max_size=40), max_size=20), st.data())
def test_events_go_on_as_they_are_wherever_a_read_ends(
    bodies: list[bytes], data: st.DataObject
) -> None:
    spool = Spool()
    out = Output(spool, 7)
    raw = b"".join(FRAME.pack(len(b), n) + b for n, b in enumerate(bodies))
    while raw:
        cut = data.draw(st.integers(1, len(raw)))
        out.take_events(raw[:cut])
        raw = raw[cut:]

    assert [f.body for f in frames(spool)] == bodies
    assert [f.line_count for f in frames(spool)] == list(range(len(bodies)))


def test_an_event_does_not_cut_an_unfinished_line_in_two(output: tuple[Output, Spool]) -> None:
    out, spool = output

    out.take_text(b"warn")
    out.take_events(FRAME.pack(2, 0) + b"{}")
    out.take_text(b"ing\n")

    assert [e.get("stdout") for e in events(spool)] == [None, "warning"]


def test_an_event_too_large_for_the_wire_keeps_its_place_and_says_so(
    output: tuple[Output, Spool],
) -> None:
    out, spool = output
    head = b'{"uuid":"u1","event":"runner_on_ok","pid":5,"stdout":"'
    size = LARGEST_BODY + 1

    out.take_events(FRAME.pack(size, 4) + head)
    for _ in range((size - len(head)) >> 20):
        out.take_events(b"x" * (1 << 20))
    out.take_events(b"x" * ((size - len(head)) & 0xFFFFF) + FRAME.pack(2, 0) + b"{}")
    out.finish()

    large, after = events(spool)
    assert (large["uuid"], large["event"], large["pid"]) == ("u1", "runner_on_ok", 5)
    assert f"An event of {size} bytes was left out" in large["stdout"]
    assert after == {}
    assert [f.line_count for f in frames(spool)] == [1, 0]
