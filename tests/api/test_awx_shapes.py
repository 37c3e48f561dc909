"""Our answers held against those recorded from a running AWX 24.6.1 (`awx_shapes/*.json`).

Same status, same Allow header, same keys, same types; errors and OPTIONS word by word. Every
difference stands in DIFFERENCES with its reason: a new one fails, and so does one that has gone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Api, make_user
from tests.api.shape_differences import DIFFERENCES, LATER
from tests.api.shape_world import (
    World,
    before_posts,
    credential_without_owner,
    finish,
    finish_updates,
    more_hosts,
    project_of,
    schedule_of,
)

SHAPES = Path(__file__).parent / "awx_shapes"
TOKENS = {"int", "str", "bool", "float", "null", "datetime"}
# In the order in which AWX was asked: each makes what the next needs.
POSTS = [
    "organizations_POST_created", "users_POST_created", "teams_POST_created",
    "credential_types_POST_created", "credentials_POST_created", "credentials_POST_created_custom",
    "credentials_POST_created_registry", "execution_environments_POST_created_minimal",
    "execution_environments_copy_POST", "inventories_POST_created", "hosts_POST_created",
    "hosts_POST_created_more", "groups_POST_created", "groups_hosts_POST_associate",
    "projects_POST_created_git", "job_templates_POST_created",
    "job_templates_POST_created_prompts", "job_templates_launch_POST_plain_ignored_fields",
    "job_templates_launch_POST_prompts", "labels_POST_created",
    "notification_templates_POST_created", "workflow_job_templates_POST_created",
    "workflow_job_template_nodes_POST_created", "workflow_job_template_nodes_POST_created_2",
]  # fmt: skip
MADE = {
    "organizations_POST_created": ("organizations", 2),
    "users_POST_created": ("users", 2),
    "teams_POST_created": ("teams", 1),
    "credential_types_POST_created": ("credential_types", 22),
    "credentials_POST_created": ("credentials", 3),
    "inventories_POST_created": ("inventories", 2),
    "hosts_POST_created": ("hosts", 2),
    "groups_POST_created": ("groups", 1),
    "labels_POST_created": ("labels", 1),
    "notification_templates_POST_created": ("notification_templates", 1),
    "workflow_job_templates_POST_created": ("workflow_job_templates", 12),
    "workflow_job_template_nodes_POST_created": ("workflow_job_template_nodes", 1),
    "workflow_job_template_nodes_POST_created_2": ("workflow_job_template_nodes", 2),
    "job_templates_POST_created": ("job_templates", 10),
    "job_templates_POST_created_prompts": ("job_templates", 11),
    "job_templates_launch_POST_plain_ignored_fields": ("jobs", 47),
    "job_templates_launch_POST_prompts": ("jobs", 46),
}


def exchanges() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for file in sorted(SHAPES.glob("*.json")):
        found.update(json.loads(file.read_text()))
    return {name: x for name, x in found.items() if name not in LATER}


EXCHANGES = exchanges()


def kind_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return "str"
        return "datetime" if "T" in value else "str"
    return {int: "int", float: "float", dict: "dict", list: "list"}[type(value)]


def compare(recorded: Any, ours: Any, where: str, *, literal: bool) -> Iterator[str]:
    """Each difference as `where: what`."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        yield from _compare_objects(recorded, ours, where, literal)
    elif isinstance(recorded, list) and isinstance(ours, list):
        yield from _compare_lists(recorded, ours, where, literal)
    elif isinstance(recorded, str) and recorded in TOKENS and not literal:
        # What is null depends on what happened to a row, not on the shape.
        if "null" not in (recorded, kind_of(ours)) and recorded != kind_of(ours):
            yield f"{where}: {kind_of(ours)} for {recorded}"
    elif isinstance(recorded, str) and isinstance(ours, str):
        same = re.sub(r"\d+", "N", ours) == re.sub(r"\d+", "N", recorded)
        if not same and (literal or recorded.startswith("/api/")):
            yield f"{where}: {ours!r} for {recorded!r}"
    else:
        yield from _compare_values(recorded, ours, where, literal)


