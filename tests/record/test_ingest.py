"""What a pod sent is on the record exactly once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import json
import struct
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import psycopg
import pytest

from gantry.base.errors import Fenced
from gantry.base.redact import MASK, Redactor
from gantry.pods.frames import FrameDecoder, Kind, encode
from gantry.record.ingest import Recorder, SequenceGap
from gantry.record.rows import RowMaker
from gantry.resources.events import event_id

CREATED = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


def counters(fetch, job):
    found = fetch("SELECT counter FROM resources_jobevent WHERE job_id=%s ORDER BY id", job.id)
    return [c for (c,) in found]


def state(fetch, job):
    return fetch(
        "SELECT acknowledged, lines, emitted_events FROM resources_unifiedjob WHERE id=%s", job.id
    )[0]


async def test_frames_become_rows_and_the_job_moves_on(recorder, job, pod, fetch):
    assert await recorder.record(pod.oks(5)) == 5

    assert counters(fetch, job) == [1, 2, 3, 4, 5]
    assert state(fetch, job) == (5, 5, 5)


async def test_an_event_has_awx_s_columns(pool, job, pod, fetch):
    data = {
        "host": "web1", "play": "Web", "task": "T" * 2000, "role": "nginx", "playbook": "site.yml",
        "res": {"changed": True, "big": 2**80},
    }  # fmt: skip
    frame = pod.event(
        "runner_on_ok", "changed: [web1]", 1, event_data=data, parent_uuid="p", verbosity=3
    )
    await Recorder(pool, job, Redactor([]), {"web1": 42}).record([frame])

    found = fetch(
        "SELECT id, event, host_name, host_id, play, length(task), role, playbook, failed, changed,"
        " event_level, uuid, parent_uuid, start_line, end_line, verbosity, stdout, created::text,"
        " event_data FROM resources_jobevent WHERE job_id=%s",
        job.id,
    )[0]

    assert found[:-1] == (
        event_id(job.id, 1), "runner_on_ok", "web1", 42, "Web", 1024, "nginx", "site.yml", False,
        True, 3, "uuid-1", "p", 0, 1, 3, "changed: [web1]", "2026-11-24 04:00:01.123456+00",
    )  # fmt: skip
    assert json.loads(found[-1]) == data


@pytest.mark.parametrize(
    ("event", "data", "level", "failed"),
    [
        ("runner_on_failed", {}, 3, True),
        ("runner_on_failed", {"ignore_errors": True}, 3, False),
        ("runner_on_unreachable", {}, 3, True),
        ("runner_item_on_failed", {}, 3, True),
        ("playbook_on_task_start", {}, 2, False),
        ("playbook_on_play_start", {}, 1, False),
        ("playbook_on_stats", {"failures": {"a": 1}, "dark": {}}, 1, True),
        ("playbook_on_stats", {"failures": {}, "dark": {"b": 1}}, 1, True),
        ("playbook_on_stats", {"failures": {}, "dark": {}}, 1, False),
        ("error", {}, 0, True),
        ("something_new", {}, 0, False),
    ],
)
def test_level_and_failed_are_awx_s(event, data, level, failed, pod):
    made = RowMaker(1, CREATED, Redactor([]), {}).row(pod.event(event, event_data=data), False)

    assert (made.level, made.failed) == (level, failed)


async def test_frames_sent_again_are_recorded_once(recorder, job, pod, fetch):
    frames = pod.oks(6)
    await recorder.record(frames[:4])

    assert await recorder.record(frames[2:]) == 6
    assert await recorder.record(frames) == 6
    assert counters(fetch, job) == [1, 2, 3, 4, 5, 6]


async def test_another_controller_goes_on_where_the_first_one_died(pool, job, pod, fetch):
    frames = pod.oks(9)
    await Recorder(pool, job, Redactor([]), {}).record(frames[:5])

    assert await Recorder(pool, job, Redactor([]), {}).record(frames) == 9
    assert counters(fetch, job) == list(range(1, 10))


@pytest.mark.parametrize("skip", ["sequence", "counter"])
async def test_a_missing_frame_is_refused(recorder, job, pod, fetch, skip):
    first = pod.ok(1)
    setattr(pod, skip, getattr(pod, skip) + 1)

    with pytest.raises(SequenceGap):
        await recorder.record([first, pod.ok(2)])
    assert counters(fetch, job) == []


async def test_a_controller_that_lost_its_lease_writes_nothing(recorder, pool, job, pod, fetch):
    await recorder.record(pod.oks(2))
    async with pool.connection() as connection:
        await connection.execute(
            "UPDATE resources_unifiedjob SET lease_epoch = 2 WHERE id = %s", [job.id]
        )

    with pytest.raises(Fenced):
        await recorder.record(pod.oks(1))
    with pytest.raises(Fenced):
        await Recorder(pool, job, Redactor([]), {}).record(pod.oks(1))
    assert counters(fetch, job) == [1, 2]


async def test_a_commit_whose_answer_was_lost_counts(recorder, pool, job, pod, fetch, monkeypatch):
    real, lost = pool.connection, []

    @asynccontextmanager
    async def forgetful():
        async with real() as connection:
            yield connection
        if counters(fetch, job) and not lost:
            lost.append(True)
            raise psycopg.OperationalError("the connection broke after COMMIT")

    monkeypatch.setattr(pool, "connection", forgetful)

    assert await recorder.record(pod.oks(3)) == 3
    assert lost
    assert await recorder.record(pod.oks(3)) == 6
    assert counters(fetch, job) == [1, 2, 3, 4, 5, 6]


async def test_killed_connections_neither_lose_nor_repeat(recorder, job, pod, fetch, kill, caplog):
    done = asyncio.Event()

    async def disturb():
        for text in ("COPY", "UPDATE", "COMMIT", "") * 5:
            await asyncio.to_thread(kill, text)
            await asyncio.sleep(0.02)
        done.set()

    disturbing = asyncio.create_task(disturb())
    total = 0
    while not done.is_set():
        total += 300
        await recorder.record(pod.oks(300))
    await disturbing

    assert "PostgreSQL is away" in caplog.text
    assert counters(fetch, job) == list(range(1, total + 1))
    assert state(fetch, job) == (total, total, total)


@pytest.mark.slow
async def test_a_restart_of_postgres_in_the_middle_loses_nothing(
    recorder, job, pod, fetch, restart
):
    await recorder.record(pod.oks(10))
    restarting = asyncio.create_task(asyncio.to_thread(restart))
    rounds = 0
    while not restarting.done():
        rounds += 1
        await recorder.record(pod.oks(50))
    await restarting
    await recorder.record(pod.oks(50))

    assert counters(fetch, job) == list(range(1, 10 + 50 * rounds + 51))


async def test_secrets_are_masked_in_everything_stored(pool, job, pod, fetch):
    secret = 'pass"wörd\\1'
    recorder = Recorder(pool, job, Redactor([secret, "98765"]), {})
    data = {"host": "a", "res": {"msg": f"got {secret}", secret: 1, "pin": 98765}}
    started = {"argv": ["ansible-playbook", secret], "cwd": "/x", "env": {"PW": secret, "A": "b"}}
    await recorder.record([
        pod.other(Kind.STARTED, json.dumps(started).encode()),
        pod.event("runner_on_ok", f"see {secret}", event_data=data),
        pod.raw(json.dumps({"stdout": secret, "event": "verbose"}, ensure_ascii=False).encode()),
        pod.raw(f"no json at all: {secret}".encode()),
        pod.other(Kind.END, json.dumps({"rc": 1, "reason": secret}).encode()),
    ])  # fmt: skip

    events = fetch("SELECT stdout, event_data FROM resources_jobevent WHERE job_id=%s", job.id)
    row = fetch(
        "SELECT job_args, job_cwd, job_env, exit FROM resources_unifiedjob WHERE id=%s", job.id
    )[0]

    assert [e[0] for e in events] == [f"see {MASK}", MASK, f"no json at all: {MASK}"]
    assert json.loads(events[0][1])["res"] == {"msg": f"got {MASK}", MASK: 1, "pin": MASK}
    assert json.loads(row[0]) == ["ansible-playbook", MASK]
    assert row[1:] == ("/x", {"PW": MASK, "A": "b"}, {"rc": 1, "reason": MASK})


GARBAGE = [
    b"", b"not json", b"[1,2]", b"null", b"\xff\xfe broken", b'{"event":"verbose","stdout":"cut',
    b'{"stdout":"\\ud800 lone","event":"verbose","event_data":{"a":"\\udfff"}}',
    b'{"stdout":"raw \xff\xc3 bytes","event":"verbose","event_data":{"a":"\xff"}}',
    b'{"stdout":"nul \\u0000 here","event":"ver\\u0000bose","event_data":{"k\\u0000":"\\u0000"}}',
    b"bare nul \0", b'{"event":5,"uuid":[1],"stdout":{"a":1},"event_data":[1],"created":"x"}',
    b'{"event_data":{"host":["unhashable"],"play":{"a":1},"res":5}}',
    b'{"event":"runner_on_ok","event_data":{"n":NaN,"i":1e999}}',
    b'{"a":{"b":1,"event_data":{}},"event":"verbose","stdout":"nested","event_data":{}}',
    b'{"event":"playbook_on_stats","event_data":{"ok":5,"failures":{"a":"b"},"changed":[]}}',
    b'{"event":"verbose","stdout":"' + b"x" * 10 + b'","verbosity":99999999,"event_data":{}}',
    b'{"event":"verbose","event_data":' + b"[" * 5000 + b"]" * 5000 + b"}",
    b'{"event":"verbose","event_data":' + b'{"a":' * 400 + b"1" + b"}" * 400 + b"}",
]  # fmt: skip


@pytest.mark.parametrize("secret", ["", "verbose", "event"])
async def test_no_body_is_too_broken_to_be_recorded(pool, job, pod, fetch, secret):
    frames = [pod.raw(body) for body in GARBAGE]

    await Recorder(pool, job, Redactor([secret]), {}).record(frames)

    found = fetch(
        "SELECT stdout, event_data, uuid FROM resources_jobevent WHERE job_id=%s ORDER BY id",
        job.id,
    )
    assert len(found) == len(GARBAGE)
    assert all(json.loads(row[1]) is not None for row in found)
    assert len({row[2] for row in found}) == len(GARBAGE)
    assert found[1][0] == "not json"
    assert found[4][0] == "\ufffd\ufffd broken"
    if not secret:
        assert found[6][:2] == ("? lone", '{"a":"?"}')
        assert found[8][:2] == ("nul \ufffd here", '{"k\ufffd":"\ufffd"}')
        assert found[9][0] == "bare nul \ufffd"


async def test_long_lines_pass(recorder, job, pod, fetch):
    frames = [pod.event("verbose", "x" * 5_000_000), pod.event("verbose", "y" * 5_000_000)]

    await recorder.record(frames)

    found = fetch("SELECT length(stdout) FROM resources_jobevent WHERE job_id=%s", job.id)
    assert found == [(5_000_000,), (5_000_000,)]


@pytest.mark.slow
async def test_two_hundred_megabytes_pass(recorder, job, pod, fetch):
    decoder = FrameDecoder()
    text = "".join(f"{n:07}\r\n" for n in range(400_000))
    size = len(text)
    for number in range(56):
        data = encode(pod.event("verbose", f"{number}{text}", 400_000))
        for at in range(0, len(data), 1 << 20):
            await recorder.record(list(decoder.feed(data[at : at + (1 << 20)])))

    statement = "SELECT count(*), sum(length(stdout)) FROM resources_jobevent WHERE job_id=%s"
    count, total = fetch(statement, job.id)[0]
    assert count == 56
    assert total == sum(size + len(str(n)) for n in range(56)) > 200_000_000


async def test_files_come_back_in_pieces(recorder, job, pod, fetch):
    def piece(number, data):
        return pod.other(Kind.ARTIFACT, struct.pack(">HI", 8, number) + b"tree.tar" + data)

    frames = [piece(0, b"\0\1"), piece(1, b"\xff" * 1000)]
    await recorder.record(frames)
    await recorder.record(frames)

    found = fetch(
        "SELECT name, number, data FROM resources_artifact WHERE job_id=%s ORDER BY number", job.id
    )
    assert found == [("tree.tar", 0, b"\0\1"), ("tree.tar", 1, b"\xff" * 1000)]


async def test_each_batch_is_announced(recorder, job, pod, database):
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute("LISTEN gantry_events")
        await recorder.record(pod.oks(3))
        await recorder.record(pod.oks(2))
        heard = [n.payload async for n in connection.notifies(timeout=30, stop_after=2)]

    assert heard == [f"{job.id}:3:3", f"{job.id}:5:5"]


async def test_frames_that_are_not_recorded_are_passed_over(recorder, pod):
    keepalive = pod.other(Kind.KEEPALIVE, b"")
    pod.sequence -= 1

    assert await recorder.record([keepalive]) == 0
