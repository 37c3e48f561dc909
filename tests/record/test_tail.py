"""Whoever follows a job gets every event once, in order, and is told when it is over."""

from __future__ import annotations

import asyncio
import contextlib

import psycopg
import pytest

from gantry.record import tail as tails
from gantry.record.ingest import Recorder
from gantry.record.tail import JobGone, Tail
from gantry.resources.jobs import Job


@pytest.fixture
async def tail(url, pool):
    async with Tail(url, pool) as opened:
        yield opened


async def collect(tail, job, after=0, found=None):
    found = [] if found is None else found
    async for batch in tail.follow(job.id, after):
        found.append(batch)
    return found


def counters(batches):
    return [e.counter for b in batches for e in b.events]


async def execute(pool, statement, *values):
    async with pool.connection() as connection:
        await connection.execute(statement, values)


async def finish(pool, job, status="successful"):
    await execute(pool, "UPDATE resources_unifiedjob SET status=%s WHERE id=%s", status, job.id)
    await execute(pool, "SELECT pg_notify('gantry_jobs', %s)", f"{job.id}:{status}:done")


async def until(condition):
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_finished_job_is_told_whole_and_ends(tail, pool, recorder, job, pod, monkeypatch):
    monkeypatch.setattr(tails, "BATCH_EVENTS", 7)
    await recorder.record(pod.oks(40))
    await finish(pool, job)

    batches = await collect(tail, job)

    assert counters(batches) == list(range(1, 41))
    assert batches[-1].status == "successful"
    event = batches[0].events[0]
    assert (event.host, event.task, event.stdout) == ("node0", "Ping", "ok: [0]")


async def test_a_watcher_in_the_middle_gets_the_rest_and_then_what_comes(
    tail, pool, recorder, job, pod
):
    await recorder.record(pod.oks(10))
    found = []
    watching = asyncio.create_task(collect(tail, job, 4, found))
    await until(lambda: counters(found) == [5, 6, 7, 8, 9, 10])

    await recorder.record(pod.oks(3))
    await until(lambda: counters(found)[-3:] == [11, 12, 13])
    await finish(pool, job)

    await asyncio.wait_for(watching, 30)
    assert counters(found) == list(range(5, 14))


async def test_a_new_stage_is_told_without_events(tail, pool, job):
    found = []
    watching = asyncio.create_task(collect(tail, job, 0, found))
    await until(lambda: found)

    await execute(pool, "UPDATE resources_unifiedjob SET stage='pulling' WHERE id=%s", job.id)
    await execute(pool, "SELECT pg_notify('gantry_jobs', %s)", f"{job.id}:running:pulling")

    await until(lambda: found[-1].stage == "pulling")
    await finish(pool, job)
    await asyncio.wait_for(watching, 30)
    assert found[-1].finished
    assert not counters(found)


async def test_watchers_share_a_batch(tail, pool, recorder, job, pod):
    found = [[] for _ in range(5)]
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        for each in found:
            group.create_task(collect(tail, job, 0, each))
        await until(lambda: all(found))
        await recorder.record(pod.oks(3))
        await until(lambda: all(counters(each) == [1, 2, 3] for each in found))
        await finish(pool, job)

    assert len({id(b) for each in found for b in each if b.events}) == 1


async def test_a_slow_watcher_reads_what_it_missed(tail, pool, recorder, job, pod, monkeypatch):
    monkeypatch.setattr(tails, "KEPT_BATCHES", 2)
    following = tail.follow(job.id, 0)
    found = [await anext(following)]
    quick = asyncio.create_task(collect(tail, job))
    for _ in range(20):
        await recorder.record(pod.oks(2))
    await finish(pool, job)
    await asyncio.wait_for(quick, 30)

    found += [batch async for batch in following]

    assert counters(found) == counters(quick.result()) == list(range(1, 41))


async def test_nothing_is_missed_or_repeated_while_connections_are_killed(
    kill, tail, pool, job, pod, recorder
):
    async def write():
        for _ in range(60):
            await recorder.record(pod.oks(5))
            await asyncio.sleep(0.005)
        await finish_anyhow()

    async def finish_anyhow():
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                return await finish(pool, job)

    async def disturb():
        for number in range(6):
            await asyncio.sleep(0.08)
            await asyncio.to_thread(kill, "LISTEN" if number % 2 else "")

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        watchers = [group.create_task(collect(tail, job, n % 3)) for n in range(10)]
        group.create_task(write())
        group.create_task(disturb())

    for number, watcher in enumerate(watchers):
        assert counters(watcher.result()) == list(range(1 + number % 3, 301))


@pytest.mark.slow
async def test_watchers_sit_out_a_restart_of_postgres(tail, pool, recorder, job, pod, restart):
    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        watchers = [group.create_task(collect(tail, job)) for _ in range(5)]
        await recorder.record(pod.oks(5))
        restarting = group.create_task(asyncio.to_thread(restart))
        while not restarting.done():
            await recorder.record(pod.oks(1))
        await recorder.record(pod.oks(5))
        await finish(pool, job)

    for watcher in watchers:
        assert counters(watcher.result()) == list(range(1, pod.counter + 1))


async def test_a_watcher_that_leaves_takes_nobody_along(tail, pool, recorder: Recorder, job, pod):
    found = []
    staying = asyncio.create_task(collect(tail, job, 0, found))
    for _ in range(20):
        leaving = asyncio.create_task(collect(tail, job))
        await recorder.record(pod.oks(1))
        leaving.cancel()
    await finish(pool, job)

    await asyncio.wait_for(staying, 30)
    assert counters(found) == list(range(1, 21))


async def test_following_a_job_that_is_not_there_says_so(tail):
    with pytest.raises(JobGone):
        await anext(tail.follow(987654321))


async def test_a_finished_job_without_events_ends_at_once(tail, pool, job):
    await asyncio.to_thread(Job.objects.filter(pk=job.id).update, status="error")

    batches = await asyncio.wait_for(collect(tail, job), 30)

    assert [b.status for b in batches] == ["error"]
