"""`gantry import-awx`: a whole installation comes over, again and again, without its secrets.

The old installation is a second Gantry with a database and a web process of its own: what is read
of it goes over HTTP, as AWX's would.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result
from django.db import connection

from tests.clients.exports import comparable, run_awx
from tests.installations import ADMIN, SECRET, fill, running
from tests.web.conftest import Server

Old = httpx.Client


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Old]:
    """The old installation's API, as its administrator; filled once, since nothing changes it."""
    home = Path("/tmp") / f"gantry-old-{os.getpid()}"
    with running(home) as url:
        client = httpx.Client(base_url=f"{url}/api/v2", auth=ADMIN, timeout=60)
        fill(client)
        yield client


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


def test_everything_comes_and_points_to_what_it_pointed_to(run: Any, old: Old) -> None:
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
    assert [n.name for n in template.notification_templates_error.all()] == ["chat"]
    schedule = m.Schedule.objects.get(name="Nightly")
    assert schedule.unified_job_template_id == template.pk
    assert "Europe/Berlin" in schedule.rrule
    _what_awx_export_leaves_out()
    _awx_export_says_the_same_of_both(old)


def _what_awx_export_leaves_out() -> None:
    from gantry.resources import models as m
    from gantry.resources.access import may

    source = m.CredentialInputSource.objects.get(target_credential__name="looked up")
    assert (source.source_credential.name, source.input_field_name) == ("vault", "password")
    assert source.metadata == {"secret_path": "kv/x", "secret_key": "p"}
    night = m.InstanceGroup.objects.get(name="Night shift")
    assert (night.policy_instance_minimum, night.max_forks) == (1, 20)
    for has in (m.Organization, m.Inventory, m.JobTemplate):
        assert has.objects.filter(instance_groups=night).count() == 1, has
    # By a role that somebody defined there.
    mia, inventory = m.User.objects.get(username="mia"), m.Inventory.objects.get(name="Production")
    assert may(mia, "use", inventory)
    assert not may(mia, "change", inventory)


def _awx_export_says_the_same_of_both(old: Old) -> None:
    """But of applications: their secrets are never shown, so they are made anew."""
    here = Server()
    here.start()
    try:
        left, came = exported(str(old.base_url).removesuffix("/api/v2/")), exported(here.url)
    finally:
        here.kill()
    assert left.keys() == came.keys()
    for kind, rows in left.items():
        assert came[kind] == rows, kind
    text = "".join(came["workflow_job_templates"] + came["notification_templates"])
    for word in ("agree", "May it go out?", "always_nodes", "Weekly", "chat"):
        assert word in text


def exported(url: str) -> dict[str, list[str]]:
    person = {"CONTROLLER_USERNAME": ADMIN[0], "CONTROLLER_PASSWORD": ADMIN[1]}
    done = run_awx(url, "export", **person)
    assert done.returncode == 0, done.stderr
    found = comparable(done.stdout, secrets=False)
    del found["applications"]
    return found


def test_what_cannot_come_is_named_one_by_one(run: Any) -> None:
    output = run().output
    assert "credential root: password" in output
    assert "credential mias: token" in output
    assert "the password of mia" in output
    assert "survey of Deploy web: the default of pin" in output
    assert "notification template chat: token" in output
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
