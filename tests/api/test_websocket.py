"""AWX's websocket: who comes in, who may follow what, and what is said. Over a real connection."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from django.contrib.auth import get_user_model
from django.utils import timezone
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from gantry.api import websocket
from gantry.resources.announcing import announce_change
from gantry.resources.models import (
    Inventory,
    InventorySource,
    InventoryUpdate,
    Organization,
    Project,
    ProjectUpdate,
    Schedule,
    UnifiedJob,
    WorkflowJob,
    WorkflowJobNode,
)
from gantry.resources.organizations import User
from gantry.resources.removal import remove
from gantry.resources.tokens import issue
from tests.web import story
from tests.web.conftest import Server, eventually, logged_in, write  # noqa: F401  # a fixture

CSRF = "c" * 32
QUIET = 0.4  # seconds in which what must not come would have come


@pytest.fixture(scope="module")
def address(database: str) -> Iterator[str]:
    """The web process's application under uvicorn, in a thread: its constants can be changed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config("gantry.cli.asgi:application", port=port, log_level="warning")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started)
    yield f"127.0.0.1:{port}"
    server.should_exit = True
    thread.join(20)


class Client:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def hear(self, timeout: float = 20) -> Any:
        return json.loads(self.connection.recv(timeout))

    def silent(self, seconds: float = QUIET) -> bool:
        try:
            self.heard = self.hear(seconds)
        except TimeoutError:
            return True
        return False

    def ask(self, *, xrftoken: Any = CSRF, **groups: Any) -> Any:
        self.connection.send(json.dumps({"groups": groups, "xrftoken": xrftoken}))
        return self.hear()


def cookies_of(name: str, csrf: str = CSRF) -> str:
    session = logged_in(name).cookies["awx_sessionid"].value
    return f"awx_sessionid={session}; csrftoken={csrf}"


@contextmanager
def opened(address: str, path: str = "/websocket/", **headers: str) -> Iterator[Client]:
    with connect(f"ws://{address}{path}", additional_headers=headers) as connection:
        yield Client(connection)


@pytest.fixture
def admin(db: str, address: str) -> Iterator[Client]:
    with opened(address, Cookie=cookies_of("admin")) as client:
        assert client.hear() == {"accept": True, "user": 1}
        yield client


@pytest.fixture
def person(db: str, address: str) -> Iterator[Callable[[str], Client]]:
    """Opens the socket of a user, who is made if need be."""
    with ExitStack() as left:

        def make(name: str) -> Client:
            user, _ = get_user_model().objects.get_or_create(username=name)
            client = left.enter_context(opened(address, Cookie=cookies_of(name)))
            assert client.hear() == {"accept": True, "user": user.pk}
            return client

        yield make


def pending(row: UnifiedJob) -> None:
    story.move(row, status="pending", stage="queued")


# Who comes in


def test_nobody_is_told_so_and_sent_away(db, address):
    for headers in ({}, {"Cookie": "awx_sessionid=nonsense"}, {"Authorization": "Bearer no"}):
        with opened(address, **headers) as client:
            assert client.hear() == {"close": True}
            with pytest.raises(ConnectionClosed):
                client.hear()


def test_a_session_a_token_and_a_password_come_in(db, address):
    _, token, _ = issue(User.objects.get(username="admin"), "read")
    basic = httpx.BasicAuth("admin", "correct horse")._auth_header
    for headers in (
        {"Cookie": cookies_of("admin")},
        {"Authorization": f"Bearer {token}"},
        {"Authorization": basic},
    ):
        for path in websocket.PATHS:
            with opened(address, path, **headers) as client:
                assert client.hear() == {"accept": True, "user": 1}


def test_there_is_no_other_websocket(db, address):
    with pytest.raises(InvalidStatus) as refused, opened(address, "/api/v2/jobs/"):
        pass
    assert refused.value.response.status_code == 403


def test_a_page_of_another_site_cannot_ask_for_anything(admin):
    for given in ("", "d" * 32, None, 7, [CSRF]):
        assert admin.ask(xrftoken=given, jobs=["status_changed"]) == {
            "error": "access denied to channel"
        }
    pending(story.job())
    assert admin.silent()


