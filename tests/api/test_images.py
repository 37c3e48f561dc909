"""/api/v2/images/ and an EE's platforms: a real engine and a real registry behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.conftest import Api
from tests.api.world import type_id
from tests.images.conftest import shelf
from tests.images.docker_registry import Shelf
from tests.journeys.conftest import ee_image, engine_url

__all__ = ["ee_image", "engine_url", "shelf"]
V2 = "/api/v2"


@pytest.fixture(autouse=True)
def engine(engine_url: str) -> Iterator[None]:
    """The API reads its settings once; these tests give it the tests' engine."""
    from gantry.base.config import settings

    settings.cache_clear()
    yield
    settings.cache_clear()


def test_the_engines_images_are_for_superusers_and_auditors(
    api: Api, auditor: Api, org_admin: Api, ee_image: str
) -> None:
    page = api.get(f"{V2}/images/")

    (starter,) = [i for i in page["results"] if ee_image in i["names"]]
    assert page["count"] == len(page["results"])
    assert starter["size"] > 1_000_000
    assert starter["may_go"] is False
    assert starter["kept"]
    assert auditor.get(f"{V2}/images/")["count"] == page["count"]
    org_admin.get(f"{V2}/images/", 403)


def environment(api: Api, image: str) -> dict[str, Any]:
    inputs = {"host": "", "username": "", "password": "", "verify_ssl": False}
    credential = api.post(
        f"{V2}/credentials/",
        {"name": "open", "user": 1, "credential_type": type_id("registry"), "inputs": inputs},
    )["id"]
    body = {"name": "ee", "image": image, "credential": credential}
    made: dict[str, Any] = api.post(f"{V2}/execution_environments/", body)
    return made


def test_the_platforms_of_an_image_and_the_one_that_the_engine_takes(
    api: Api, shelf: Shelf
) -> None:
    shelf.index("many", "linux/s390x", "linux/amd64", "linux/arm64/v8")
    made = environment(api, shelf.image("many"))

    found = api.get(f"{made['url']}platforms/")

    assert [p["name"] for p in found["platforms"]] == [
        "linux/s390x", "linux/amd64", "linux/arm64/v8",
    ]  # fmt: skip
    assert found["chosen"] == found["engine"]
    assert all(p["digest"].startswith("sha256:") for p in found["platforms"])


def test_who_may_not_see_an_ee_or_the_engine_is_told_nothing(
    api: Api, anonymous: Api, plain: Api, other_admin: Api, auditor: Api, ee_image: str
) -> None:
    organization = api.post(f"{V2}/organizations/", {"name": "Fleet"})["id"]
    body = {"name": "ee", "image": ee_image, "organization": organization}
    url = f"{api.post(f'{V2}/execution_environments/', body)['url']}platforms/"

    anonymous.get(url, 401)
    anonymous.get(f"{V2}/images/", 401)
    for stranger in (plain, other_admin):
        stranger.get(url, 403)
        stranger.get(f"{V2}/images/", 403)
    assert auditor.get(url)["chosen"]
    for method in ("post", "put", "patch", "delete"):
        assert auditor.call(method, url, {}).status_code in (403, 405)
        assert auditor.call(method, f"{V2}/images/", {}).status_code == 405


def test_an_image_of_the_machine_has_the_platform_it_was_built_for(api: Api, ee_image: str) -> None:
    made = api.post(f"{V2}/execution_environments/", {"name": "ee", "image": ee_image})

    found = api.get(f"{made['url']}platforms/")

    assert [p["name"] for p in found["platforms"]] == [found["engine"]] == [found["chosen"]]


def test_a_registry_that_is_not_there_is_told_with_a_cure(api: Api) -> None:
    made = environment(api, "127.0.0.1:1/x:1")

    answer = api.get(f"{made['url']}platforms/", 400)

    assert "cannot be reached" in answer["detail"]
