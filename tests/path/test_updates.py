"""Which updates a job waits for: AWX's rules of update_on_launch and of cache time-outs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from gantry.path.updates import update_source
from gantry.resources.models import InventorySource, InventoryUpdate, Job, ProjectUpdate
from tests.journeys.world import World


@pytest.fixture
def source(world: World) -> InventorySource:
    """Its project's tree is there; the inventory is that of the world's templates."""
    return InventorySource.objects.create(
        kind="inventory_source", name="s", inventory=world.inventory, source="scm",
        source_project=world.project({"hosts": "a\n"}), source_path="hosts",
        organization=world.organization, update_on_launch=True, update_cache_timeout=60,
    )  # fmt: skip


def waits_for(job: Job) -> list[int]:
    return list(job.dependencies.filter(kind="inventory_update").values_list("pk", flat=True))


def end(update: InventoryUpdate, status: str, ago: int = 0) -> None:
    finished = timezone.now() - timedelta(seconds=ago)
    InventoryUpdate.objects.filter(pk=update.pk).update(status=status, finished=finished)


def test_one_update_serves_all_that_wait(world: World, source: InventorySource) -> None:
    template = world.template(allow_simultaneous=True)
    first, second = world.launch(template), world.launch(template)
    (made,) = source.inventory_updates.all()
    assert (made.launch_type, made.status) == ("dependency", "pending")
    assert waits_for(first) == waits_for(second) == [made.pk]
    # One that runs will do for a job, but not for a person who wants it read anew.
    InventoryUpdate.objects.update(status="running")
    assert waits_for(world.launch(template)) == [made.pk]
    assert update_source(source, user=world.admin).pk != made.pk


@pytest.mark.parametrize(
    ("status", "ago", "again"),
    [("successful", 30, False), ("successful", 90, True), ("failed", 0, True),
     ("canceled", 0, True), ("error", 0, True)],
)  # fmt: skip
def test_the_last_update_decides_whether_there_is_another(
    world: World, source: InventorySource, status: str, ago: int, again: bool
) -> None:
    end(update_source(source, user=None), status, ago)
    assert len(waits_for(world.launch(world.template()))) == int(again)


def test_a_source_that_is_not_updated_on_launch_is_left_alone(
    world: World, source: InventorySource
) -> None:
    InventorySource.objects.update(update_on_launch=False)
    assert not waits_for(world.launch(world.template()))


def test_an_update_waits_for_its_project(world: World, source: InventorySource) -> None:
    project: Any = source.source_project
    assert not update_source(source, user=None).dependencies.exists()
    InventoryUpdate.objects.update(status="successful", finished=timezone.now())
    project.scm_update_on_launch = True
    project.save()
    update = update_source(source, user=None)
    (sync,) = ProjectUpdate.objects.filter(status="pending")
    assert update.source_project_update_id == sync.pk
    assert [d.pk for d in update.dependencies.all()] == [sync.pk]


def test_the_name_options_and_credentials_are_the_sources(
    world: World, source: InventorySource
) -> None:
    source.overwrite, source.limit = True, "web"
    source.save()
    source.credentials.add(world.credential("aws", {}))
    update = update_source(source, user=world.admin)
    assert update.name == "Local - s"
    assert (update.overwrite, update.limit, update.source_path) == (True, "web", "hosts")
    assert [c.name for c in update.credentials.all()] == ["aws"]
    assert update.created_by == world.admin
