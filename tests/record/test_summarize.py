"""Hosts are counted as AWX counts them, and tasks learn what happened under them."""

from __future__ import annotations

import pytest

from gantry.base.redact import Redactor
from gantry.pods.frames import Kind
from gantry.record.ingest import RecordedJob, Recorder
from gantry.record.summarize import COUNTS, status_counts

STATS = {
    "ok": {"web1": 5, "web2": 3, "db1": 2}, "changed": {"web1": 2}, "failures": {"web2": 1},
    "dark": {"db2": 1}, "skipped": {"db1": 4}, "rescued": {"web1": 1}, "ignored": {"web2": 2},
    "processed": {"web1": 1, "web2": 1, "db1": 1, "db2": 1}, "artifact_data": {"version": "1.2"},
}  # fmt: skip


@pytest.fixture
def hosts(job):
    from gantry.resources.inventories import Host, Inventory
    from gantry.resources.organizations import Organization

    name = f"of job {job.id}"
    organization = Organization.objects.create(name=name)
    inventory = Inventory.objects.create(name=name, organization=organization)
    made = {n: Host.objects.create(name=n, inventory=inventory).pk for n in ("web1", "web2")}
    return {**made, "db1": 999_999}  # db1 was deleted while the job ran


async def test_a_job_s_end_writes_host_summaries(pool, job, pod, fetch, hosts):
    stats = pod.event("playbook_on_stats", event_data=STATS)
    await Recorder(pool, job, Redactor([]), hosts).record([stats])

    found = fetch(
        f"SELECT host_name, host_id, failed, {', '.join(COUNTS)} FROM resources_jobhostsummary"
        " WHERE job_id=%s ORDER BY host_name",
        job.id,
    )
    #                     failed  changed dark failures ignored ok processed rescued skipped
    assert found == [
        ("db1", None, False, 0, 0, 0, 0, 2, 1, 0, 4),
        ("db2", None, True, 0, 1, 0, 0, 0, 1, 0, 0),
        ("web1", hosts["web1"], False, 2, 0, 0, 0, 5, 1, 1, 0),
        ("web2", hosts["web2"], True, 0, 0, 1, 2, 3, 1, 0, 0),
    ]
    last = fetch("SELECT last_job_id FROM resources_host WHERE id=%s", hosts["web1"])
    assert last == [(job.id,)]
    artifacts = fetch("SELECT artifacts FROM resources_job WHERE unifiedjob_ptr_id=%s", job.id)
    assert artifacts == [({"version": "1.2"},)]


async def test_a_project_update_has_no_host_summaries(pool, job, pod, fetch):
    update = RecordedJob(job.id, job.created, job.epoch, "project_update")
    stats = pod.event("playbook_on_stats", event_data=STATS)
    await Recorder(pool, update, Redactor([]), {}).record([stats])

    assert fetch("SELECT id FROM resources_jobhostsummary WHERE job_id=%s", job.id) == []


def test_status_counts_name_each_host_once_by_its_worst():
    assert status_counts(STATS) == {"ok": 1, "changed": 1, "failures": 1, "dark": 1}
    assert status_counts({"ok": None, "dark": 3}) == {}


def tasks(pod):
    """A task that changed something, one that failed, one that failed and was ignored."""
    failed = {"res": {"msg": "no"}}
    return [
        pod.event("playbook_on_start", uuid="book"),
        pod.event("playbook_on_play_start", uuid="play", parent_uuid="book"),
        pod.event("playbook_on_task_start", uuid="t1", parent_uuid="play"),
        pod.event("runner_on_ok", parent_uuid="t1", event_data={"res": {"changed": True}}),
        pod.event("playbook_on_task_start", uuid="t2", parent_uuid="play"),
        pod.event("runner_on_failed", parent_uuid="t2", event_data=failed),
        pod.event("playbook_on_task_start", uuid="t3", parent_uuid="play"),
        pod.event(
            "runner_on_failed", parent_uuid="t3", event_data={**failed, "ignore_errors": True}
        ),
        pod.event("playbook_on_stats", parent_uuid="book", event_data={"failures": {"a": 1}}),
        pod.other(Kind.END, b'{"rc": 2}'),
    ]


@pytest.mark.parametrize("cut", [0, 1, 5, 8, 10])
async def test_tasks_learn_what_happened_whoever_records_the_end(pool, job, pod, fetch, cut):
    frames = tasks(pod)
    await Recorder(pool, job, Redactor([]), {}).record(frames[:cut])
    await Recorder(pool, job, Redactor([]), {}).record(frames)

    found = fetch(
        "SELECT uuid, changed, failed FROM resources_jobevent"
        " WHERE job_id=%s AND event_level IN (0, 1, 2) AND event <> 'playbook_on_stats'",
        job.id,
    )
    assert {u: (c, f) for u, c, f in found} == {
        "book": (False, False),
        "play": (False, False),
        "t1": (True, False),
        "t2": (False, True),
        "t3": (False, False),
    }
    ended = fetch("SELECT exit FROM resources_unifiedjob WHERE id=%s", job.id)[0][0]
    assert ended == {"rc": 2}