def test_who_has_no_csrf_cookie_cannot_send_an_empty_one(db, address):
    with opened(address, Cookie=cookies_of("admin").partition(";")[0]) as client:
        client.hear()
        assert client.ask(xrftoken="", jobs=["summary"]) == {"error": "access denied to channel"}


def test_a_token_needs_no_second_one(db, address):
    _, token, _ = issue(User.objects.get(username="admin"), "read")
    with opened(address, Authorization=f"Bearer {token}") as client:
        client.hear()
        assert client.ask(xrftoken=None, jobs=["summary"])["groups_joined"] == ["jobs-summary"]


# Groups


def test_each_request_names_everything_that_is_wanted(admin):
    job = story.job()
    assert admin.ask(jobs=["status_changed", "summary"], schedules=["changed"]) == {
        "groups_current": ["jobs-status_changed", "jobs-summary", "schedules-changed"],
        "groups_left": [],
        "groups_joined": ["jobs-status_changed", "jobs-summary", "schedules-changed"],
    }
    assert admin.ask(jobs=["summary"], job_events=[job.pk]) == {
        "groups_current": [f"job_events-{job.pk}", "jobs-summary"],
        "groups_left": ["jobs-status_changed", "schedules-changed"],
        "groups_joined": [f"job_events-{job.pk}"],
    }
    assert admin.ask() == {
        "groups_current": [],
        "groups_left": [f"job_events-{job.pk}", "jobs-summary"],
        "groups_joined": [],
    }


def test_what_is_no_list_is_refused_and_changes_nothing(admin):
    admin.ask(jobs=["summary"])
    for groups in ({"jobs": "summary"}, {"jobs": {"summary": 1}}, {"jobs": ["x"] * 201}):
        assert admin.ask(**groups) == {"error": "access denied to channel"}
    assert admin.ask(jobs=["summary"])["groups_joined"] == []


NO_REQUESTS = (
    "", "{", "[]", "null", "[" * 50_000, '"\\ud800"', "x" * 70_000, '{"groups": []}',
)  # fmt: skip


def test_what_is_no_request_is_answered_and_the_socket_lives_on(admin):
    for text in (*NO_REQUESTS, b"\xff\xfe", b"{}"):
        admin.connection.send(text)
        assert admin.hear() == {"error": "access denied to channel"}
    assert admin.ask(jobs=["summary"])["groups_current"] == ["jobs-summary"]


NO_JOBS = (
    99, "99", 0, -1, "x", "", None, True, [], {}, 1.5, 2**63, 10**30, "\u0662", "1 OR 1", "1\0",
)  # fmt: skip


def test_a_job_that_is_not_there_is_refused_like_one_that_may_not_be_seen(admin):
    for given in NO_JOBS:
        assert admin.ask(job_events=[given])["error"].startswith(
            "access denied to channel job_events for resource id "
        )
        assert admin.hear()["groups_current"] == []


def test_events_are_for_those_who_may_read_the_job_of_that_kind(person):
    job = story.job()
    update = ProjectUpdate.objects.create(
        kind="project_update", status="running",
        project=Project.objects.create(
            name="p", kind="project", organization=Organization.objects.get(name="Default")
        ),
    )  # fmt: skip
    other = get_user_model().objects.create(username="other")
    Organization.objects.create(name="Other").admins.add(other)
    story.member("boss", admin=True)
    refused = f"access denied to channel job_events for resource id {job.pk}"

    stranger = person("other")
    assert stranger.ask(job_events=[job.pk], project_update_events=[update.pk]) == {
        "error": refused
    }
    assert stranger.hear()["error"].endswith(f"project_update_events for resource id {update.pk}")
    assert stranger.hear()["groups_current"] == []

    boss = person("boss")
    assert boss.ask(job_events=[job.pk])["groups_current"] == [f"job_events-{job.pk}"]
    assert boss.ask(job_events=[str(job.pk)])["groups_current"] == [f"job_events-{job.pk}"]
    # A job under another kind's name is nothing.
    assert boss.ask(project_update_events=[job.pk])["error"]