def _compare_values(recorded: Any, ours: Any, where: str, literal: bool) -> Iterator[str]:
    kinds = (kind_of(recorded), kind_of(ours))
    if kinds[0] != kinds[1]:
        if literal or "null" not in kinds:
            yield f"{where}: {kinds[1]} for {kinds[0]}"
    elif literal and recorded != ours:
        yield f"{where}: {ours!r} for {recorded!r}"


def _compare_objects(
    recorded: dict[str, Any], ours: dict[str, Any], where: str, literal: bool
) -> Iterator[str]:
    if ours and all(k.isdigit() for k in (*recorded, *ours)):
        # Keyed by the number of an event: any of them shows the shape.
        ours = {"N": next(iter(ours.values()))} if recorded else {}
        recorded = {"N": next(iter(recorded.values()))} if recorded else {}
    for key in recorded.keys() | ours.keys():
        at = f"{where}.{key}"
        if key not in ours:
            yield f"{at}: missing"
        elif key in recorded:
            yield from compare(recorded[key], ours[key], at, literal=literal)
        elif not (literal and key in ("help_text", "description")):
            yield f"{at}: extra"


def _compare_lists(
    recorded: list[Any], ours: list[Any], where: str, literal: bool
) -> Iterator[str]:
    if literal:
        plain = all(isinstance(x, str) for x in recorded + ours)
        pairs = all(isinstance(x, list) for x in recorded + ours)
        if plain or pairs:
            for item in recorded:
                if item not in ours:
                    yield f"{where}: lacks {item!r}"
            for item in ours:
                if item not in recorded:
                    yield f"{where}: has {item!r}"
            return
    if recorded and not ours:
        yield f"{where}: empty"
    elif recorded and ours:
        # Rows of a list are as many-sided as their data: the likest of ours is the one to hold up.
        tries = [list(compare(recorded[0], o, f"{where}[0]", literal=literal)) for o in ours[:10]]
        yield from min(tries, key=len)


def differences(recorded: dict[str, Any], response: Any) -> list[str]:
    found = []
    if response.status_code != recorded["status"]:
        text = response.content.decode()[:200] if not response.streaming else ""
        return [f"status: {response.status_code} for {recorded['status']} {text}"]
    allow = response.headers.get("Allow")
    if recorded["allow"] and set((allow or "").split(", ")) != set(recorded["allow"].split(", ")):
        found.append(f"allow: {allow} for {recorded['allow']}")
    body = recorded["body"]
    if "json" in response.headers.get("Content-Type", ""):
        literal = recorded["status"] >= 400 or recorded["request"]["method"] == "OPTIONS"
        found += compare(body, response.json(), "", literal=literal)
    elif isinstance(body, dict):
        found.append("body: not JSON")
    return sorted(found)


def _ask(api: Api, world: World, name: str) -> Any:
    request = EXCHANGES[name]["request"]
    body = request["body"]
    path = world.path(request["path"])
    if name == "groups_hosts_POST_associate":
        body = {"id": world.ids["hosts", 2]}
    elif name == "job_templates_credentials_POST_associate":
        body = {"id": world.ids["credentials", 99]}
    else:
        body = world.body(body)
    return api.call(request["method"].lower(), path, body)


