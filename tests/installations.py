"""A second installation beside the tests' own, and what a small company keeps in one."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx

SECRET = "only there"
ADMIN = ("admin", "correct horse")
Add = Callable[..., Any]


@contextlib.contextmanager
def running(home: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home.mkdir(mode=0o711)
    environment = {
        **os.environ, "GANTRY_DATA_DIR": str(home / "data"), "GANTRY_PORT": str(port),
        "GANTRY_ADMIN_PASSWORD": "correct horse", "GANTRY_LOG_LEVEL": "warning",
        "GANTRY_ENGINE_URL": "unix:///nowhere.sock",
    }  # fmt: skip
    program = [sys.executable, "-m", "gantry.cli.main", "up"]
    log = (home / "log").open("w")
    process = subprocess.Popen(program, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 90
        while not _answers(url):
            assert process.poll() is None, (home / "log").read_text()
            assert time.monotonic() < until, (home / "log").read_text()
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        process.wait(60)
        log.close()
        subprocess.run(["rm", "-rf", str(home)], check=True)


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{url}/api/v2/ping/").status_code == 200
    return False


PLAYBOOKS = "https://git.example.com/playbooks.git"


def fill(old: httpx.Client, scm_url: str = PLAYBOOKS) -> None:
    """A small company: two people, a team, and one of everything they need for a job."""

    def add(place: str, **body: Any) -> Any:
        answer = old.post(f"/{place}/", json=body)
        assert answer.status_code in (200, 201, 204), (place, answer.text)
        return answer.json()["id"] if answer.content else None

    org = add("organizations", name="Platform", description="Runs the machines")
    mia = add("users", username="mia", password="a long password", first_name="Mia")
    team = add("teams", name="Operators", organization=org)
    add(f"organizations/{org}/users", id=mia)
    add(f"teams/{team}/users", id=mia)
    kinds = {
        k["name"]: k["id"] for k in old.get("/credential_types/?page_size=200").json()["results"]
    }
    own = add(
        "credential_types", name="Ticket system", kind="cloud",
        inputs={"fields": [{"id": "token", "label": "Token", "type": "string", "secret": True}]},
        injectors={"env": {"TICKETS": "{{ token }}"}},
    )  # fmt: skip
    machine = add(
        "credentials", name="root", organization=org, credential_type=kinds["Machine"],
        inputs={"username": "ansible", "password": SECRET},
    )  # fmt: skip
    add("credentials", name="mias", user=mia, credential_type=own, inputs={"token": SECRET})
    ee = add("execution_environments", name="Web EE", image="registry.example.com/web:1",
             organization=org)  # fmt: skip
    old.patch(f"/organizations/{org}/", json={"default_environment": ee}).raise_for_status()
    looked_up = add("credentials", name="looked up", organization=org,
                    credential_type=kinds["Machine"], inputs={"username": "ansible"})  # fmt: skip
    vault = add(
        "credentials", name="vault", organization=org,
        credential_type=kinds["HashiCorp Vault Secret Lookup"],
        inputs={"url": "https://vault.example.com", "token": SECRET, "api_version": "v2"},
    )  # fmt: skip
    add("credential_input_sources", target_credential=looked_up, source_credential=vault,
        input_field_name="password", metadata={"secret_path": "kv/x", "secret_key": "p"},
        )  # fmt: skip
    night = add("instance_groups", name="Night shift", policy_instance_minimum=1, max_forks=20)
    add(f"organizations/{org}/instance_groups", id=night)
    chat = add(
        "notification_templates", name="chat", organization=org, notification_type="slack",
        notification_configuration={"token": SECRET, "channels": ["#web"], "hex_color": ""},
        messages={
            "started": None, "success": None, "workflow_approval": None,
            "error": {"message": "{{ job.name }} has failed"},
        },
    )  # fmt: skip
    add(f"organizations/{org}/notification_templates_approvals", id=chat)
    project = add("projects", name="Playbooks", organization=org, scm_type="git",
                  scm_url=scm_url, allow_override=True)  # fmt: skip
    inventory = add("inventories", name="Production", organization=org, variables="a: 1")
    hosts = [add("hosts", name=f"web{n}", inventory=inventory) for n in (1, 2)]
    outer, inner = (add("groups", name=n, inventory=inventory) for n in ("outer", "inner"))
    add(f"groups/{outer}/children", id=inner)
    for host in hosts:
        add(f"groups/{inner}/hosts", id=host)
    add(f"inventories/{inventory}/instance_groups", id=night)
    source = add("inventory_sources", name="from the project", inventory=inventory, source="scm",
                 source_project=project, source_path="hosts.ini")  # fmt: skip
    add(f"inventory_sources/{source}/schedules", name="Hourly",
        rrule="DTSTART;TZID=UTC:20300101T020000 RRULE:FREQ=HOURLY;INTERVAL=1")  # fmt: skip
    label = add("labels", name="night", organization=org)
    template = add("job_templates", name="Deploy web", project=project, inventory=inventory,
                   playbook="site.yml", execution_environment=ee, ask_limit_on_launch=True,
                   extra_vars="release: 24.6", survey_enabled=True)  # fmt: skip
    add(f"job_templates/{template}/credentials", id=machine)
    add(f"job_templates/{template}/labels", id=label)
    add(f"job_templates/{template}/instance_groups", id=night)
    add(f"job_templates/{template}/notification_templates_error", id=chat)
    add(f"projects/{project}/notification_templates_started", id=chat)
    add(f"job_templates/{template}/survey_spec", name="", description="", spec=[
        {"variable": "count", "type": "integer", "question_name": "How many?", "required": True,
         "default": 3},
        {"variable": "pin", "type": "password", "question_name": "Pin?", "required": False,
         "default": SECRET},
    ])  # fmt: skip
    roles = old.get(f"/job_templates/{template}/object_roles/").json()["results"]
    execute = next(r["id"] for r in roles if r["name"] == "Execute")
    add(f"teams/{team}/roles", id=execute)
    add(f"job_templates/{template}/schedules", name="Nightly",
        extra_data={"count": 5},
        rrule="DTSTART;TZID=Europe/Berlin:20300101T020000 RRULE:FREQ=DAILY;INTERVAL=1")  # fmt: skip
    reader = add("role_definitions", name="Reader", content_type="awx.inventory",
                 permissions=["awx.view_inventory", "awx.use_inventory"])  # fmt: skip
    add("role_user_assignments", role_definition=reader, user=mia, object_id=str(inventory))
    _workflow(add, old, org, of_project=project, of_template=template, team=team, chat=chat)


def _workflow(add: Add, old: httpx.Client, org: int, **known: int) -> None:
    """Fetch, then deploy; where that fails people are asked, and in the end a workflow cleans."""
    [sweep] = old.get("/system_job_templates/?job_type=cleanup_jobs").json()["results"]
    clean = add("workflow_job_templates", name="Clean", organization=org)
    add("workflow_job_template_nodes", workflow_job_template=clean, identifier="sweep",
        unified_job_template=sweep["id"], extra_data={"days": 30})  # fmt: skip
    release = add(
        "workflow_job_templates", name="Release", organization=org, extra_vars="release: 24.6",
        limit="web1", ask_limit_on_launch=True, ask_variables_on_launch=True, survey_enabled=True,
        ask_labels_on_launch=True,
    )  # fmt: skip
    at = {"fetch": known["of_project"], "deploy": known["of_template"], "clean": clean}
    nodes = {}
    for name in ("fetch", "deploy", "agree", "clean"):
        more = {"limit": "web1", "extra_data": {"count": 7}} if name == "deploy" else {}
        nodes[name] = add("workflow_job_template_nodes", workflow_job_template=release,
                          identifier=name, unified_job_template=at.get(name),
                          all_parents_must_converge=name == "clean", **more)  # fmt: skip
    add(f"workflow_job_template_nodes/{nodes['agree']}/create_approval_template", name="Agree",
        description="May it go out?", timeout=900)  # fmt: skip
    for parent, way, child in (
        ("fetch", "success", "deploy"), ("deploy", "failure", "agree"),
        ("deploy", "success", "clean"), ("agree", "always", "clean"),
    ):  # fmt: skip
        add(f"workflow_job_template_nodes/{nodes[parent]}/{way}_nodes", id=nodes[child])
    place = f"workflow_job_templates/{release}"
    add(f"{place}/labels", name="release", organization=org)
    for when in ("success", "approvals"):
        add(f"{place}/notification_templates_{when}", id=known["chat"])
    add(f"{place}/survey_spec", name="", description="", spec=[
        {"variable": "why", "type": "text", "question_name": "Why?", "required": False,
         "default": "because"},
    ])  # fmt: skip
    add(f"{place}/schedules", name="Weekly", extra_data={"why": "it is Monday"}, limit="web2",
        rrule="DTSTART;TZID=Europe/Berlin:20300101T020000 RRULE:FREQ=WEEKLY;INTERVAL=1",
        )  # fmt: skip
    roles = old.get(f"/{place}/object_roles/").json()["results"]
    add(f"teams/{known['team']}/roles", id=next(r["id"] for r in roles if r["name"] == "Approve"))