def test_only_ones_own_limit_can_be_listened_to(admin):
    assert admin.ask(control=["limit_reached_1"])["groups_current"] == ["control-limit_reached_1"]
    assert admin.ask(control=["limit_reached_2"])["error"] == (
        "access denied to channel control for resource id limit_reached_2"
    )


# What is said


def test_a_job_from_its_launch_to_its_end(admin):
    template = story.template()
    job = story.job("queued", "new", unified_job_template=template, job_template=template)
    admin.ask(jobs=["status_changed", "summary"])
    what = {"unified_job_id": job.pk, "group_name": "jobs"}
    more = {"type": "job", "unified_job_template_id": template.pk}

    pending(job)
    assert admin.hear() == {**what, **more, "status": "pending"}
    story.move(job, status="waiting", stage="resolving")
    assert admin.hear() == {**what, **more, "status": "waiting"}
    story.move(job, stage="pulling")  # a step of the path is no status
    story.move(job, status="running", stage="starting")
    running = admin.hear()
    assert running.pop("instance_group_name", "missing") != "missing"
    assert running == {**what, **more, "status": "running"}
    story.move(job, stage="running", emitted_events=17)
    story.end(job)
    assert admin.hear() == {**what, "final_counter": 17}
    told = admin.hear()
    assert told.pop("finished") == job.finished.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    assert told == {**what, **more, "status": "successful"}
    assert admin.silent(), admin.heard


def test_a_project_update_names_its_project(admin):
    project = Project.objects.create(name="p", kind="project", scm_type="git")
    update = ProjectUpdate.objects.create(
        kind="project_update", project=project, unified_job_template=project
    )
    admin.ask(jobs=["status_changed"])
    pending(update)
    assert admin.hear() == {
        "unified_job_id": update.pk, "status": "pending", "type": "project_update",
        "project_id": project.pk, "group_name": "jobs", "unified_job_template_id": project.pk,
    }  # fmt: skip


def test_states_are_told_to_those_who_may_read_the_job(admin, person):
    stranger = person("stranger")
    story.member("boss", admin=True)
    boss = person("boss")
    for client in (admin, stranger, boss):
        client.ask(jobs=["status_changed", "summary"])
    job = story.job()
    pending(job)
    for client in (admin, boss):
        assert client.hear()["unified_job_id"] == job.pk
    assert stranger.silent(), stranger.heard


def test_a_changed_schedule_is_told_to_those_who_may_read_it(admin, person):
    stranger = person("stranger")
    for client in (admin, stranger):
        assert client.ask(schedules=["changed"])["groups_joined"] == ["schedules-changed"]
    schedule = Schedule.objects.create(
        name="nightly", unified_job_template=story.template(),
        rrule="DTSTART:20300101T000000Z RRULE:FREQ=DAILY;INTERVAL=1",
    )  # fmt: skip
    announce_change("no such kind", schedule.pk)
    assert admin.hear() == {"id": schedule.pk, "group_name": "schedules"}
    assert stranger.silent(), stranger.heard


def test_an_inventory_update_names_its_source_and_inventory(admin):
    inventory = Inventory.objects.create(name="i", organization=story.organization())
    source = InventorySource.objects.create(
        kind="inventory_source", name="s", source="scm", inventory=inventory
    )
    update = InventoryUpdate.objects.create(
        kind="inventory_update", inventory=inventory, inventory_source=source, source="scm",
        unified_job_template=source,
    )  # fmt: skip
    admin.ask(jobs=["status_changed"])
    pending(update)
    told = admin.hear()
    assert (told["type"], told["inventory_source_id"], told["inventory_id"]) == (
        "inventory_update", source.pk, inventory.pk,
    )  # fmt: skip


def test_the_jobs_of_a_workflow_are_told_to_those_who_follow_it(admin, person):
    template, run, job = story.template(), workflow_run(), story.job("queued", "new")
    node = WorkflowJobNode.objects.create(workflow_job=run, identifier="one", job=job)
    UnifiedJob.objects.filter(pk=job.pk).update(unified_job_template=template)
    joined = admin.ask(jobs=["status_changed"], workflow_events=[run.pk])["groups_joined"]
    assert f"workflow_events-{run.pk}" in joined
    pending(job)
    told = {
        "unified_job_id": job.pk, "status": "pending", "type": "job", "workflow_job_id": run.pk,
        "workflow_node_id": node.pk, "unified_job_template_id": template.pk,
    }  # fmt: skip
    assert admin.hear() == {**told, "group_name": "jobs"}
    more = {"group_name": "workflow_events", "workflow_job_template_id": template.pk}
    assert admin.hear() == {**told, **more}
    refused = person("stranger")
    assert refused.ask(workflow_events=[run.pk]) == {
        "error": f"access denied to channel workflow_events for resource id {run.pk}"
    }