def _remember(api: Api, world: World, name: str, response: Any) -> None:
    if name in MADE and response.status_code == 201:
        world.ids[MADE[name]] = response.json()["id"]
    if name == "organizations_POST_created":
        world.ids["projects", 8] = project_of(world.ids["organizations", 2])
    if name == "hosts_POST_created":
        more_hosts(world.ids["inventories", 2])
    if name == "credential_types_POST_created":
        credential_without_owner(response.json()["id"])
    if name == "projects_POST_created_git":
        finish_updates()
    if name == "workflow_job_template_nodes_POST_created_2":
        first, second = (world.ids["workflow_job_template_nodes", n] for n in (1, 2))
        edge = f"/api/v2/workflow_job_template_nodes/{first}/success_nodes/"
        api.post(edge, {"id": second}, status=204)
    if name == "job_templates_POST_created":
        world.ids["schedules", 6] = schedule_of(response.json()["id"])
    if name == "job_templates_POST_created_prompts":
        _attach_machine(world)
        survey = {
            "name": "s", "description": "", "spec": [
                {"variable": "who", "type": "text", "question_name": "Who?", "required": True},
                {"variable": "n", "type": "integer", "question_name": "N?", "required": False,
                 "min": 1, "max": 9},
            ],
        }  # fmt: skip
        api.post(f"/api/v2/job_templates/{response.json()['id']}/survey_spec/", survey, status=200)


def _attach_machine(world: World) -> None:
    from gantry.resources.models import Credential, JobTemplate

    first = Credential.objects.get(pk=world.ids["credentials", 3])
    JobTemplate.objects.get(pk=world.ids["job_templates", 11]).credentials.add(first)
    second = Credential.objects.create(name="Second", credential_type=first.credential_type)
    world.ids["credentials", 99] = second.pk
    never_run = JobTemplate.objects.get(pk=world.ids["job_templates", 10])
    never_run.pk = never_run.id = never_run.unifiedjobtemplate_ptr_id = None
    never_run.name, never_run._state.adding = "A first", True
    never_run.save()
    never_run.credentials.add(first)


@pytest.fixture(scope="module")
def answers(database: str) -> dict[str, list[str]]:
    """All exchanges played against one world; name -> differences."""
    from django.apps import apps
    from django.db import connection

    from gantry.resources.events import event_id
    from gantry.resources.seeds import seed

    tables = {m._meta.db_table for m in apps.get_models(include_auto_created=True)}
    tables -= {"django_content_type", "auth_permission"}
    with connection.cursor() as cursor:
        names = ", ".join(f'"{t}"' for t in sorted(tables))
        cursor.execute(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
    seed()
    api, world, found = Api(), before_posts(), {}
    for name in POSTS:
        response = _ask(api, world, name)
        found[name] = differences(EXCHANGES[name], response)
        _remember(api, world, name, response)
    job = world.ids["jobs", 47]
    finish(world.ids["jobs", 46], ["h1"])
    finish(job, ["h1", "h2", "h3", "h4", "h5"])
    world.ids["job_events", 1220767] = event_id(job, 4)
    make_user("plain")
    last = [n for n in EXCHANGES if "DELETE" in n or n == "jobs_relaunch_POST"]
    rest = [n for n in EXCHANGES if n not in POSTS and n not in last]
    for name in rest + last:
        asker = api
        if "unauthenticated" in name:
            asker = Api(None)
        elif "bad_password" in name:
            asker = Api("admin", "wrong")
        elif "plain_user" in name:
            asker = Api("plain", "pw")
        found[name] = differences(EXCHANGES[name], _ask(asker, world, name))
    return found


def _explained(name: str, difference: str) -> str | None:
    for pattern in DIFFERENCES:
        if re.search(pattern, f"{name} {difference}"):
            return pattern
    return None


@pytest.mark.parametrize("name", sorted(EXCHANGES))
def test_answers_as_awx_did(answers: dict[str, list[str]], name: str) -> None:
    new = [d for d in answers[name] if _explained(name, d) is None]
    assert not new, "\n".join([f"{name} differs from AWX:", *new])


def test_every_listed_difference_still_exists(answers: dict[str, list[str]]) -> None:
    used = {_explained(name, d) for name, found in answers.items() for d in found}
    assert set(DIFFERENCES) - used == set()
