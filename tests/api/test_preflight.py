"""Preflight through the API: of a template, at a launch, on a job."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from gantry.path.preflight import check_job
from gantry.resources.models import ImageContents, User
from tests.api.conftest import Api
from tests.journeys.world import World

V2 = "/api/v2"
DIGEST = "sha256:" + "0" * 64
DOCKER = "- hosts: all\n  tasks:\n    - community.docker.docker_container: {name: x}\n"


@pytest.fixture
def template(api: Api) -> Any:
    """Of an organization that refuses, in a pinned EE without the collection."""
    world = World.make("localhost/none:1")
    world.environment.pinned_digest = DIGEST
    world.environment.save()
    world.organization.preflight = "error"
    world.organization.save()
    ImageContents.objects.create(
        digest=DIGEST, reference="x", state="inspected", inspected=timezone.now(),
        ansible_core="2.16.3", packages=[],
    )  # fmt: skip
    return world.template(DOCKER)


def test_a_template_tells_and_its_launch_refuses_in_the_same_words(api: Api, template: Any) -> None:
    told = api.get(f"{V2}/job_templates/{template.pk}/preflight/")
    refused = api.post(f"{V2}/job_templates/{template.pk}/launch/", status=400)

    [missing] = told["missing"]
    assert (told["state"], told["policy"]) == ("compared", "error")
    assert (missing["kind"], missing["name"]) == ("collection", "community.docker")
    assert missing["sentence"] in str(refused["execution_environment"])


def test_a_job_shows_what_was_compared_before_it_ran(api: Api, template: Any) -> None:
    api.patch(f"{V2}/organizations/{template.organization.pk}/", {"gantry": {"preflight": "warn"}})
    job = api.post(f"{V2}/job_templates/{template.pk}/launch/")["job"]
    before = api.get(f"{V2}/jobs/{job}/")["gantry"]["preflight"]
    row = template.jobs.get(pk=job)
    row.ee_digest = DIGEST
    row.save()

    check_job(row, template.project.snapshot)

    shown = api.get(f"{V2}/jobs/{job}/")["gantry"]["preflight"]
    assert before is None
    assert [m["name"] for m in shown["missing"]] == ["community.docker"]


def test_only_who_may_read_the_template_is_told(api: Api, template: Any) -> None:
    User.objects.create_user("stranger", password="stranger")

    Api("stranger", "stranger").get(f"{V2}/job_templates/{template.pk}/preflight/", 403)
    Api(None).get(f"{V2}/job_templates/{template.pk}/preflight/", 401)
