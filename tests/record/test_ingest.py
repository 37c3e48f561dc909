"""What a pod sent is on the record exactly once, whatever happens on the way."""

from __future__ import annotations

import pytest

from gantry.record.ingest import SequenceGap


def counters(fetch, job):
    found = fetch("SELECT counter FROM resources_jobevent WHERE job_id=%s ORDER BY id", job.id)
    return [c for (c,) in found]


async def test_frames_become_rows_and_the_job_moves_on(recorder, job, pod, fetch):
    assert await recorder.record(pod.oks(5)) == 5

    assert counters(fetch, job) == [1, 2, 3, 4, 5]
    row = fetch(
        "SELECT acknowledged, lines, emitted_events FROM resources_unifiedjob WHERE id=%s", job.id
    )
    assert row == [(5, 5, 5)]


async def test_frames_sent_again_are_recorded_once(recorder, job, pod, fetch):
    frames = pod.oks(6)
    await recorder.record(frames[:4])

    assert await recorder.record(frames[2:]) == 6
    assert await recorder.record(frames) == 6
    assert counters(fetch, job) == [1, 2, 3, 4, 5, 6]


async def test_a_missing_frame_is_refused(recorder, job, pod, fetch):
    frames = pod.oks(3)

    with pytest.raises(SequenceGap):
        await recorder.record([frames[0], frames[2]])
    assert counters(fetch, job) == []
