"""Who may act on a job: the database decides, whoever asks at the same moment."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from tests.control.conftest import Make

CLAIMING = """
import django
django.setup()
from gantry.control.claim import Holder
holder = Holder.here(30, most_jobs=60)  # more than that none of the three need take
while jobs := holder.claim(3):
    print(*[job.pk for job in jobs], flush=True)
"""


def at_once(count: int, act: Callable[[], Any]) -> list[Any]:
    """What `act` returns in so many threads that begin together."""
    from django.db import connection

    begin = threading.Barrier(count)

    def run() -> Any:
        begin.wait()
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return [f.result() for f in [pool.submit(run) for _ in range(count)]]


def claim_all() -> list[int]:
    from gantry.control.claim import Holder

    holder, claimed = Holder.here(30), []
    while jobs := holder.claim(3):
        claimed += [job.pk for job in jobs]
    return claimed


def test_no_job_is_claimed_twice_by_many_threads(make_job: Make) -> None:
    jobs = [make_job().pk for _ in range(60)]

    claimed = at_once(8, claim_all)

    assert Counter(pk for each in claimed for pk in each) == Counter(jobs)


def test_no_job_is_claimed_twice_by_many_processes(make_job: Make) -> None:
    jobs = [make_job().pk for _ in range(60)]
    processes = [
        subprocess.Popen([sys.executable, "-c", CLAIMING], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]

    claimed = [process.communicate(timeout=60)[0].split() for process in processes]

    assert [p.returncode for p in processes] == [0, 0, 0]
    assert Counter(int(pk) for each in claimed for pk in each) == Counter(jobs)


def test_two_runs_of_a_template_never_run_side_by_side_unless_it_allows_it(
    make_job: Make,
) -> None:
    for number in range(20):
        make_job(f"one at a time {number}")
        make_job(f"one at a time {number}")
    for _ in range(5):
        make_job("together", allow_simultaneous=True)

    claimed = [pk for each in at_once(8, claim_all) for pk in each]

    assert Counter(names(claimed)) == Counter(
        {f"one at a time {n}": 1 for n in range(20)} | {"together": 5}
    )


def names(jobs: list[int]) -> list[str]:
    from gantry.resources.models import Job

    return list(Job.objects.filter(pk__in=jobs).values_list("name", flat=True))


def test_the_next_run_of_a_template_starts_when_the_first_has_ended(
    make_job: Make, holder: Any
) -> None:
    from gantry.path import states

    first, second = make_job("nightly"), make_job("nightly")
    (claimed,) = holder.claim(5)
    assert claimed.pk == first.pk
    assert holder.claim(5) == []

    states.end(claimed, status="error")

    assert [job.pk for job in holder.claim(5)] == [second.pk]


def test_a_canceled_run_that_waits_holds_up_nobody(make_job: Make, holder: Any) -> None:
    make_job("nightly", cancel_flag=True)
    second = make_job("nightly")

    assert [job.pk for job in holder.claim(5)] == [second.pk]


def test_a_job_waits_for_what_it_depends_on(make_job: Make, holder: Any) -> None:
    from gantry.path import states

    sync, job = make_job("sync"), make_job("deploy")
    job.dependencies.add(sync)
    (claimed,) = holder.claim(5)
    assert claimed.pk == sync.pk

    states.end(claimed, status="failed")

    # Also when it failed: the job must start to say so.
    assert [j.pk for j in holder.claim(5)] == [job.pk]


def expire(job: Any) -> None:
    from django.utils import timezone

    from gantry.resources.models import UnifiedJob

    past = timezone.now() - timedelta(seconds=1)
    UnifiedJob.objects.filter(pk=job.pk).update(lease_expires=past)


def test_a_lease_that_ran_out_is_taken_over_once_and_fences_its_old_holder(
    make_job: Make, holder: Any
) -> None:
    from gantry.base.errors import Fenced
    from gantry.control.claim import Holder
    from gantry.path import states

    make_job()
    (old,) = holder.claim(1)
    expire(old)

    stolen = [job for jobs in at_once(6, lambda: Holder.here(30).steal(5)) for job in jobs]

    assert [job.lease_epoch for job in stolen] == [old.lease_epoch + 1]
    with pytest.raises(Fenced):
        states.move(old, stage="pulling")
    assert holder.renew([old.pk]) == set()
    states.move(stolen[0], stage="pulling")


def test_a_lease_that_is_kept_is_not_taken_over(make_job: Make, holder: Any) -> None:
    from gantry.control.claim import Holder

    make_job()
    (job,) = holder.claim(1)

    assert holder.renew([job.pk]) == {job.pk}
    assert Holder.here(30).steal(5) == []


def test_after_an_outage_of_the_database_a_controller_goes_on_with_its_own_jobs(
    make_job: Make, holder: Any
) -> None:
    make_job()
    (job,) = holder.claim(1)
    expire(job)

    assert holder.steal(5, walking=[job.pk]) == []
    assert holder.renew([job.pk]) == {job.pk}


def test_a_job_whose_walk_broke_off_is_taken_up_again_by_anyone(
    make_job: Make, holder: Any
) -> None:
    make_job()
    (job,) = holder.claim(1)

    assert holder.renew([]) == set()  # it is not walked, so its lease is not kept
    expire(job)

    assert [j.pk for j in holder.steal(5, walking=[])] == [job.pk]


def test_a_graceful_stop_gives_its_jobs_back_at_once(make_job: Make, holder: Any) -> None:
    from gantry.control.claim import Holder

    make_job()
    (job,) = holder.claim(1)

    holder.release()

    assert [j.pk for j in Holder.here(30).steal(5)] == [job.pk]


def test_a_controller_that_sleeps_while_it_claims_keeps_nobody_from_their_work(
    make_job: Make,
) -> None:
    from django.db import DatabaseError, connection

    from gantry.control import claim

    job, sleeper = make_job(), claim.Holder.here(30)
    reached, wake = threading.Event(), threading.Event()

    def sleep(cursor: Any) -> list[int]:
        """A controller stopped just when it has the lock."""
        reached.set()
        wake.wait(60)
        return sleeper._claim(cursor, 1)

    def fall_asleep() -> None:
        sleeper.sit_down()
        try:
            sleeper._take(sleep)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        asleep = pool.submit(fall_asleep)
        assert reached.wait(30)
        taken = claim.Holder.here(30).claim(1)
        wake.set()

        assert [row.pk for row in taken] == [job.pk]
        with pytest.raises(DatabaseError):
            asleep.result()


def test_builds_of_one_environment_run_one_after_another(db: str, holder: Any) -> None:
    from gantry.resources.models import EnvironmentBuild, ExecutionEnvironment

    one, two = (
        ExecutionEnvironment.objects.create(name=name, image=f"localhost/{name}")
        for name in ("one", "two")
    )

    def make(environment: Any) -> Any:
        return EnvironmentBuild.objects.create(
            kind="environment_build", status="pending", environment=environment, image="a:1",
            definition="version: 3",
        )  # fmt: skip

    first, second, other = make(one), make(one), make(two)
    assert [job.pk for job in holder.claim(5)] == [first.pk, other.pk]
    assert holder.claim(5) == []
    EnvironmentBuild.objects.filter(pk=first.pk).update(status="successful")
    assert [job.pk for job in holder.claim(5)] == [second.pk]
