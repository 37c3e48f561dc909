"""However the bytes of a stream are cut, the same frames come out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantry.pods.frames import (
    HEADER,
    LARGEST_BODY,
    MAGIC,
    BrokenStream,
    Frame,
    FrameDecoder,
    Kind,
    encode,
)  # fmt: skip

number = st.integers(0, 2**32 - 1)
frames = st.lists(
    st.builds(
        Frame, st.sampled_from([int(k) for k in Kind]), number, number, number, number,
        st.one_of(st.binary(max_size=40), st.just(MAGIC * 3)),
    ),
    max_size=8,
)  # fmt: skip


@given(frames, st.data())
def test_any_cutting_gives_the_same_frames(sent, data):
    stream = b"".join(map(encode, sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    decoder = FrameDecoder()

    came = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        came += decoder.feed(stream[start:end])

    assert came == sent


@given(frames, st.integers(1, 10_000))
def test_a_reader_that_stops_in_the_middle_goes_on_there(sent, stop):
    decoder = FrameDecoder()
    came = []
    for frame in decoder.feed(b"".join(map(encode, sent))):
        came.append(frame)
        if len(came) == stop:
            break

    came += decoder.feed(b"")

    assert came == sent


@given(frames, st.binary(min_size=HEADER.size, max_size=60))
def test_bytes_that_are_no_frame_break_the_stream_after_the_good_ones(sent, junk):
    if junk.startswith(MAGIC):
        junk = b"X" + junk
    decoder, came = FrameDecoder(), []

    with pytest.raises(BrokenStream):
        came.extend(iter_into(came, decoder.feed(b"".join(map(encode, sent)) + junk)))
    assert came == sent


def iter_into(came, found):
    for frame in found:
        came.append(frame)
    return ()


def test_a_body_too_long_to_be_true_breaks_the_stream():
    head = HEADER.pack(MAGIC, Kind.EVENT, 1, 1, 0, 0, LARGEST_BODY + 1)

    with pytest.raises(BrokenStream):
        list(FrameDecoder().feed(head))
