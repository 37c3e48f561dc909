"""Preflight of a job, a launch, a template: what is told, what is refused, what holds up nobody.

The contents of an image are rows here, as an inspection leaves them.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gantry.base.errors import InvalidInput, JobFailure
from gantry.path.preflight import check_job, needs_of, preflight_of
from gantry.resources.models import (
    EnvironmentDigest,
    ExecutionEnvironment,
    ImageContents,
    Organization,
    User,
)
from tests.journeys.world import World

OLD, NEW = "sha256:" + "0" * 64, "sha256:" + "1" * 64
DOCKER = "- hosts: all\n  tasks:\n    - community.docker.docker_container: {name: x}\n"
LATER = (
    "- hosts: all\n  tasks:\n    - debug: {msg: \"{{ lookup('community.general.dig', 'x') }}\"}\n"
)


def known(digest: str, *collections: str, **fields: Any) -> ImageContents:
    packages = [{"kind": "collection", "name": c, "version": "1.0.0"} for c in collections]
    values = {"state": "inspected", "inspected": timezone.now(), "ansible_core": "2.16.3",
              "platform": "linux/amd64", "packages": packages}  # fmt: skip
    return ImageContents.objects.create(digest=digest, reference="x", **(values | fields))


def policy(world: World, value: str) -> None:
    world.organization.preflight = value
    world.organization.save()


def pin(world: World, digest: str = OLD) -> None:
    world.environment.pinned_digest = digest
    world.environment.save()


def prepared(world: World, playbook: str, digest: str = OLD) -> Any:
    """A job that the controller has resolved and pulled for."""
    job = world.launch(world.template(playbook))
    job.execution_environment, job.ee_name = world.environment, "Test EE"
    job.ee_digest, job.ee_platform = digest, "linux/amd64"
    job.save()
    return job


def check(job: Any) -> Any:
    check_job(job, job.project.snapshot)
    job.refresh_from_db()
    return job.preflight


def test_a_job_keeps_what_its_ee_lacks_and_who_has_it(world: World) -> None:
    known(OLD, "ansible.posix")
    known(NEW, "community.docker")
    ExecutionEnvironment.objects.create(name="With Docker", image="x/y:1", last_digest=NEW)
    elsewhere = Organization.objects.create(name="Elsewhere")
    ExecutionEnvironment.objects.create(
        name="Theirs", image="x/y:2", last_digest=NEW, organization=elsewhere
    )

    result = check(prepared(world, DOCKER))

    [missing] = result["missing"]
    assert result["state"] == "compared"
    assert result["environment"] == {"id": world.environment.pk, "name": "Test EE"}
    assert (missing["kind"], missing["name"], missing["when"]) == (
        "collection", "community.docker", "load",
    )  # fmt: skip
    assert [e["name"] for e in missing["environments"]] == ["With Docker"]


def test_the_policy_error_ends_the_job_before_its_pod_with_the_same_answer(world: World) -> None:
    known(OLD)
    job = prepared(world, DOCKER)
    policy(world, "error")

    with pytest.raises(JobFailure) as failure:
        check(job)

    assert failure.value.code == "preflight"
    assert "community.docker, which site.yml needs" in failure.value.sentence
    assert "Execution environment Test EE lacks" in failure.value.sentence
    job.refresh_from_db()
    assert job.preflight["missing"][0]["sentence"] in failure.value.sentence


@pytest.mark.parametrize("playbook", [LATER, "- hosts: all\n  tasks: [{include_tasks: t.yml}]\n"])
def test_what_a_run_may_never_come_to_is_no_reason_to_refuse(world: World, playbook: str) -> None:
    known(OLD)
    policy(world, "error")
    files = {"site.yml": playbook, "t.yml": "- a.b.c:\n"}
    job = prepared(world, files)  # type: ignore[arg-type]

    assert check(job)["missing"][0]["when"] == "run"


@pytest.mark.parametrize("state", ["pending", "running", "failed", "absent", "no ansible"])
def test_contents_that_are_not_known_hold_up_nobody(world: World, state: str) -> None:
    if state == "no ansible":
        known(OLD, ansible_core="")
    elif state != "absent":
        known(OLD, state=state)
    policy(world, "error")

    result = check(prepared(world, DOCKER))

    assert (result["state"], result["missing"]) == ("unknown", [])
    assert "not known" in result["sentence"]


def test_the_policy_off_looks_at_nothing(world: World) -> None:
    known(OLD)
    policy(world, "off")

    assert check(prepared(world, DOCKER)) is None


def test_the_other_platform_of_a_digest_is_not_what_runs(world: World) -> None:
    known(OLD, "community.docker", platform="linux/arm64")

    assert check(prepared(world, DOCKER))["state"] == "unknown"


def test_a_broken_tree_is_a_doubt_and_the_job_goes_on(world: World) -> None:
    from gantry.resources.models import Artifact

    known(OLD)
    policy(world, "error")
    job = prepared(world, DOCKER)
    Artifact.objects.update(data=b"\x1f\x8bbroken")

    result = check(job)

    assert result["missing"] == []
    assert "cannot be read" in result["unsure"][0]


def test_needs_are_read_once_for_each_playbook(world: World) -> None:
    from gantry.resources.models import ProjectSnapshot

    template = world.template({"site.yml": DOCKER, "other.yml": LATER})
    snapshot = template.project.snapshot
    first = needs_of(snapshot, "site.yml")
    needs_of(snapshot, "other.yml")

    again = ProjectSnapshot.objects.get(pk=snapshot.pk)
    with CaptureQueriesContext(connection) as queries:
        assert needs_of(again, "site.yml") == first
    assert len(queries) == 0
    assert set(again.needs) == {"site.yml", "other.yml"}


# -- launch ---------------------------------------------------------------------------------------


def test_a_launch_on_a_pinned_ee_is_refused_at_once_in_the_controller_s_words(
    world: World,
) -> None:
    known(OLD)
    known(NEW, "community.docker")
    ExecutionEnvironment.objects.create(name="With Docker", image="x/y:1", last_digest=NEW)
    job = prepared(world, DOCKER)
    policy(world, "error")
    with pytest.raises(JobFailure) as at_the_controller:
        check(job)
    pin(world)
    jobs = type(job).objects.count()
    template = job.job_template
    template.refresh_from_db()

    with pytest.raises(InvalidInput) as refused:
        world.launch(template)

    assert refused.value.sentence == at_the_controller.value.sentence
    assert refused.value.cure == at_the_controller.value.cure
    assert "With Docker has it" in refused.value.cure
    assert type(job).objects.count() == jobs


@pytest.mark.parametrize("why", ["warn", "not pinned", "not inspected", "never read", "complete"])
def test_a_launch_goes_through(world: World, why: str) -> None:
    if why != "not inspected":
        known(OLD, *(["community.docker"] if why == "complete" else []))
    template = world.template(DOCKER)
    if why != "never read":
        needs_of(template.project.snapshot, "site.yml")
    if why != "not pinned":
        pin(world)
    policy(world, "warn" if why == "warn" else "error")

    assert world.launch(template).status == "pending"


def test_a_launch_under_another_policy_asks_the_database_nothing_more(world: World) -> None:
    from gantry.path.preflight import check_launch

    job = world.launch(world.template(DOCKER))

    with CaptureQueriesContext(connection) as queries:
        check_launch(job)

    assert len(queries) == 0


# -- a template -----------------------------------------------------------------------------------


def test_a_template_tells_what_its_next_job_would_lack(world: World) -> None:
    known(OLD, "ansible.posix")
    pin(world)

    result = preflight_of(world.template(DOCKER), world.admin)

    assert (result["state"], result["policy"], result["digest"]) == ("compared", "warn", OLD)
    assert [m["name"] for m in result["missing"]] == ["community.docker"]
    assert result["not_covered"]


def test_an_ee_that_was_not_inspected_lately_is_judged_by_the_digest_that_was(
    world: World,
) -> None:
    known(OLD, "community.docker")
    world.environment.last_digest = NEW
    world.environment.save()
    EnvironmentDigest.objects.create(
        environment=world.environment, digest=OLD, reference="x", origin="ran"
    )

    assert preflight_of(world.template(DOCKER), world.admin)["digest"] == OLD


def test_a_pinned_ee_is_judged_by_its_pin_alone_when_that_is_known(world: World) -> None:
    known(OLD)
    known(NEW, "community.docker")
    pin(world)
    world.environment.last_digest = NEW
    world.environment.save()

    assert preflight_of(world.template(DOCKER), world.admin)["missing"]


def test_only_environments_that_the_user_sees_are_named(world: World) -> None:
    known(OLD)
    known(NEW, "community.docker")
    pin(world)
    elsewhere = Organization.objects.create(name="Elsewhere")
    ExecutionEnvironment.objects.create(
        name="Theirs", image="x/y:2", last_digest=NEW, organization=elsewhere
    )
    member = User.objects.create_user("member")
    world.organization.admins.add(member)
    template = world.template(DOCKER)

    seen = {u.username: preflight_of(template, u)["missing"][0]["environments"]
            for u in (member, world.admin)}  # fmt: skip

    assert seen["member"] == []
    assert [e["name"] for e in seen["admin"]] == ["Theirs"]


def test_a_template_without_tree_or_ee_says_so(world: World) -> None:
    template = world.template(DOCKER)
    type(template.project).objects.update(snapshot=None)
    template.project.refresh_from_db()

    result = preflight_of(template, world.admin)

    assert (result["state"], result["sentence"]) == ("unknown", "The project was never synced.")
    ExecutionEnvironment.objects.all().delete()
    template.refresh_from_db()
    assert "no Execution Environment" in preflight_of(template, world.admin)["sentence"]
