"""The schedule on which registries are asked: whose turn it is, one controller at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from gantry.base.bridge import in_thread
from gantry.control import drift
from gantry.images.drift import decide
from gantry.pods.docker_api import DockerEngine
from gantry.resources.models import ExecutionEnvironment

HOUR = 3600
NOBODY = "127.0.0.1:1/ee:1"  # nobody listens at port 1


@pytest.fixture
async def engine(engine_url: str) -> AsyncIterator[DockerEngine]:
    engine = DockerEngine(engine_url)
    yield engine
    await engine.close()


def make(name: str, image: str = NOBODY, **fields: Any) -> ExecutionEnvironment:
    return ExecutionEnvironment.objects.create(name=name, image=image, **fields)


@pytest.fixture
def alone(db: str) -> None:
    ExecutionEnvironment.objects.all().delete()  # the seeds


async def turns(engine: Any) -> list[int]:
    found = []
    while (pk := await drift.turn(engine, HOUR)) is not None:
        found.append(pk)
    return found


async def test_who_was_never_asked_comes_first_and_who_was_asked_lately_not_at_all(
    alone: None, engine: Any
) -> None:
    now = timezone.now()

    def rows() -> list[int]:
        old = make("old", registry_checked=now - timedelta(hours=2))
        make("lately", registry_checked=now - timedelta(minutes=5))
        make("digest", f"127.0.0.1:1/ee@sha256:{'a' * 64}")
        return [make("never").pk, old.pk]

    wanted = await in_thread(rows)()

    assert await turns(engine) == wanted


async def test_an_answer_that_does_not_come_is_written_down_and_not_asked_for_again(
    alone: None, engine: Any
) -> None:
    row = await in_thread(lambda: make("dead", registry_digest="sha256:" + "a" * 64))()

    assert await turns(engine) == [row.pk]

    row = await in_thread(ExecutionEnvironment.objects.get)()
    assert "cannot be reached" in row.registry_error
    assert row.registry_checked is not None
    assert "cannot be reached" in decide(row).sentence
    assert row.registry_digest == "sha256:" + "a" * 64


async def test_an_image_of_the_engines_own_is_looked_up_there(
    alone: None, engine: Any, ee_image: str
) -> None:
    here = await in_thread(lambda: make("here", ee_image))()
    await in_thread(lambda: make("gone", "localhost/gantry/no-such-image:1"))()

    await turns(engine)

    held = await engine.image(ee_image)
    rows = await in_thread(lambda: {r.name: r for r in ExecutionEnvironment.objects.all()})()
    assert rows[here.name].registry_digest == held.digest
    assert "the engine has no image" in rows["gone"].registry_error.lower()


def test_controllers_share_the_work(alone: None) -> None:
    made = {make(f"ee {n}").pk for n in range(8)}

    def take(_: int) -> int | None:
        try:
            asked = drift._take(HOUR)
            return asked.environment if asked else None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as controllers:
        taken = list(controllers.map(take, range(10)))

    assert sorted(t for t in taken if t is not None) == sorted(made)


async def test_zero_seconds_ask_nobody(alone: None, engine: Any) -> None:
    await in_thread(lambda: make("never"))()

    await asyncio.wait_for(drift.watch_tags(engine, 0), 30)

    assert (await in_thread(ExecutionEnvironment.objects.get)()).registry_checked is None
