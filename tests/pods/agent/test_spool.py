from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gantry.pods.agent.spool import COMPACT, Spool
from gantry.pods.agent.wire import ARTIFACT, EVENT
from gantry.pods.frames import FrameDecoder


def test_frames_are_numbered_without_a_gap_and_events_counted_apart() -> None:
    spool = Spool()

    spool.add(EVENT, b"one", 2)
    spool.add(ARTIFACT, b"piece")
    spool.add(EVENT, b"two", 1)

    found = [spool.after(n) for n in range(3)]
    frames = list(FrameDecoder().feed(b"".join(f[1] for f in found if f)))
    assert [(f.sequence, f.counter, f.start_line, f.end_line) for f in frames] == [
        (1, 1, 0, 2), (2, 0, 2, 2), (3, 2, 2, 3),
    ]  # fmt: skip
    assert spool.after(3) is None


def test_what_is_acknowledged_leaves_memory() -> None:
    spool = Spool(limit=10 * COMPACT)
    for _ in range(3 * COMPACT):
        spool.add(EVENT, b"x" * 10)
    assert spool.full

    spool.acknowledge(3 * COMPACT - 1)

    assert not spool.full
    assert spool.oldest == spool.sequence == 3 * COMPACT
    spool.acknowledge(spool.sequence)
    assert (spool.size, spool.empty) == (0, True)


def test_an_acknowledgement_of_what_was_never_sent_does_no_harm() -> None:
    spool = Spool()
    spool.add(EVENT, b"one")

    spool.acknowledge(99)
    spool.add(EVENT, b"two")

    assert spool.after(0) == spool.after(1)
    assert spool.oldest == spool.sequence == 2


@given(st.lists(st.one_of(st.none(), st.integers(0, 4000)), max_size=60), st.integers(1, 700))
def test_whatever_is_added_and_acknowledged_the_next_frame_is_the_right_one(
    steps: list[int | None], burst: int
) -> None:
    """None adds a burst; a number acknowledges. The model is a plain dict."""
    spool, model, added = Spool(), dict[int, bytes](), 0
    for step in steps:
        if step is None:
            for _ in range(burst):
                added += 1
                spool.add(EVENT, b"%d" % added)
                model[added] = b"%d" % added
        else:
            spool.acknowledge(step)
            model = {k: v for k, v in model.items() if k > step}
        for asked in (0, step or 0, added - 1, added):
            following = min((k for k in model if k > asked), default=None)
            found = spool.after(asked)
            assert (found[0] if found else None) == following
            if found and following:
                assert found[1].endswith(model[following])
        assert spool.empty == (not model)
        assert spool.sequence == added
