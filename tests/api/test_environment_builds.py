"""Definitions of execution environments and their builds, through the API. The walk of a build is
tests/journeys/test_builds.py's."""

from __future__ import annotations

from typing import Any

import pytest

from gantry.images.builder.lock import Base, Lock
from gantry.resources.models import EnvironmentBuild, EnvironmentDefinition
from tests.api.conftest import Api
from tests.api.world import type_id

V2 = "/api/v2"
TEXT = "version: 3\nimages:\n  base_image: {name: localhost/gantry/starter-ee:latest}\n"
LOCK = Lock("sha256:0", Base("localhost/gantry/starter-ee:latest", "sha256:1", "linux/amd64"))


@pytest.fixture
def environment(api: Api) -> dict[str, Any]:
    organization = api.post(f"{V2}/organizations/", {"name": "Acme"})["id"]
    made: dict[str, Any] = api.post(
        f"{V2}/execution_environments/",
        {"name": "Web EE", "image": "localhost/web-ee", "organization": organization},
    )
    return made


def test_an_environment_has_one_definition_or_none(api: Api, environment: dict[str, Any]) -> None:
    url = f"{environment['url']}definition/"
    api.get(url, 404)
    assert api.put(url, {"text": TEXT}, 201)["text"] == TEXT
    # PUT puts another in its place, but for the lock.
    EnvironmentDefinition.objects.update(lock=LOCK.text())
    again = api.put(url, {"text": f"{TEXT}# more\n", "push": False})
    assert again["lock"] == LOCK.text()
    assert api.get(url)["text"].endswith("# more\n")
    api.delete(url)
    api.get(url, 404)


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"text": "version: 3\ndependencies:\n  pyton: []\n"}, "text",
         "Line 3, dependencies.pyton"),
        ({"text": "version: [\n"}, "text", "no YAML"),
        ({}, "text", "required"),
        ({"text": TEXT, "path": "ee.yml"}, "project", "needs project and path"),
        ({"text": TEXT, "lock": "version: 7"}, "lock", "format 7"),
    ],
)  # fmt: skip
def test_a_definition_that_cannot_be_built_is_refused(
    api: Api, environment: dict[str, Any], body: dict[str, Any], field: str, words: str
) -> None:
    answer = api.put(f"{environment['url']}definition/", body, 400)
    assert words in answer[field][0]
    assert not EnvironmentDefinition.objects.exists()


def test_only_a_registry_credential_pushes(api: Api, environment: dict[str, Any]) -> None:
    machine = api.post(
        f"{V2}/credentials/",
        {"name": "m", "credential_type": type_id("ssh"), "inputs": {},
         "organization": environment["organization"]},
    )  # fmt: skip
    body = {"text": TEXT, "push_credential": machine["id"]}
    answer = api.put(f"{environment['url']}definition/", body, 400)
    assert "Container Registry" in answer["push_credential"][0]


def test_a_build_is_a_job_like_others(api: Api, environment: dict[str, Any]) -> None:
    api.put(f"{environment['url']}definition/", {"text": TEXT}, 201)
    url = f"{environment['url']}build/"
    assert api.get(url) == {"can_build": True, "can_build_locked": False}
    assert "no lock yet" in api.post(url, {"locked": True}, 400)["locked"][0]
    made = api.post(url, {"cache": False})
    assert made["type"] == "environment_build"
    assert made["url"] == f"{V2}/environment_builds/{made['id']}/"
    assert (made["status"], made["use_cache"], made["locked"]) == ("pending", False, False)
    assert made["image"] == "localhost/web-ee:latest"
    assert made["definition"] == TEXT

    assert api.get(f"{environment['url']}builds/")["results"][0]["id"] == made["id"]
    listed = api.get(f"{V2}/unified_jobs/?type=environment_build")["results"]
    assert [(row["id"], row["type"]) for row in listed] == [(made["id"], "environment_build")]
    assert api.get(f"{made['url']}events/")["count"] == 0
    assert api.call("get", f"{made['url']}stdout/?format=txt").status_code == 200
    assert api.get(f"{made['url']}cancel/") == {"can_cancel": True}
    api.post(f"{made['url']}cancel/", status=202)
    assert EnvironmentBuild.objects.get().cancel_flag


def test_a_locked_build_takes_the_lock_with_it(api: Api, environment: dict[str, Any]) -> None:
    api.put(f"{environment['url']}definition/", {"text": TEXT, "lock": LOCK.text()}, 201)
    made = api.post(f"{environment['url']}build/", {"locked": True})
    EnvironmentDefinition.objects.update(lock="", text="version: 3\n")
    again = api.get(made["url"])
    assert (again["lock_used"], again["definition"]) == (LOCK.text(), TEXT)


@pytest.mark.parametrize(
    ("image", "push", "words"),
    [
        ("localhost/web-ee:1", True, "names no registry"),
        (f"registry.example.org/a@sha256:{'0' * 64}", False, "names a digest"),
    ],
)
def test_an_image_that_no_build_can_be_is_refused(
    api: Api, environment: dict[str, Any], image: str, push: bool, words: str
) -> None:
    api.patch(environment["url"], {"image": image})
    api.put(f"{environment['url']}definition/", {"text": TEXT, "push": push}, 201)
    answer = api.post(f"{environment['url']}build/", {}, 400)
    assert words in str(answer)


def test_whoever_may_not_change_the_environment_may_look_but_not_build(
    api: Api, environment: dict[str, Any]
) -> None:
    url = environment["url"]
    api.put(f"{url}definition/", {"text": TEXT}, 201)
    person = api.post(f"{V2}/users/", {"username": "mate", "password": "shipmate-1"})
    api.post(f"{V2}/organizations/{environment['organization']}/users/", {"id": person["id"]}, 204)
    mate = Api("mate", "shipmate-1")
    assert mate.get(f"{url}definition/")["text"] == TEXT
    assert mate.get(f"{url}build/")["can_build"] is False
    mate.post(f"{url}build/", {}, 403)
    mate.put(f"{url}definition/", {"text": TEXT}, 403)
    mate.delete(f"{url}definition/", 403)
