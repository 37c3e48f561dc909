"""states.move while PostgreSQL fails it: made once, and never believed without a commit."""

from __future__ import annotations

from typing import Any

import pytest

from tests.control.conftest import Make


@pytest.fixture
def job(make_job: Make, holder: Any) -> Any:
    make_job()
    (claimed,) = holder.claim(1)
    return claimed


def stored(job: Any) -> Any:
    from gantry.resources.models import UnifiedJob

    return UnifiedJob.objects.get(pk=job.pk)


class LostConnection(Exception):
    pass


def test_a_move_whose_transaction_is_lost_leaves_the_job_where_it_was(job: Any) -> None:
    from django.db import transaction

    from gantry.path import states

    def move_and_lose_the_connection() -> None:
        with transaction.atomic():
            states.move(job, status="running", stage="starting", pod_name="p")
            raise LostConnection

    with pytest.raises(LostConnection):
        move_and_lose_the_connection()

    assert (job.status, job.stage, job.pod_name) == ("waiting", "resolving", "")
    states.move(job, status="running", stage="starting", pod_name="p")
    assert (stored(job).status, stored(job).pod_name) == ("running", "p")


def test_a_move_whose_answer_was_lost_may_be_made_again(job: Any) -> None:
    from gantry.path import states

    before = stored(job)
    states.move(job, status="running", stage="starting", pod_name="p", attempt=1)

    states.move(before, status="running", stage="starting", pod_name="p", attempt=1)

    assert (before.status, before.stage, before.attempt) == ("running", "starting", 1)


async def test_an_end_whose_answer_was_lost_may_be_written_again(job: Any) -> None:
    from gantry.base.bridge import in_thread
    from gantry.control import rows
    from gantry.path.finish import Verdict

    before = await in_thread(stored)(job)
    verdict = Verdict("error", "code", "A sentence.", "A cure.")
    await rows.end(job, verdict)
    ended = await in_thread(stored)(job)

    await rows.end(before, verdict)

    assert before.status == "error"
    assert (await in_thread(stored)(job)).finished == ended.finished


async def test_the_verdict_of_a_pod_outlives_the_controller_that_removed_it(job: Any) -> None:
    from gantry.base.bridge import in_thread
    from gantry.control import rows
    from gantry.path import states
    from gantry.path.finish import Verdict

    verdict = Verdict("error", "out_of_memory", "No memory.", "More.", {"exit_code": 137})
    await in_thread(lambda: states.move(job, status="running", stage="starting"))()
    await rows.enter_cleaning(job, verdict)

    adopted = await in_thread(stored)(job)
    assert rows.kept_verdict(adopted) == verdict
    await rows.end(adopted, verdict)
    assert (await in_thread(stored)(job)).evidence == {"exit_code": 137}
