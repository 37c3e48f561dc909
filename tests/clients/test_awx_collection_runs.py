"""What of awx.awx 24.6.1 starts, waits, answers and stops, on real pods; and what carries rows."""

from __future__ import annotations

import json
from pathlib import Path

from gantry.resources.models import UnifiedJob
from tests.api.conftest import Api
from tests.clients.test_awx_collection import Collection, collection  # noqa: F401  # a fixture
from tests.journeys.conftest import (  # noqa: F401  # fixtures
    ControllerProcess,
    controller,
    ee_image,
    engine_url,
    wait_for,
    world,
)
from tests.journeys.world import World


def test_a_playbook_runs_everything_that_can_be_run(
    world: World,  # noqa: F811
    controller: ControllerProcess,  # noqa: F811
    collection: Collection,  # noqa: F811
    playbooks: str,
    api: Api,
    tmp_path: Path,
) -> None:
    controller.start()
    told = tmp_path / "told.json"
    collection.play("run.yml", {"scm_url": playbooks, "told": str(told)})
    said = json.loads(told.read_text())
    assert said.pop("token") > 0
    assert said == {
        "collection": "awx.awx", "fetched": "successful", "read": "successful",
        "hosts": ["one", "two", "web1", "web2"], "job": "successful", "listed": 1, "over": False,
        "command": "successful", "workflow": "successful", "many": "successful",
        "seat": False, "unlicensed": False,
        # A refusal, {"error": ...}, of which the module makes a list.
        "subscribed": ["error"], "imported": True,
    }  # fmt: skip
    assert [t["description"] for t in api.get("/api/v2/tokens/")["results"]] == [""]
    assert api.get("/api/v2/hosts/?inventory__name=Fetched")["count"] == 2
    canceled = UnifiedJob.objects.filter(cancel_flag=True)
    wait_for(lambda: {j.status for j in canceled.all()} == {"canceled"}, what="two that never end")
    assert sorted(j.kind for j in canceled) == ["ad_hoc_command", "job"]
    copied = api.get("/api/v2/workflow_job_templates/?name=Copied release")["results"][0]
    assert api.get(copied["related"]["workflow_nodes"])["count"] == 2
