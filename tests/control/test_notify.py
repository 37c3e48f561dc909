"""From a job's change to the message: who is told, in which words, how often it is tried."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from tests.control.conftest import Make
from tests.path.notifiers.mail_server import mail_server
from tests.resources.lookups.server import Service, service


@pytest.fixture
def receiver() -> Iterator[Service]:
    with service() as running:
        for path in ("/a", "/b", "/c"):
            running.routes[f"POST {path}"] = lambda asked: (200, "")
        yield running


def hook(url: str, **more: Any) -> Any:
    from gantry.resources.models import NotificationTemplate, Organization

    row = NotificationTemplate.objects.create(
        name=url, notification_type="webhook",
        organization=Organization.objects.get(name="Default"), **more,
    )  # fmt: skip
    row.set_configuration({"url": url, "headers": {"X-Key": "k3y-k3y"}, "password": "s3cr3t-pw"})
    row.save()
    return row


@pytest.fixture
def job(make_job: Make) -> Any:
    """A job of a template of a project, all of organization Default."""
    from gantry.resources.models import Job, Organization, Project

    default = Organization.objects.get(name="Default")
    project = Project.objects.create(kind="project", name="p", organization=default)
    made = make_job("nightly", organization=default, project=project, playbook="site.yml",
                    status="waiting", stage="preparing")  # fmt: skip
    return Job.objects.get(pk=made.pk)


def run(job: Any, status: str = "successful") -> None:
    from gantry.path.states import end, move
    from gantry.resources.models import JobHostSummary

    move(job, status="running")
    JobHostSummary.objects.create(job=job, host_name="web1", ok=2, failures=status == "failed",
                                  failed=status == "failed")  # fmt: skip
    end(job, status=status)


async def send_all() -> None:
    from gantry.control.notify import NOTIFICATIONS
    from gantry.control.outbox import Sender

    sender = Sender(NOTIFICATIONS)
    for _ in range(4):
        await sender.turn()
        await sender.settle()


def told() -> list[tuple[str, str, str]]:
    from gantry.resources.models import Notification

    rows = Notification.objects.order_by("pk")
    return [(r.notification_template.name[-1], r.occasion, r.status) for r in rows]


async def test_each_who_follows_is_told_once_of_what_they_follow(
    job: Any, receiver: Service
) -> None:
    def follow() -> None:
        a, b, c = (hook(f"{receiver.url}/{name}") for name in "abc")
        job.job_template.notification_templates_started.add(a)
        for row in (job.job_template, job.project, job.organization):
            row.notification_templates_success.add(b)
        job.organization.notification_templates_error.add(c)
        run(job)

    await in_thread(follow)()
    assert await in_thread(told)() == [
        ("a", "started", "pending"), ("b", "success", "pending"),
    ]  # fmt: skip
    await send_all()
    assert {t[2] for t in await in_thread(told)()} == {"successful"}
    started, success = sorted(receiver.asked, key=lambda asked: asked.path)
    # Sent after the job's end, it still tells of the start.
    assert (started.json()["status"], started.json()["finished"]) == ("running", None)
    data = success.json()
    assert data["url"].endswith(f"/jobs/{job.pk}/")
    assert (data["name"], data["project"], data["status"]) == ("nightly", "p", "successful")
    assert data["hosts"]["web1"]["ok"] == 2
    assert set(data) == {
        "id", "name", "url", "created_by", "started", "finished", "status", "traceback",
        "inventory", "project", "playbook", "credential", "limit", "extra_vars", "hosts",
    }  # fmt: skip


async def test_own_words_and_what_happens_when_they_fail(job: Any, receiver: Service) -> None:
    own = '{"text": "{{ job_friendly_name }} {{ job.name }}: {{ job.host_status_counts }}"}'

    def follow() -> None:
        a = hook(f"{receiver.url}/a", messages={"error": {"body": own}})
        b = hook(f"{receiver.url}/b", messages={"error": {"body": "{{ 1 / 0 }}"}})
        job.job_template.notification_templates_error.add(a, b)
        run(job, "failed")

    await in_thread(follow)()
    await send_all()
    first, second = sorted(receiver.asked, key=lambda asked: asked.path)
    assert first.json() == {"text": "Job nightly: {'failures': 1}"}
    assert second.json()["status"] == "failed"  # the usual words

    def errors() -> list[str]:
        from gantry.resources.models import Notification

        return list(Notification.objects.order_by("pk").values_list("error", flat=True))

    assert await in_thread(errors)() == [
        "", "The custom body could not be rendered: division by zero",
    ]  # fmt: skip


async def test_what_may_pass_is_tried_again_and_no_secret_is_told(
    job: Any, receiver: Service
) -> None:
    from gantry.resources.models import Notification

    receiver.routes["POST /a"] = lambda asked: (503, "s3cr3t-pw")

    def follow() -> None:
        job.job_template.notification_templates_success.add(hook(f"{receiver.url}/a"))
        run(job)

    def now() -> Any:
        row = Notification.objects.get()
        wait, row.next_try = row.next_try, None
        row.save()
        return row, wait

    await in_thread(follow)()
    for attempt in (1, 2, 3):
        await send_all()
        row, wait = await in_thread(now)()
        assert (row.status, row.attempts, bool(wait)) == ("pending", attempt, True)
        assert row.error == "Error sending webhook notification: 503"
    await send_all()
    row, wait = await in_thread(now)()
    assert (row.status, row.attempts, wait) == ("failed", 4, None)
    assert len(receiver.asked) == 4
    assert len({asked.body for asked in receiver.asked}) == 1


async def test_an_answer_that_quotes_a_password_is_masked(db: str) -> None:
    from gantry.path.notify import send_test
    from gantry.resources.models import Notification, NotificationTemplate, Organization

    def make(port: int) -> None:
        row = NotificationTemplate.objects.create(
            name="mail", notification_type="email", organization=Organization.objects.first()
        )
        row.set_configuration({
            "host": "localhost", "port": port, "username": "me", "password": "s3cr3t-pw",
            "use_tls": False, "use_ssl": False, "sender": "g@example.org",
            "recipients": ["a@example.org"],
        })  # fmt: skip
        row.save()
        send_test(row)

    with mail_server(user=("me", "another")) as server:
        await in_thread(make)(server.port)
        await send_all()
    row = await in_thread(Notification.objects.get)()
    assert row.error == "the mail server answered 535 me, your ******** is wrong"
    assert row.status == "failed"  # a test is not tried again
    assert row.recipients == "['a@example.org']"


async def test_a_dead_receiver_delays_no_other(job: Any, receiver: Service) -> None:
    from gantry.control.notify import NOTIFICATIONS
    from gantry.control.outbox import Sender

    def late(asked: Any) -> tuple[int, str]:
        time.sleep(3)
        return 200, ""

    receiver.routes["POST /a"] = late

    def follow() -> None:
        job.job_template.notification_templates_started.add(hook(f"{receiver.url}/a"))
        job.job_template.notification_templates_success.add(
            *(hook(f"{receiver.url}/{name}") for name in "bc")
        )
        run(job)

    await in_thread(follow)()
    sender = Sender(NOTIFICATIONS)
    await sender.turn()
    async with asyncio.timeout(2.5):
        while sum(t[2] == "successful" for t in await in_thread(told)()) < 2:
            await asyncio.sleep(0.05)
    assert ("a", "started", "pending") in await in_thread(told)()
    await sender.settle()


def test_the_same_change_again_tells_nobody_twice(job: Any, receiver: Service) -> None:
    from gantry.path.states import move
    from gantry.resources.models import Job

    job.organization.notification_templates_started.add(hook(f"{receiver.url}/a"))
    again = Job.objects.get(pk=job.pk)  # a commit whose answer was lost
    move(job, status="running")
    move(again, status="running")
    assert told() == [("a", "started", "pending")]


def test_what_was_cancelled_before_it_began_tells_nobody(make_job: Make) -> None:
    from gantry.path.states import end
    from gantry.resources.models import Organization

    default = Organization.objects.get(name="Default")
    default.notification_templates_error.add(hook("http://127.0.0.1:1/a"))
    end(make_job("one", organization=default), status="canceled")
    assert told() == []
    end(make_job("two", organization=default), status="error")
    assert told() == [("a", "error", "pending")]


async def test_an_import_without_secrets_says_what_it_lacks(db: str) -> None:
    from gantry.path.notify import send_test
    from gantry.resources.models import Notification

    def make() -> None:
        row = hook("http://127.0.0.1:1/a")
        row.notification_configuration = {**row.notification_configuration,
                                          "password": "$encrypted$"}  # fmt: skip
        row.save()
        send_test(row)

    await in_thread(make)()
    await send_all()
    row = await in_thread(Notification.objects.get)()
    assert (row.status, row.error) == (
        "failed", "Password was never entered: an import has none.",
    )  # fmt: skip
    assert "body" in json.loads(row.body)


async def test_a_workflows_run_tells_of_its_nodes_and_an_approval_by_itself(
    job: Any, receiver: Service
) -> None:
    from gantry.path.notify import tell_approval
    from gantry.path.states import end, move
    from gantry.resources.models import (
        WorkflowApproval,
        WorkflowJob,
        WorkflowJobNode,
        WorkflowJobTemplate,
    )

    def go() -> int:
        template = WorkflowJobTemplate.objects.create(
            kind="workflow_job_template", name="release", organization=job.organization
        )
        template.notification_templates_success.add(hook(f"{receiver.url}/a"))
        template.notification_templates_approvals.add(hook(f"{receiver.url}/b"))
        job.organization.notification_templates_success.add(hook(f"{receiver.url}/c"))
        run_of = WorkflowJob.objects.create(
            kind="workflow_job", name="release", unified_job_template=template, status="waiting",
            stage="preparing", workflow_job_template=template,
        )  # fmt: skip
        approval = WorkflowApproval.objects.create(
            kind="workflow_approval", name="may it?", status="pending",
            organization=job.organization,
        )  # fmt: skip
        node = WorkflowJobNode.objects.create(workflow_job=run_of, job=approval)
        tell_approval(approval, template, "running", node="may it?", workflow=run_of.pk)
        end(approval, status="successful")
        move(run_of, status="running")
        end(run_of, status="successful")
        return node.pk

    node = await in_thread(go)()
    await send_all()
    assert await in_thread(told)() == [
        ("b", "approval:running", "successful"), ("a", "success", "successful"),
    ]  # fmt: skip
    ended, asked = sorted(receiver.asked, key=lambda asked: asked.path)
    assert asked.json()["body"].startswith('The approval node "may it?" needs review.')
    assert f"- node #{node} spawns job #" in ended.json()["body"]


def test_old_ones_are_cleared_away_with_old_jobs(db: str) -> None:
    from gantry.record.retention import Orders, cleanup_jobs
    from gantry.resources.models import Notification

    template = hook("http://127.0.0.1:1/a")
    for status in ("successful", "pending"):
        Notification.objects.create(
            notification_template=template, notification_type="webhook", status=status
        )
    assert "notifications: 1 would be deleted, 1 would be skipped." in list(
        cleanup_jobs(Orders(days=0, dry_run=True))
    )
    assert "notifications: 1 deleted, 1 skipped." in list(cleanup_jobs(Orders(days=0)))
    assert Notification.objects.get().status == "pending"
