"""awxkit's own client of AWX's websocket follows a job, as AWX's tests and scripts do."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

from gantry.resources.models import WorkflowJobNode
from tests.api.test_websocket import workflow_run
from tests.clients.exports import CLIENTS
from tests.web import story
from tests.web.conftest import Server, logged_in, write  # noqa: F401  # a fixture

# Arguments: port, session, job or 0, how WSClient joins. Prints each message, ends with the job.
FOLLOW = """
import json, sys
from awxkit.ws import WSClient
port, session, job, what = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
ws = WSClient(hostname="127.0.0.1", port=port, secure=False, session_id=session, csrftoken="c" * 32)
ws.connect()
getattr(ws, what)(*[job] * bool(job))
over = False
while not over:
    message = ws._recv(wait=True, timeout=30)
    if message is None:
        sys.exit("nothing came")
    print(json.dumps(message), flush=True)
    over = message.get("status") == "successful"
ws.unsubscribe()
ws.close()
"""


def follow(server: Server, job: int, what: str = "job_details") -> subprocess.Popen[str]:
    session = logged_in("admin").cookies["awx_sessionid"].value
    return subprocess.Popen(
        [CLIENTS / "bin/python", "-c", FOLLOW, str(server.port), session, str(job), what],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def heard(client: subprocess.Popen[str]) -> Any:
    assert client.stdout is not None
    line = client.stdout.readline()
    assert line, client.stderr.read() if client.stderr else ""
    return json.loads(line)


def finish(client: subprocess.Popen[str]) -> None:
    assert client.wait(20) == 0, client.stderr.read() if client.stderr else ""
    client.communicate()


def test_it_follows_a_job_to_its_end(db: str, server: Server, write: Callable[..., Any]) -> None:  # noqa: F811
    job = story.job()
    client = follow(server, job.pk)
    assert heard(client) == {"accept": True, "user": 1}
    assert sorted(heard(client)["groups_joined"]) == [
        f"job_events-{job.pk}", "jobs-status_changed", "jobs-summary",
    ]  # fmt: skip
    writer = write(job)
    writer.pod.oks(30)
    writer.send()
    assert [heard(client)["counter"] for _ in range(30)] == list(range(1, 31))
    story.end(job)
    assert heard(client)["final_counter"] == 30
    assert heard(client)["status"] == "successful"
    finish(client)


def test_it_joins_the_events_of_a_job_that_is_launched(
    db: str,
    server: Server,
    write: Callable[..., Any],  # noqa: F811
) -> None:
    client = follow(server, 0, "pending_job_stdout")
    heard(client), heard(client)
    job = story.job("queued", "new")
    story.move(job, status="pending", stage="queued")
    assert heard(client)["status"] == "pending"
    assert heard(client)["groups_joined"] == [f"job_events-{job.pk}"]
    writer = write(job)
    writer.pod.oks(2)
    writer.send()
    assert [heard(client)["counter"] for _ in range(2)] == [1, 2]
    story.end(job)
    assert heard(client)["status"] == "successful"
    finish(client)


def test_it_follows_a_workflow(db: str, server: Server) -> None:
    run, job = workflow_run(), story.job("queued", "new")
    node = WorkflowJobNode.objects.create(workflow_job=run, identifier="one", job=job)
    client = follow(server, run.pk, "workflow_events")
    assert heard(client) == {"accept": True, "user": 1}
    assert sorted(heard(client)["groups_joined"]) == [
        "jobs-status_changed", f"workflow_events-{run.pk}",
    ]  # fmt: skip
    story.move(job, status="pending", stage="queued")
    told = [heard(client), heard(client)]
    assert [t["group_name"] for t in told] == ["jobs", "workflow_events"]
    assert {(t["workflow_job_id"], t["workflow_node_id"]) for t in told} == {(run.pk, node.pk)}
    story.move(job, status="running", stage="starting")
    assert [heard(client)["status"] for _ in range(2)] == ["running", "running"]
    story.end(job)
    assert heard(client)["status"] == "successful"
    finish(client)
