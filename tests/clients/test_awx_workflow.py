"""AWX's own command line does its whole work: make, launch and follow, export, import.

The jobs are real: a controller, a pod for each, a project from a Git server.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx

from tests.clients.conftest import Awx
from tests.clients.exports import comparable
from tests.clients.test_awx_login import token_of
from tests.fresh import Seeds
from tests.installations import SECRET, fill
from tests.journeys.conftest import (  # noqa: F401  # fixtures
    ControllerProcess,
    controller,
    ee_image,
    engine_url,
    world,
)
from tests.journeys.world import LOCAL, World
from tests.web.conftest import ADMIN, Server

PERSON = {"CONTROLLER_USERNAME": ADMIN[0], "CONTROLLER_PASSWORD": ADMIN[1]}
Told = Callable[..., Any]


def test_make_launch_follow_change_and_remove(
    awx: Awx,
    world: World,  # noqa: F811
    controller: ControllerProcess,  # noqa: F811
    playbooks: str,
) -> None:
    token = token_of(awx("login", "-f", "human", **PERSON).stdout)

    def told(*arguments: str) -> str:
        done = awx(*arguments, CONTROLLER_OAUTH_TOKEN=token)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    controller.start()
    told("organizations", "create", "--name", "Crew")
    synced = told("projects", "create", "--name", "Playbooks", "--organization", "Crew",
                  "--scm_type", "git", "--scm_url", playbooks, "--monitor")  # fmt: skip
    assert f"Cloning {playbooks}" in synced
    told("inventory", "create", "--name", "Here", "--organization", "Crew")
    told("hosts", "create", "--name", "here", "--inventory", "Here",
         "--variables", json.dumps(LOCAL))  # fmt: skip
    told("credentials", "create", "--name", "root", "--organization", "Crew",
         "--credential_type", "Machine", "--inputs", json.dumps({"username": "root"}))  # fmt: skip
    told("job_templates", "create", "--name", "Deploy", "--project", "Playbooks",
         "--inventory", "Here", "--playbook", "site.yml", "--ask_limit_on_launch",
         "true")  # fmt: skip
    told("job_templates", "associate", "Deploy", "--credential", "root")
    changed = told("job_templates", "modify", "Deploy", "--execution_environment", "Test EE")
    assert json.loads(changed)["execution_environment"] == world.environment.pk

    followed = told("job_templates", "launch", "Deploy", "--limit", "here", "--monitor")
    assert "TASK [ping]" in followed
    assert "ok: [here]" in followed
    job = json.loads(followed[followed.index("{\n") :])
    assert (job["status"], job["limit"]) == ("successful", "here")
    assert "TASK [ping]" in told("jobs", "stdout", str(job["id"]))

    told("job_templates", "disassociate", "Deploy", "--credential", "root")
    assert json.loads(told("job_templates", "get", "Deploy"))["summary_fields"]["credentials"] == []
    for noun, name in (("job_templates", "Deploy"), ("inventory", "Here"),
                       ("projects", "Playbooks"), ("organizations", "Crew")):  # fmt: skip
        told(noun, "delete", name)
    assert json.loads(told("organizations", "list"))["count"] == 2


def test_what_is_exported_and_imported_into_an_empty_gantry_is_exported_the_same(
    awx: Awx,
    engine_url: str,  # noqa: F811
    seeds: Seeds,
    server: Server,
    controller: ControllerProcess,  # noqa: F811
    playbooks: str,
) -> None:
    seeds.restore()
    with httpx.Client(base_url=f"{server.url}/api/v2", auth=ADMIN, timeout=60) as client:
        fill(client, playbooks)
        _without_what_awx_cannot_import(client)
    kinds = _kinds(server)
    before = awx("export", *kinds, **PERSON)
    assert before.returncode == 0, before.stderr
    assert SECRET not in before.stdout

    seeds.restore()
    controller.start()  # awx waits until what it imports of projects has been fetched
    # Twice: the first time an organization comes before its default environment.
    for _ in range(2):
        imported = awx("import", given=before.stdout, **PERSON)
        assert imported.returncode == 0, imported.stdout + imported.stderr
    after = awx("export", *kinds, **PERSON)

    assert after.returncode == 0, after.stderr
    left, came = comparable(before.stdout), comparable(after.stdout)
    assert left.keys() == came.keys()
    for kind, rows in left.items():
        assert came[kind] == rows, kind


def _without_what_awx_cannot_import(client: httpx.Client) -> None:
    """The defaults of secret questions; a schedule's answers to a survey: awx makes the schedule
    first, and AWX refuses both in the same words."""
    [template] = client.get("/job_templates/").json()["results"]
    place = f"/job_templates/{template['id']}"
    survey = client.get(f"{place}/survey_spec/").json()
    for question in survey["spec"]:
        if question["type"] == "password":
            question["default"] = ""
    client.post(f"{place}/survey_spec/", json=survey).raise_for_status()
    client.patch(f"{place}/", json={"ask_variables_on_launch": True}).raise_for_status()


def _kinds(server: Server) -> list[str]:
    """Nothing, which is everything that awx exports: where Gantry has every kind of it."""
    root = httpx.get(f"{server.url}/api/v2/", auth=ADMIN).json()
    kinds = (
        "users", "organizations", "teams", "credential_types", "credentials",
        "notification_templates", "projects", "inventory", "inventory_sources", "job_templates",
        "workflow_job_templates", "execution_environments", "applications", "schedules",
    )  # fmt: skip
    return [] if root.keys() >= set(kinds) else [f"--{kind}" for kind in kinds if kind in root]
