"""`gantry import-awx`: a whole installation comes over, again and again, without its secrets.

The old installation is a second Gantry with a database and a web process of its own: what is read
of it goes over HTTP, as AWX's would.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from django.db import connection

SECRET = "only there"
Old = httpx.Client


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Old]:
    """The old installation's API, as its administrator; filled once, since nothing changes it."""
    home = Path("/tmp") / f"gantry-old-{os.getpid()}"
    with _running(home) as url:
        client = httpx.Client(base_url=f"{url}/api/v2", auth=("admin", "correct horse"), timeout=60)
        _fill(client)
        yield client


@contextlib.contextmanager
def _running(home: Path) -> Iterator[str]:
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


def _fill(old: Old) -> None:
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
                  scm_url="https://git.example.com/playbooks.git", allow_override=True)  # fmt: skip
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


@pytest.fixture
def run(db: str, old: Old) -> Callable[..., Result]:
    from gantry.cli.main import main

    answer = old.post("/users/1/personal_tokens/", json={"scope": "read"})
    token = answer.json()["token"]
    url = str(old.base_url).removesuffix("/api/v2/")

    def go(*options: str, token: str = token) -> Result:
        return CliRunner().invoke(main, ["import-awx", url, "--token", token, *options])

    return go


def counts(output: str) -> dict[str, list[str]]:
    """The report's table: noun -> [new, changed, as it was, refused]; an empty cell is 0."""
    found = {}
    for line in output.splitlines():
        if re.match(r"[a-z][a-z ]{27}[\s\d]", line) and len(line) >= 76:
            cells = [line[28 + 12 * n : 40 + 12 * n].strip() or "0" for n in range(4)]
            found[line[:28].strip()] = cells
    return found


def test_everything_comes_and_points_to_what_it_pointed_to(run: Any) -> None:
    from gantry.resources import models as m
    from gantry.resources.access import may

    done = run()
    assert done.exit_code == 0, done.output
    assert "Refused" not in done.output
    template = m.JobTemplate.objects.get(name="Deploy web")
    assert str(template.organization) == "Platform"
    assert (str(template.project), template.playbook) == ("Playbooks", "site.yml")
    assert template.execution_environment == m.ExecutionEnvironment.objects.get(name="Web EE")
    assert [c.name for c in template.credentials.all()] == ["root"]
    assert [label.name for label in template.labels.all()] == ["night"]
    assert [q["variable"] for q in template.survey_spec["spec"]] == ["count", "pin"]
    organization = m.Organization.objects.get(name="Platform")
    assert organization.default_environment == template.execution_environment
    inner = m.Group.objects.get(name="inner")
    assert {h.name for h in inner.hosts.all()} == {"web1", "web2"}
    assert m.Group.objects.get(name="outer").children.get() == inner
    mia = m.User.objects.get(username="mia")
    assert may(mia, "start", template)  # by her team's role
    assert not may(mia, "change", template)
    schedule = m.Schedule.objects.get(name="Nightly")
    assert schedule.unified_job_template_id == template.pk
    assert "Europe/Berlin" in schedule.rrule


def test_what_cannot_come_is_named_one_by_one(run: Any) -> None:
    output = run().output
    assert "credential root: password" in output
    assert "credential mias: token" in output
    assert "the password of mia" in output
    assert "survey of Deploy web: the default of pin" in output
    assert "the history of jobs" in output
    assert SECRET not in output


def test_a_second_run_makes_nothing_twice_and_keeps_what_was_entered_here(run: Any) -> None:
    from gantry.resources.models import Credential, Organization

    run()
    credential = Credential.objects.get(name="root")
    credential.set_inputs({"username": "ansible", "password": "entered here"})
    credential.save()
    Organization.objects.filter(name="Platform").update(description="changed here")

    done = run()
    table = counts(done.output)
    assert table["organizations"][1] == "1"  # brought up to date
    assert all(new == "0" for new, *_ in table.values()), done.output
    assert all(c[1] == "0" for noun, c in table.items() if noun != "organizations"), done.output
    credential.refresh_from_db()
    assert credential.open_inputs()["password"] == "entered here"
    assert "credential root" not in done.output


def test_a_rehearsal_tells_the_same_and_keeps_nothing(run: Any) -> None:
    rehearsed = run("--dry-run")
    assert rehearsed.exit_code == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM resources_organization")
        assert cursor.fetchone() == (1,)
    assert counts(rehearsed.output) == counts(run().output)
    assert "nothing has been kept" in rehearsed.output


def test_a_token_that_is_no_administrators_is_refused_at_once(run: Any, old: Old) -> None:
    answer = old.post("/users/1/personal_tokens/", json={"scope": "read"})
    old.delete(f"/tokens/{answer.json()['id']}/")
    gone = run(token=answer.json()["token"])
    assert gone.exit_code == 1
    assert "refuses the token (HTTP 401" in gone.output


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9", "does not answer"),
        ("nonsense", "does not answer"),
    ],
)
def test_an_address_without_an_awx_is_told(
    db: str, url: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gantry.cli.import_awx import source
    from gantry.cli.main import main

    monkeypatch.setattr(source, "TRIES", 1)
    done = CliRunner().invoke(main, ["import-awx", url, "--token", "x"])
    assert done.exit_code == 1
    assert said in done.output
