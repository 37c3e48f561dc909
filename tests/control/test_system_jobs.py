"""System jobs: the controller clears away what is old, says so line by line, spares the rest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from gantry.record.retention import (
    Orders,
    cleanup_activitystream,
    cleanup_jobs,
    cleanup_sessions,
    cleanup_tokens,
)
from tests.journeys.world import World, stdout


@pytest.fixture
def world(db: str) -> World:
    return World.make("localhost/none:1")


def aged(row: Any, days: float) -> Any:
    """The same row as if it had been made so long ago, its events with it."""
    from gantry.resources.models import JobEvent, UnifiedJob

    when = timezone.now() - timedelta(days=days)
    UnifiedJob.objects.filter(pk=row.pk).update(created=when)
    JobEvent.objects.filter(job_id=row.pk).update(job_created=when)
    return row


def job(world: World, days: float, status: str = "successful", **fields: Any) -> Any:
    from gantry.resources.events import event_id
    from gantry.resources.models import Job, JobEvent

    row = Job.objects.create(
        kind="job", name="j", status=status, organization=world.organization, **fields
    )
    JobEvent.objects.create(
        id=event_id(row.pk, 1), job_id=row.pk, job_created=row.created, counter=1, event="verbose",
        created=row.created, stdout="said", end_line=1,
    )  # fmt: skip
    return aged(row, days)


def left() -> set[int]:
    from gantry.resources.models import Job

    return set(Job.objects.values_list("pk", flat=True))


def test_old_jobs_go_with_their_events_and_young_ones_stay(world: World) -> None:
    from gantry.resources.models import JobEvent

    old, young = job(world, 31), job(world, 29)

    said = list(cleanup_jobs(Orders(days=30)))

    assert left() == {young.pk}
    assert "jobs: 1 deleted, 1 skipped." in said
    assert "management jobs: 0 deleted, 0 skipped." in said
    assert set(JobEvent.objects.values_list("job_id", flat=True)) == {young.pk}
    assert old.pk != young.pk


def test_what_runs_or_is_needed_by_what_runs_stays(world: World) -> None:
    running = job(world, 90, "running")
    repeated = job(world, 90)
    job(world, 0, "pending", repeats=repeated)
    waited_for = job(world, 90)
    job(world, 0, "pending").dependencies.add(waited_for)
    gone = job(world, 90)

    list(cleanup_jobs(Orders(days=30)))

    assert gone.pk not in left()
    assert {running.pk, repeated.pk, waited_for.pk} <= left()


def test_a_dry_run_only_counts(world: World) -> None:
    old = job(world, 31)
    said = list(cleanup_jobs(Orders(days=30, dry_run=True)))
    assert "jobs: 1 would be deleted, 0 would be skipped." in said
    assert left() == {old.pk}


def test_the_tree_that_a_launch_uses_stays_and_others_go_whole(world: World) -> None:
    from gantry.path.project import has_tree
    from gantry.resources.models import Artifact, ProjectSnapshot, ProjectUpdate

    project = world.project({"site.yml": "- hosts: all"})
    current = project.snapshot

    def earlier(name: str) -> Any:
        update = ProjectUpdate.objects.create(
            kind="project_update", name=name, project=project, status="successful"
        )
        Artifact.objects.create(job=update, name="tree.tar.gz", number=0, data=b"x")
        snapshot = ProjectSnapshot.objects.create(
            project=project, update=update, scm_url=project.scm_url, revision="b" * 40,
            sha256="0" * 64, size=1,
        )  # fmt: skip
        past = timezone.now() - timedelta(days=60)
        ProjectSnapshot.objects.filter(pk=snapshot.pk).update(created=past)
        aged(update, 60)
        return snapshot

    unused, used = earlier("unused"), earlier("used")
    young = job(world, 1, project_snapshot=used)
    aged(current.update, 60)

    said = list(cleanup_jobs(Orders(days=30)))

    assert "project updates: 1 deleted, 2 skipped." in said
    assert left() == {young.pk}
    kept = list(ProjectSnapshot.objects.all())
    assert {s.pk for s in kept} == {current.pk, used.pk}
    assert all(has_tree(s) for s in kept)
    assert unused.pk not in {s.pk for s in kept}


def test_months_that_are_wholly_past_are_dropped_as_tables(world: World) -> None:
    from django.db import connection

    from gantry.record.partitions import ensure_partitions

    now = timezone.now()
    months = [now - timedelta(days=days) for days in (200, 100)]
    for month in months:
        ensure_partitions(connection, month)

    def tables() -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT inhrelid::regclass::text FROM pg_inherits"
                " WHERE inhparent = 'resources_jobevent'::regclass"
            )
            return {name for (name,) in cursor.fetchall()}

    first, second = (f"resources_jobevent_{m:%Y_%m}" for m in months)
    job(world, 200)
    spared = job(world, 100, "running")
    assert {first, second} <= tables()
    assert not any("partition" in line for line in cleanup_jobs(Orders(days=30, dry_run=True)))

    said = list(cleanup_jobs(Orders(days=30)))

    assert any(line.startswith("Dropping event partition(s)") and first in line for line in said)
    assert first not in tables()
    assert second in tables()  # a job of that month stays
    assert left() == {spared.pk}
    with connection.cursor() as cursor:
        for name in tables() - {"resources_jobevent_default"}:
            cursor.execute(f"DROP TABLE {name}")


def test_changes_sessions_and_tokens_that_are_over_go(db: str) -> None:
    from django.contrib.sessions.models import Session

    from gantry.resources.models import (
        ActivityStream,
        OAuth2AccessToken,
        OAuth2Application,
        OAuth2RefreshToken,
        Organization,
        User,
    )
    from gantry.resources.tokens import issue

    now = timezone.now()
    past, future = now - timedelta(days=400), now + timedelta(days=1)
    for when in (past, now):
        entry = ActivityStream.objects.create(operation="create", object1="host", object1_id=1)
        ActivityStream.objects.filter(pk=entry.pk).update(timestamp=when)
    total = ActivityStream.objects.count()
    assert list(cleanup_activitystream(Orders(days=355, dry_run=True))) == [
        "1 items would be removed"
    ]
    assert list(cleanup_activitystream(Orders(days=355))) == ["Removed 1 items"]
    assert ActivityStream.objects.count() == total - 1

    for key, when in (("a", past), ("b", future)):
        Session.objects.create(session_key=key, session_data="", expire_date=when)
    assert list(cleanup_sessions(Orders())) == ["Expired Sessions deleted 1"]

    admin = User.objects.get(username="admin")
    application = OAuth2Application.objects.create(
        name="a", organization=Organization.objects.get(name="Default"),
        client_type="confidential", authorization_grant_type="password",
    )  # fmt: skip
    ended, renewable, lives = (issue(admin, "write", application=application)[0] for _ in range(3))
    OAuth2AccessToken.objects.filter(pk__in=[ended.pk, renewable.pk]).update(expires=past)
    refresh = OAuth2RefreshToken.objects.get(access_token=ended)
    OAuth2RefreshToken.objects.filter(pk=refresh.pk).update(created=now - timedelta(days=9999))
    assert list(cleanup_tokens(Orders())) == [
        "Expired OAuth 2 Access Tokens deleted: 1", "Expired OAuth 2 Refresh Tokens deleted: 1",
    ]  # fmt: skip
    found = set(OAuth2AccessToken.objects.values_list("pk", flat=True))
    assert found == {renewable.pk, lives.pk}


@pytest.fixture
async def control(db: str, world: World) -> Any:
    """A controller that has no engine to speak of: system jobs need none."""
    from gantry.base.bridge import in_thread
    from gantry.base.config import settings
    from gantry.control.main import Control
    from gantry.pods.docker_api import DockerEngine
    from gantry.resources.models import Installation

    instance = await in_thread(lambda: str(Installation.objects.get().uuid))()
    control = Control(settings(), DockerEngine("unix:///nowhere.sock"), instance)
    await control.world.pool.open()
    yield control
    await control.close()


async def run(control: Any, row: Any) -> Any:
    import asyncio

    from gantry.base.bridge import in_thread

    await control.tick()
    await asyncio.gather(*(task for _, task in control.walks.values()))
    await in_thread(row.refresh_from_db)()
    return row


def launch(kind: str, **variables: Any) -> Any:
    from gantry.path.system_job import launch_system_job
    from gantry.resources.models import SystemJobTemplate

    template = SystemJobTemplate.objects.get(job_type=kind)
    return launch_system_job(template, user=None, variables=variables)


async def test_a_system_job_runs_in_the_controller_and_leaves_its_output(
    control: Any, world: World
) -> None:
    from gantry.base.bridge import in_thread

    old = await in_thread(job)(world, 40)
    row = await run(control, await in_thread(launch)("cleanup_jobs", days="30"))

    assert (row.status, row.stage, row.failed) == ("successful", "done", False)
    assert row.started is not None
    assert old.pk not in await in_thread(left)()
    said = await in_thread(stdout)(row)
    assert "jobs: 1 deleted, 0 skipped." in said
    template = await in_thread(lambda: row.system_job_template)()
    assert (template.status, template.last_job_id) == ("successful", row.pk)


async def test_one_that_was_broken_off_is_begun_anew(control: Any, world: World) -> None:
    from gantry.base.bridge import in_thread
    from gantry.resources.models import UnifiedJob

    row = await in_thread(launch)("cleanup_sessions")
    past = datetime(2020, 1, 1, tzinfo=UTC)

    def break_off() -> None:
        UnifiedJob.objects.filter(pk=row.pk).update(
            status="running", stage="running", lease_epoch=1, lease_expires=past, started=past,
            controller_node=control.holder.node, lines=0,
        )  # fmt: skip

    await control.tick()
    import asyncio

    await asyncio.gather(*(task for _, task in control.walks.values()))
    await in_thread(break_off)()
    row = await run(control, row)

    assert row.status == "successful"
    assert "begun anew" in await in_thread(stdout)(row) or row.emitted_events == 2


async def test_a_canceled_one_ends(control: Any, world: World) -> None:
    from gantry.base.bridge import in_thread
    from gantry.path.launch import cancel_job

    row = await in_thread(launch)("cleanup_jobs")
    await in_thread(cancel_job)(row, user=None)
    row = await run(control, row)
    assert row.status == "canceled"