def workflow_run() -> Any:
    return WorkflowJob.objects.create(kind="workflow_job", name="run", status="running",
                                      organization=story.organization())  # fmt: skip


def test_an_inventory_that_goes_is_told_to_those_of_its_organization(admin, person):
    inventory = Inventory.objects.create(name="i", organization=story.organization())
    story.member("boss", admin=True)
    boss, stranger = person("boss"), person("stranger")
    for client in (admin, boss, stranger):
        client.ask(inventories=["status_changed"])
    number = inventory.pk
    remove(inventory, by=User.objects.get(pk=1))
    for client in (admin, boss):
        for status in ("pending_deletion", "deleted"):
            assert client.hear() == {
                "group_name": "inventories", "inventory_id": number, "status": status,
            }  # fmt: skip
    assert stranger.silent(), stranger.heard


def test_events_have_awx_s_fields_and_begin_with_the_next(admin, write):  # noqa: F811
    job = story.job()
    writer = write(job)
    writer.pod.oks(3)
    writer.send()
    admin.ask(job_events=[job.pk])

    writer.pod.event("playbook_on_start")  # prints nothing: AWX leaves it out
    writer.pod.play("Configure")
    writer.pod.event("playbook_on_task_start", task="Quiet")  # AWX tells of these nevertheless
    writer.pod.ok("node1", "Ping", changed=True, words=" ünï")
    writer.send()

    [play, task, ok] = [admin.hear() for _ in range(3)]
    assert [e["counter"] for e in (play, task, ok)] == [5, 6, 7]
    assert (play["play"], task["task"], task["stdout"]) == ("Configure", "Quiet", "")
    created = ok.pop("created")
    assert timezone.datetime.fromisoformat(created).tzinfo is not None
    assert ok.pop("modified") == created
    number = (job.pk << 26) + 7
    assert ok == {
        "id": number, "job": job.pk, "group_name": "job_events",
        "url": f"/api/v2/job_events/{number}", "stdout": "\x1b[0;33mchanged: [node1] ünï\x1b[0m",
        "counter": 7, "uuid": "u7", "parent_uuid": "", "start_line": 5, "end_line": 6,
        "event": "runner_on_ok", "failed": False, "changed": True, "event_level": 3, "play": "",
        "role": "", "task": "Ping",
        "event_data": {"host": "node1", "task": "Ping", "res": {"changed": True}},
    }  # fmt: skip


def test_many_watchers_of_much_output_get_all_of_it_in_order(admin, person, write):  # noqa: F811
    job = story.job()
    clients = [admin, person("admin"), person("admin")]
    for client in clients:
        client.ask(job_events=[job.pk], jobs=["status_changed"])
    writer = write(job)
    writer.pod.oks(700)
    writer.send(150)
    for client in clients:
        assert [client.hear()["counter"] for _ in range(700)] == list(range(1, 701))
    story.end(job)
    for client in clients:
        assert client.hear()["status"] == "successful"


def test_who_leaves_a_job_hears_no_more_of_it(admin, write):  # noqa: F811
    job = story.job()
    admin.ask(job_events=[job.pk])
    admin.ask()
    writer = write(job)
    writer.pod.oks(3)
    writer.send()
    assert admin.silent(), admin.heard


