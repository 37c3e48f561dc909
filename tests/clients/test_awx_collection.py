"""The collection awx.awx 24.6.1 of the `ansible` 11 package: its modules and its plug-ins.

One story in three runs of ansible-playbook: playbooks/make.yml makes one of each resource, finds
nothing to do when it is run again, and playbooks/remove.yml takes all of it away.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from gantry.resources.models import UnifiedJob
from tests.api.conftest import Api
from tests.clients.exports import CLIENTS
from tests.web.conftest import ADMIN, Server

PLAYBOOKS = Path(__file__).parent / "playbooks"
COLLECTION = CLIENTS / "ansible_collections/awx/awx"
DOCUMENT = Path(__file__).parents[2] / "docs" / "clients.md"


class Collection:
    """ansible-core of the clients' environment, which has awx.awx and no other collection."""

    def __init__(self, server: Server, home: Path, token: str = "") -> None:
        assert COLLECTION.is_dir(), "scripts/test unpacks awx.awx"
        self.home = home
        self._environment = {
            "PATH": f"{CLIENTS / 'bin'}:{os.environ['PATH']}",
            "HOME": str(home), "LANG": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(CLIENTS), "ANSIBLE_PIPELINING": "1",
            "ANSIBLE_PYTHON_INTERPRETER": str(CLIENTS / "bin/python"),
            "CONTROLLER_HOST": server.url, "CONTROLLER_USERNAME": ADMIN[0],
            "CONTROLLER_PASSWORD": ADMIN[1],
        }  # fmt: skip
        if token:  # what spares every module making one and taking it back
            self._environment["CONTROLLER_OAUTH_TOKEN"] = token

    def run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [CLIENTS / "bin" / program, *arguments],
            cwd=self.home, env=self._environment, capture_output=True, text=True, timeout=300,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def rules(self) -> dict[str, str]:
        """What the look-ups of schedules make."""
        found: dict[str, str] = json.loads(self.run("python", str(PLAYBOOKS / "rules.py")))
        return found

    def play(self, playbook: str, variables: dict[str, str]) -> tuple[int, int, str]:
        """How many tasks were well, how many of them changed something, and the whole output."""
        said = self.run("ansible-playbook", str(PLAYBOOKS / playbook), "-e", json.dumps(variables))
        recap = re.search(r"localhost +: ok=(\d+) +changed=(\d+)", said)
        assert recap, said
        return int(recap[1]), int(recap[2]), said


@pytest.fixture
def collection(db: str, server: Server, tmp_path: Path, api: Api) -> Collection:
    token = api.post("/api/v2/tokens/", {"scope": "write"})["token"]
    return Collection(server, tmp_path, token)


# What the playbooks make more of, and take away again.
NOUNS = (
    "organizations", "users", "teams", "credentials", "execution_environments", "projects",
    "inventories", "hosts", "groups", "inventory_sources", "job_templates", "schedules",
    "applications", "instance_groups", "labels", "credential_input_sources",
    "role_user_assignments", "role_team_assignments", "settings/changed",
    "credential_types?managed=false", "notification_templates", "workflow_job_templates",
    "workflow_job_template_nodes",
)  # fmt: skip


def test_one_of_each_is_made_once_and_goes_again(collection: Collection, api: Api) -> None:
    rules = collection.rules()
    for rule in rules.values():
        api.post("/api/v2/schedules/preview/", {"rrule": rule}, status=200)
    before = _counted(api)

    tasks, changed, said = collection.play("make.yml", rules)
    assert changed == tasks, said
    template = api.get("/api/v2/job_templates/")["results"][0]
    related = template["summary_fields"]
    assert [c["name"] for c in related["credentials"]] == ["Machines", "Tickets"]
    assert [label["name"] for label in related["labels"]["results"]] == ["nightly"]
    made = _counted(api)
    assert [noun for noun in made if made[noun] <= before[noun]] == []
    _inventory(collection, api)

    _, changed, said = collection.play("make.yml", rules)
    assert changed == 0, said
    assert _counted(api) == made

    # No controller is here to end the project's first fetch, which would keep it from going.
    UnifiedJob.objects.filter(kind="project_update").update(status="canceled", stage="done")
    tasks, changed, said = collection.play("remove.yml", {})
    assert changed == tasks, said
    assert _counted(api) == before


def _counted(api: Api) -> dict[str, int]:
    found = {}
    for noun in NOUNS:
        place, _, query = noun.partition("?")
        answer = api.get(f"/api/v2/{place}/?{query}")
        found[noun] = answer.get("count", len(answer))
    return found


def _inventory(collection: Collection, api: Api) -> None:
    """The inventory plug-in reads the inventory as a job would."""
    [inventory] = api.get("/api/v2/inventories/?name=Machines")["results"]
    source = collection.home / "machines.controller.yml"
    source.write_text(f"plugin: awx.awx.controller\ninventory_id: {inventory['id']}\n")
    said = json.loads(collection.run("ansible-inventory", "-i", str(source), "--list"))
    variables = said["_meta"]["hostvars"]
    assert said["web"]["hosts"] == ["web1", "web2"]
    assert said["all of them"]["children"] == ["web"]
    assert variables["web1"].items() >= {
        ("ansible_host", "192.0.2.1"), ("region", "north"), ("port", 80),
        ("remote_tower_enabled", "true"),
    }  # fmt: skip
    assert variables["web2"]["remote_tower_enabled"] == "false"


def test_the_document_says_of_every_module_where_it_is_used() -> None:
    there = {m.stem for m in (COLLECTION / "plugins/modules").glob("[a-z]*.py")}
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", DOCUMENT.read_text(), re.MULTILINE)
    told = {module: re.findall(r"`(\w+\.yml)`", words) for module, words in rows}
    used: dict[str, list[str]] = {module: [] for module in there}
    for playbook in sorted(PLAYBOOKS.glob("*.yml")):
        for module in set(re.findall(r"^ +- awx\.awx\.(\w+):", playbook.read_text(), re.MULTILINE)):
            used[module].append(playbook.name)
    assert told == used
