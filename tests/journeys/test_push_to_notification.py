"""A team's whole day in one test: `git push` to a real Git server, whose hook calls the webhook,
and everything that follows, up to the notification and the commit's status. Real pods, one
controller, the web process as it is run."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from gantry.base.bridge import in_thread
from tests.journeys.git_server import GitServer, Repository
from tests.journeys.outcome import ended, output, told, until
from tests.journeys.projects.projects import project, template_of
from tests.journeys.world import World
from tests.resources.lookups.server import Service, service
from tests.web.conftest import Server

ADMIN = ("admin", "correct horse")
PLAY = """
- hosts: web
  gather_facts: false
  tasks:
    - debug:
        msg: "%s {{ color }} for {{ awx_webhook_payload.head_commit.message | trim }}"
"""
HOSTS = """[web]
%s ansible_connection=local ansible_python_interpreter="{{ ansible_playbook_python }}"
[web:vars]
color=%s
"""
# What Gitea does after a push: its payload, its headers, its signature.
HOOK = """#!%(python)s
import hashlib, hmac, json, subprocess, sys, urllib.request
before, after, ref = sys.stdin.read().split()
message = subprocess.check_output(["git", "log", "-1", "--format=%%B", after], text=True)
commit = {"id": after, "message": message, "author": {"name": "Tests"}}
body = json.dumps({
    "ref": ref, "before": before, "after": after, "commits": [commit], "head_commit": commit,
    "repository": {"id": 1, "name": "site", "full_name": "acme/site",
                   "html_url": "%(gitea)s/acme/site", "default_branch": "main"},
}).encode()
headers = {
    "Content-Type": "application/json", "X-Gitea-Event": "push", "X-Gitea-Delivery": after,
    "X-Gitea-Signature": hmac.new(b"%(key)s", body, hashlib.sha256).hexdigest(),
}
request = urllib.request.Request("%(receiver)s", body, headers)
print(urllib.request.urlopen(request, timeout=30).read().decode())
"""


@pytest.fixture
def server(world: World) -> Iterator[Server]:
    running = Server()
    running.start()
    yield running
    running.kill()


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path, "site")
    made.commit("first", files("old", "blue"))
    return made


@pytest.fixture
def git(tmp_path: Path, repository: Repository) -> Iterator[GitServer]:
    running = GitServer(tmp_path / "served")
    yield running
    running.stop()


def files(host: str, color: str) -> dict[str, str]:
    return {"check.yml": PLAY % "checked", "deploy.yml": PLAY % "deployed",
            "hosts.ini": HOSTS % (host, color)}  # fmt: skip


def workflow(world: World, url: str, notified: str) -> Any:
    """Sync, read the inventory, check, ask, deploy; who follows it is told of its end."""
    from gantry.resources import models as m

    site = project(world, url, allow_override=True)
    inventory = m.Inventory.objects.create(name="From Git", organization=world.organization)
    source = m.InventorySource.objects.create(
        kind="inventory_source", name="hosts", inventory=inventory, source="scm", overwrite=True,
        organization=world.organization, source_project=site, source_path="hosts.ini",
    )  # fmt: skip
    made = m.WorkflowJobTemplate.objects.create(
        kind="workflow_job_template", name="Release", organization=world.organization,
        webhook_service="gitea", webhook_branches=["main"],
        webhook_credential=world.credential("gitea_token", {"token": "t0k3n-t0k3n"}),
    )  # fmt: skip
    question = m.WorkflowApprovalTemplate.objects.create(
        kind="workflow_approval_template", name="Deploy it?", workflow_job_template=made
    )
    jobs = {
        name: template_of(world, site, f"{name}.yml", name=name, inventory=inventory)
        for name in ("check", "deploy")
    }
    before = None
    for at in (site, source, jobs["check"], question, jobs["deploy"]):
        node = m.WorkflowJobTemplateNode.objects.create(
            workflow_job_template=made, unified_job_template=at, identifier=at.name
        )
        if before is not None:
            before.success_nodes.add(node)
        before = node
    receiver = m.NotificationTemplate.objects.create(
        name="hook", organization=world.organization, notification_type="webhook",
        messages={"success": {"body": '{"id": {{ job.id }}, "status": "{{ job.status }}"}'}},
    )  # fmt: skip
    receiver.set_configuration({"url": notified, "headers": {}})
    receiver.save()
    made.notification_templates_success.add(receiver)
    made.notification_templates_approvals.add(receiver)
    return made


async def test_a_push_goes_all_the_way(
    world: World, control: Any, server: Server, repository: Repository, git: GitServer
) -> None:
    from gantry.resources import models as m

    with service() as outside:
        outside.routes["POST /notified"] = lambda asked: (200, "")
        made = await in_thread(workflow)(world, git.of(repository), f"{outside.url}/notified")
        with httpx.Client(base_url=server.url, auth=ADMIN, timeout=30) as api:
            commit = await push(api, made, repository, git, outside)
            run = await until(m.WorkflowJob.objects.first, "the workflow's run")
            question = await until(lambda: asked_or_ended(run), "the question")
            await until(lambda: len(outside.asked) == 2, "commit status and question told")
            answer = await in_thread(api.post)(f"/api/v2/workflow_approvals/{question.pk}/approve/")
            assert answer.status_code == 204, answer.text
            run = await ended(run)
            await until(lambda: len(outside.asked) == 5, "commit status and end told", 20)
            await until(
                lambda: run.commit_statuses.filter(status="successful").count() == 2, "both"
            )
            seen = api.get(f"/api/v2/workflow_job_templates/{made.pk}/webhook_deliveries/").json()
            shown = api.get(seen["results"][0]["url"]).json()

    jobs = await in_thread(lambda: {j.name: j for j in m.Job.objects.all()})()
    assert run.status == "successful", [told(run), *map(told, jobs.values())]
    assert run.launch_type == "webhook"
    # Each step ran, in its pod, on what was pushed.
    update = await in_thread(m.ProjectUpdate.objects.get)()
    hosts = await in_thread(m.InventoryUpdate.objects.get)()
    for step in (update, hosts, *jobs.values()):
        assert (step.status, step.cleanup["removed"]) == ("successful", True), told(step)
    assert {step.scm_revision for step in (update, hosts, *jobs.values())} == {commit}
    for name, word in (("check", "checked"), ("deploy", "deployed")):
        text = await output(jobs[name])
        assert f"{word} green for a greener site" in text
        assert "ok: [new]" in text
        assert "[old]" not in text
    asked(outside, run, commit)
    [delivery] = seen["results"]
    assert (delivery["outcome"], delivery["job"], delivery["ref"], delivery["branch"]) == (
        "launched", run.pk, commit, "refs/heads/main",
    )  # fmt: skip
    statuses = [(s["state"], s["status"], s["attempts"]) for s in shown["commit_statuses"]]
    assert statuses == [("pending", "successful", 1), ("successful", "successful", 1)]


def asked_or_ended(run: Any) -> Any:
    """The question, once it is asked; fails where the run ends before."""
    from gantry.resources import models as m

    run.refresh_from_db()
    nodes = run.workflow_job_nodes.select_related("job")
    assert run.active, [told(run), *(told(node.job) for node in nodes if node.job is not None)]
    return m.WorkflowApproval.objects.filter(status="pending").first()


async def push(
    api: httpx.Client, made: Any, repository: Repository, git: GitServer, outside: Service
) -> str:
    """Over HTTP, with the template's key in the server's hook."""
    key = api.get(f"/api/v2/workflow_job_templates/{made.pk}/webhook_key/").json()["webhook_key"]
    hook = repository.bare / "hooks/post-receive"
    hook.write_text(HOOK % {
        "python": sys.executable, "gitea": outside.url, "key": key,
        "receiver": f"{api.base_url}/api/v2/workflow_job_templates/{made.pk}/gitea/",
    })  # fmt: skip
    hook.chmod(0o755)
    for name, text in files("new", "green").items():
        (repository.tree / name).write_text(text)
    repository.git("commit", "--quiet", "--all", "-m", "a greener site")
    commit = repository.git("rev-parse", "HEAD")
    outside.routes[f"POST /api/v1/repos/acme/site/statuses/{commit}"] = lambda asked: (201, {})
    repository.git("-C", str(repository.bare), "config", "http.receivepack", "true")
    await in_thread(repository.git)("push", "--quiet", git.of(repository), "main")
    return commit


def asked(outside: Service, run: Any, commit: str) -> None:
    """What the Git service and whoever follows the workflow got."""
    states = [a for a in outside.asked if a.path.endswith(f"/statuses/{commit}")]
    assert [a.json()["state"] for a in states] == ["pending", "success"]
    assert states[0].headers["authorization"] == "token t0k3n-t0k3n"
    assert states[0].json()["target_url"].endswith(f"/jobs/{run.pk}/")
    question, answered, end = [a.json() for a in outside.asked if a.path == "/notified"]
    assert "needs review" in question["body"]
    assert "approved" in answered["body"]
    assert (end["id"], end["status"]) == (run.pk, "successful")
    assert json.dumps(end).count("t0k3n") == 0