def test_a_slow_client_delays_neither_ingest_nor_others(admin, db, address, write):  # noqa: F811
    """It does not read at all: its connection fills, and it alone stands still."""
    job = story.job()
    with connect(
        f"ws://{address}/websocket/", additional_headers={"Cookie": cookies_of("admin")},
        max_queue=1, compression=None,
    ) as stuck:  # fmt: skip
        Client(stuck).ask(job_events=[job.pk])
        admin.ask(job_events=[job.pk])
        writer = write(job)
        for n in range(6000):
            writer.pod.ok("node1", "Ping", words=f" {n} {'x' * 2000}")
        writer.send()
        assert [admin.hear()["counter"] for _ in range(6000)][-1] == 6000
        # And it has lost nothing when it reads again.
        slow = Client(stuck)
        assert [slow.hear().get("counter") for _ in range(6001)][-1] == 6000


def test_who_does_not_take_the_states_is_cut_off(db, person, monkeypatch):
    members: list[Any] = []
    monkeypatch.setattr(websocket.Socket, "_pass_on", lambda self: _never(members, self))
    monkeypatch.setattr(websocket, "MOST_UNSENT", 2)
    client = person("admin")
    client.ask(jobs=["status_changed"])
    job = story.job()
    for _ in range(3):
        pending(job)
    with pytest.raises(ConnectionClosed) as ended:
        client.hear()
    assert ended.value.rcvd.code == 1013


async def _never(members: list[Any], member: Any) -> None:
    members.append(member)


# What changes while the socket is open


def test_who_loses_the_right_to_a_job_hears_no_more_of_it(person, write, monkeypatch):  # noqa: F811
    monkeypatch.setattr(websocket, "RECHECK", 0.2)
    boss = story.member("boss", admin=True)
    client = person("boss")
    job = story.job()
    client.ask(job_events=[job.pk], jobs=["status_changed"])
    Organization.objects.get(name="Default").admins.remove(boss)
    assert client.hear() == {
        "error": f"access denied to channel job_events for resource id {job.pk}"
    }
    writer = write(job)
    writer.pod.oks(3)
    writer.send()
    pending(job)
    assert client.silent(), client.heard


@pytest.mark.parametrize("ended", ["session", "user"])
def test_a_login_that_ends_ends_the_socket(person, monkeypatch, ended):
    from django.contrib.sessions.models import Session

    monkeypatch.setattr(websocket, "RECHECK", 0.2)
    client = person("mia")
    client.ask(jobs=["status_changed"])
    time.sleep(0.5)  # it lives on as long as its login does
    assert client.ask(jobs=["summary"])["groups_joined"] == ["jobs-summary"]
    if ended == "session":
        Session.objects.all().delete()
    else:
        User.objects.filter(username="mia").update(is_active=False)
    with pytest.raises(ConnectionClosed) as over:
        client.hear()
    assert over.value.rcvd.code == 1008


def test_after_an_outage_of_the_listening_connection_states_are_told_from_the_rows(admin):
    from django.db import connection

    admin.ask(jobs=["status_changed"])
    job = story.job()
    # Its notice is lost with the connection.
    UnifiedJob.objects.filter(pk=job.pk).update(status="failed", modified=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'gantry tail'"
        )
    assert admin.hear()["status"] == "failed"


def test_a_server_that_dies_costs_a_client_nothing_but_the_way_back(db, write):  # noqa: F811
    """Reconnect, ask again, read what came between by REST: every event once."""
    server = Server()
    server.start()
    where = server.url.removeprefix("http://")
    job = story.job()
    writer = write(job)
    cookies = {"Cookie": cookies_of("admin")}
    seen = []
    try:
        with opened(where, **cookies) as client:
            client.hear()
            client.ask(job_events=[job.pk])
            writer.pod.oks(5)
            writer.send()
            seen += [client.hear()["counter"] for _ in range(5)]
            server.kill()
            with pytest.raises(ConnectionClosed):
                client.hear()
        writer.pod.oks(5)
        writer.send()
        server.start()
        with opened(where, **cookies) as client:
            client.hear()
            client.ask(job_events=[job.pk])
            missed = httpx.get(
                f"{server.url}/api/v2/jobs/{job.pk}/job_events/?counter__gt={seen[-1]}",
                headers=cookies,
            ).json()
            seen += [event["counter"] for event in missed["results"]]
            writer.pod.oks(5)
            writer.send()
            seen += [client.hear()["counter"] for _ in range(5)]
    finally:
        server.kill()
    assert seen == list(range(1, 16))
