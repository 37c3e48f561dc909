"""Where a job runs: its groups in order, what fits on an instance, what a group allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.control.conftest import Make

Group = Callable[..., Any]


@pytest.fixture
def group(db: str) -> Group:
    """A group of these instances; nobody's policy touches it."""
    from gantry.resources.models import Instance, InstanceGroup

    def make(name: str, *hosts: str, **fields: Any) -> Any:
        made = InstanceGroup.objects.create(name=name, policy_instance_list=list(hosts), **fields)
        made.instances.set(Instance.objects.filter(hostname__in=hosts))
        return made

    return make


@pytest.fixture
def here(db: str) -> Any:
    return seated()


def seated(forks: int = 100, most_jobs: int = 20) -> Any:
    """A controller on an instance of its own."""
    from gantry.control.claim import Holder
    from gantry.control.seat import Size

    holder = Holder.here(30, most_jobs)
    holder.size = Size(forks / 4, 0)  # four forks a core
    holder.sit_down()
    return holder


def claimed(holder: Any, limit: int = 20) -> list[int]:
    return [job.pk for job in holder.claim(limit)]


def explain() -> None:
    from gantry.control.waiting import explain_waiting

    explain_waiting(30)


def test_a_controller_takes_only_jobs_of_groups_whose_instance_it_is(
    make_job: Make, group: Group, here: Any
) -> None:
    there = seated()
    lab, other = group("lab", here.node), group("other", there.node)
    ours = make_job(preferred_groups=[lab.pk])
    theirs = make_job(preferred_groups=[other.pk])

    assert claimed(here) == [ours.pk]
    assert claimed(there) == [theirs.pk]
    for job, where, node in ((ours, lab, here.node), (theirs, other, there.node)):
        job.refresh_from_db()
        assert (job.instance_group, job.controller_node, job.execution_node) == (where, node, node)


def test_a_job_for_which_nobody_chose_runs_in_the_default_group(make_job: Make, here: Any) -> None:
    job = make_job()
    assert claimed(here) == [job.pk]
    job.refresh_from_db()
    assert job.instance_group.name == "default"


def test_groups_that_are_gone_are_as_if_nobody_had_chosen(make_job: Make, here: Any) -> None:
    job = make_job(preferred_groups=[4711])
    assert claimed(here) == [job.pk]


def test_the_next_group_is_tried_only_when_the_first_is_full(
    make_job: Make, group: Group, here: Any
) -> None:
    there = seated()
    first = group("first", there.node, max_concurrent_jobs=1)
    second = group("second", here.node)
    jobs = [make_job(preferred_groups=[first.pk, second.pk]) for _ in range(2)]

    assert claimed(here) == []  # it is left to the first group's instance
    assert claimed(there) == [jobs[0].pk]
    assert claimed(here) == [jobs[1].pk]
    jobs[1].refresh_from_db()
    assert jobs[1].instance_group == second


def test_no_more_jobs_run_in_a_group_than_it_allows(
    make_job: Make, group: Group, here: Any
) -> None:
    from gantry.path import states

    lab = group("lab", here.node, max_concurrent_jobs=2)
    jobs = [make_job(preferred_groups=[lab.pk]) for _ in range(3)]
    first, second = here.claim(5)
    assert claimed(here) == []
    explain()
    jobs[2].refresh_from_db()
    assert jobs[2].waiting_for == "instance group lab: 2 of at most 2 jobs run in it"
    assert jobs[2].job_explanation.startswith(
        "This job is not ready to start because there is not enough available capacity."
    )

    states.end(first, status="error")

    assert claimed(here) == [jobs[2].pk]
    jobs[2].refresh_from_db()
    assert jobs[2].job_explanation == ""
    assert second.pk == jobs[1].pk


def test_no_more_forks_run_in_a_group_than_it_allows(
    make_job: Make, group: Group, here: Any
) -> None:
    lab = group("lab", here.node, max_forks=10)
    fits, too_much, small = (
        make_job(preferred_groups=[lab.pk], task_impact=forks) for forks in (6, 6, 4)
    )

    # A smaller one behind it need not wait for what does not fit.
    assert claimed(here) == [fits.pk, small.pk]
    explain()
    too_much.refresh_from_db()
    assert too_much.waiting_for == (
        "instance group lab: 10 of at most 10 forks are taken, and this job takes 6"
    )


