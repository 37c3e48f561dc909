"""Repeating a job exactly: what is taken over, what is not, and why it may be impossible."""

from __future__ import annotations

import json
import zlib
from typing import Any

import pytest

from gantry.base.errors import InvalidInput, JobFailure
from gantry.path.inject import build_payload
from gantry.path.launch import relaunch_job
from gantry.path.repeat import why_not_exactly
from gantry.path.resolve import resolve_environment
from gantry.resources.models import Artifact, Host, Job, ProjectUpdate
from tests.journeys.world import LOCAL, World

A, B = (f"sha256:{letter * 64}" for letter in "ab")


@pytest.fixture
def done(world: World) -> Any:
    """A job that ended, as the walk leaves it."""
    job = world.launch(world.template(extra_vars='{"colour": "red"}'))
    payload = build_payload(job)
    Job.objects.filter(pk=job.pk).update(
        status="successful", stage="done", project_snapshot=payload.project,
        inventory_snapshot=payload.inventory, scm_revision=payload.project.revision,
        execution_environment=world.environment, ee_name=world.environment.name,
        ee_image=world.environment.image, ee_digest=A, ee_reason="organization default of Acme",
    )  # fmt: skip
    return Job.objects.get(pk=job.pk)


def again(world: World, job: Any, **options: Any) -> Any:
    made = relaunch_job(job, user=world.admin, **options)
    return Job.objects.get(pk=made.pk)


def hosts_in(payload: Any) -> list[str]:
    script = json.loads(zlib.decompress(payload.inventory.data))
    return sorted(script["_meta"]["hostvars"])


def test_everything_comes_from_the_old_job_whatever_changed_since(world: World, done: Any) -> None:
    world.environment.image = "elsewhere.example.org/ee:2"
    world.environment.pinned_digest = B
    world.environment.save()
    Host.objects.filter(name="beta").delete()
    Host.objects.create(name="gamma", inventory=world.inventory, variables=json.dumps(LOCAL))
    newer = world.project({"site.yml": "- hosts: none\n"}, "Newer").snapshot
    newer.project, newer.scm_url = done.project, done.project.scm_url
    newer.save()

    exact, plain = again(world, done, exactly=True), again(world, done)

    found = resolve_environment(exact)
    assert (found.digest, found.image) == (A, done.ee_image)
    assert found.elsewhere[0] == "elsewhere.example.org/ee:2"
    assert f"job {done.pk}" in found.reason
    assert resolve_environment(plain).digest == B
    payload = build_payload(exact)
    assert (payload.project, payload.inventory) == (done.project_snapshot, done.inventory_snapshot)
    assert hosts_in(payload) == ["alpha", "beta"]
    assert exact.extra_vars == done.extra_vars
    assert build_payload(plain).project == newer
    assert hosts_in(build_payload(plain)) == ["alpha", "gamma"]


def test_no_sync_is_started_where_a_plain_relaunch_starts_one(world: World, done: Any) -> None:
    done.project.scm_update_on_launch = True
    done.project.save()
    before = ProjectUpdate.objects.count()

    assert again(world, done, exactly=True).dependencies.count() == 0
    assert ProjectUpdate.objects.count() == before
    assert again(world, done).dependencies.count() == 1


def test_a_deleted_ee_leaves_its_name_image_and_digest(world: World, done: Any) -> None:
    world.environment.delete()

    found = resolve_environment(again(world, Job.objects.get(pk=done.pk), exactly=True))

    assert (found.environment.pk, found.environment.name) == (None, "Test EE")
    assert (found.image, found.digest) == ("localhost/none:1", A)


def test_a_repetition_can_be_repeated_and_relaunched_plainly(world: World, done: Any) -> None:
    exact = again(world, done, exactly=True)
    Job.objects.filter(pk=exact.pk).update(ee_digest=A, status="successful")
    exact.refresh_from_db()

    assert again(world, exact, exactly=True).repeats == exact
    plain = again(world, exact)
    assert (plain.repeats, plain.ee_wanted_digest, plain.project_snapshot) == (None, "", None)


@pytest.mark.parametrize(
    ("lost", "told"),
    [("ee_digest", "never got its image"), ("inventory_snapshot", "did not come so far"),
     ("project_snapshot", "did not come so far")],
)  # fmt: skip
def test_a_job_that_did_not_come_so_far_cannot_be_repeated(
    world: World, done: Any, lost: str, told: str
) -> None:
    Job.objects.filter(pk=done.pk).update(**{lost: "" if lost == "ee_digest" else None})
    done.refresh_from_db()

    assert told in why_not_exactly(done)
    with pytest.raises(InvalidInput, match=told) as refused:
        again(world, done, exactly=True)
    assert refused.value.field == "exactly"
    assert "plainly" in refused.value.cure


def test_a_tree_that_is_gone_is_told_before_and_after_the_launch(world: World, done: Any) -> None:
    assert why_not_exactly(done) == ""
    exact = again(world, done, exactly=True)
    Artifact.objects.all().delete()

    with pytest.raises(InvalidInput, match="no longer kept"):
        again(world, done, exactly=True)
    with pytest.raises(JobFailure, match=done.scm_revision[:12]) as failure:
        build_payload(exact)
    assert failure.value.code == "snapshot_gone"


def test_an_exact_relaunch_is_of_all_hosts(world: World, done: Any) -> None:
    with pytest.raises(InvalidInput, match="same hosts"):
        again(world, done, exactly=True, hosts="failed")


@pytest.mark.parametrize("which", ["same", "current", "digest"])
def test_a_relaunch_says_which_environment_it_means(world: World, done: Any, which: str) -> None:
    from gantry.resources.models import ExecutionEnvironment

    newer = ExecutionEnvironment.objects.create(name="newer", image="registry/newer:1")
    done.project.default_environment = newer
    done.project.save()
    found = resolve_environment(again(world, done, environment=which))
    assert found.environment == (newer if which == "current" else world.environment)
    assert found.digest == (A if which == "digest" else "")


def test_an_environment_that_cannot_be_had_is_refused(world: World, done: Any) -> None:
    with pytest.raises(InvalidInput, match="An exact relaunch runs the same digest"):
        again(world, done, exactly=True, environment="current")
    with pytest.raises(InvalidInput, match="is not a valid choice"):
        again(world, done, environment="other")
    done.ee_digest = ""
    with pytest.raises(InvalidInput, match="never got its image"):
        again(world, done, environment="digest")
