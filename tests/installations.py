"""A second installation beside the tests' own, and what a small company keeps in one."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

SECRET = "only there"
ADMIN = ("admin", "correct horse")


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
    project = add("projects", name="Playbooks", organization=org, scm_type="git",
                  scm_url=scm_url, allow_override=True)  # fmt: skip
    inventory = add("inventories", name="Production", organization=org, variables="a: 1")
    hosts = [add("hosts", name=f"web{n}", inventory=inventory) for n in (1, 2)]
    outer, inner = (add("groups", name=n, inventory=inventory) for n in ("outer", "inner"))
    add(f"groups/{outer}/children", id=inner)
    for host in hosts:
        add(f"groups/{inner}/hosts", id=host)
    label = add("labels", name="night", organization=org)
    template = add("job_templates", name="Deploy web", project=project, inventory=inventory,
                   playbook="site.yml", execution_environment=ee, ask_limit_on_launch=True,
                   extra_vars="release: 24.6", survey_enabled=True)  # fmt: skip
    add(f"job_templates/{template}/credentials", id=machine)
    add(f"job_templates/{template}/labels", id=label)
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