def test_what_an_instance_has_no_forks_for_waits_unless_it_is_idle(make_job: Make) -> None:
    holder = seated(forks=8)
    huge, small = make_job(task_impact=50), make_job(task_impact=1)

    assert claimed(holder) == [huge.pk]
    explain()
    small.refresh_from_db()
    assert small.waiting_for.startswith("a place in instance group default: 51 of 8 forks")


def test_an_instance_runs_no_more_jobs_than_its_controller_may(make_job: Make) -> None:
    holder = seated(most_jobs=2)
    jobs = [make_job() for _ in range(3)]

    assert claimed(holder) == [job.pk for job in jobs[:2]]
    explain()
    jobs[2].refresh_from_db()
    assert jobs[2].waiting_for.startswith(
        "a place in instance group default: 2 of 2 jobs run there"
    )


def test_one_claim_does_not_take_two_that_only_fit_one_at_a_time(make_job: Make) -> None:
    holder = seated(forks=10)
    first, second = make_job(task_impact=5), make_job(task_impact=5)

    assert claimed(holder) == [first.pk]
    assert second.pk not in claimed(holder)


def test_a_disabled_instance_takes_nothing_new_but_keeps_what_it_has(
    make_job: Make, here: Any
) -> None:
    from gantry.resources.models import Instance, UnifiedJob

    running = make_job()
    assert claimed(here) == [running.pk]
    Instance.objects.filter(hostname=here.node).update(enabled=False)
    waiting = make_job()

    assert claimed(here) == []
    assert here.renew([running.pk]) == {running.pk}
    explain()
    waiting.refresh_from_db()
    assert waiting.waiting_for.startswith(
        "instance group default: no instance of it is enabled and ready"
    )
    # Nor does it take over from others; what was its own when it was killed it does.
    other = seated()
    UnifiedJob.objects.filter(pk=running.pk).update(lease_expires=None, controller_node=other.node)
    assert here.steal(5) == []
    UnifiedJob.objects.filter(pk=running.pk).update(controller_node=here.node)
    assert [job.pk for job in here.steal(5)] == [running.pk]


def test_a_lost_job_waits_for_an_instance_of_its_group_but_not_for_ever(
    make_job: Make, group: Group, here: Any
) -> None:
    from django.utils import timezone

    from gantry.resources.models import UnifiedJob

    there = seated()
    job = make_job(preferred_groups=[group("lab", there.node).pk])
    assert claimed(there) == [job.pk]
    rows = UnifiedJob.objects.filter(pk=job.pk)
    rows.update(lease_expires=timezone.now() - timezone.timedelta(minutes=1))
    assert here.steal(5) == []
    rows.update(lease_expires=timezone.now() - timezone.timedelta(minutes=11))
    assert [j.pk for j in here.steal(5)] == [job.pk]


def test_what_waits_for_another_says_for_which_as_awx_does(make_job: Make, here: Any) -> None:
    sync = make_job("sync")
    job = make_job("deploy")
    job.dependencies.add(sync)
    again = make_job("sync")
    here.claim(1)
    explain()
    for row in (job, again):
        row.refresh_from_db()
        assert row.job_explanation == f"waiting for job-{sync.pk} to finish"
    assert job.waiting_for == f"job {sync.pk} of sync"
    assert again.waiting_for == "an earlier run of the same template"


def test_a_container_groups_job_is_any_controllers_and_its_cluster_is_told_by_the_group(
    make_job: Make, group: Group, here: Any
) -> None:
    from gantry.base.errors import JobFailure
    from gantry.path.clusters import cluster_of

    spec = "metadata: {namespace: jobs}\nspec: {nodeSelector: {disk: fast}}\n"
    cluster = group("cluster", is_container_group=True, pod_spec_override=spec)
    job = make_job(preferred_groups=[cluster.pk])
    assert claimed(here) == [job.pk]

    told = cluster_of(cluster)
    assert (told.cluster.namespace, told.cluster.host) == ("jobs", "")
    assert told.override["spec"] == {"nodeSelector": {"disk": "fast"}}
    for broken in ("a: [", "- a list"):
        cluster.pod_spec_override = broken
        with pytest.raises(JobFailure, match="instance group cluster cannot be read"):
            cluster_of(cluster)
