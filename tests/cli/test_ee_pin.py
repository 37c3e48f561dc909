"""`gantry ee pin` and its neighbours, `gantry job show` and `relaunch`: as a person types them."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from gantry.cli.ee import ee
from gantry.cli.main import main
from gantry.images.tag_notes import note_ran, note_tag
from gantry.resources.models import ExecutionEnvironment, Job

A, B = (f"sha256:{letter * 64}" for letter in "ab")
IMAGE = "127.0.0.1:1/ee:1"  # nobody listens there


def gantry(*arguments: str, code: int = 0) -> Result:
    """In this process, whose database is the test's."""
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == code, done.output
    return done


@pytest.fixture
def row(db: str) -> ExecutionEnvironment:
    return ExecutionEnvironment.objects.create(name="Network EE", image=IMAGE)


def make_job(row: Any, digest: str, **fields: Any) -> Job:
    job = Job.objects.create(
        kind="job", name="j", execution_environment=row, ee_name=row.name, ee_image=row.image,
        ee_digest=digest, ee_platform="linux/amd64", **fields,
    )  # fmt: skip
    note_ran(job)
    return job


@pytest.mark.parametrize("command", ["pin", "unpin", "check", "accept", "policy", "history"])
def test_each_command_says_what_it_is_for_with_an_example(command: str) -> None:
    shown = gantry("ee", command, "--help").output

    assert "Example" in shown
    assert f"gantry ee {command}" in shown.partition("Example")[2]
    assert command in ee.commands


def test_pin_and_unpin(row: Any) -> None:
    assert f"is pinned to {A}" in gantry("ee", "pin", "Network EE", "--digest", A).output
    row.refresh_from_db()
    assert row.pinned_digest == A
    assert "Network EE: unknown." in gantry("ee", "unpin", "Network EE").output


def test_what_cannot_be_asked_is_a_sentence_with_a_cure(row: Any) -> None:
    done = gantry("ee", "pin", "Network EE", code=1)

    assert "The registry cannot be reached" in done.output
    assert "Check the registry's address" in done.output


def test_hold_accept_and_back(row: Any) -> None:
    make_job(row, A)
    ExecutionEnvironment.objects.update(last_digest=A)
    note_tag(row.pk, IMAGE, B)

    assert "Network EE: held." in gantry("ee", "policy", "Network EE", "hold").output
    assert "Network EE: in step." in gantry("ee", "accept", "Network EE").output
    assert "held" in gantry("ee", "accept", "Network EE", "--digest", A).output
    gantry("ee", "accept", "Network EE", "--forget")
    row.refresh_from_db()
    assert row.accepted_digest == ""


def test_check_fails_when_a_tag_moved_or_nobody_answers(row: Any) -> None:
    note_tag(row.pk, IMAGE, A)
    done = gantry("ee", "check", "Network EE", code=1)

    assert "could not be asked again: The registry cannot be reached" in done.output


def test_check_of_an_image_by_digest_has_nothing_to_ask(row: Any) -> None:
    ExecutionEnvironment.objects.update(image=f"127.0.0.1:1/ee@{A}")

    assert "Network EE: pinned." in gantry("ee", "check", "Network EE").output


def test_the_history_has_digests_that_can_be_copied(row: Any) -> None:
    first, last = make_job(row, A), make_job(row, A)
    note_tag(row.pk, IMAGE, B)

    shown = gantry("ee", "history", "Network EE").output

    assert A in shown
    assert B in shown
    assert f"2 ({first.pk} to {last.pk})" in shown
    assert "never" in next(line for line in shown.splitlines() if B in line)


def test_a_jobs_record_tells_a_deleted_ee(row: Any) -> None:
    job = make_job(row, A, ee_wanted_digest=A, ee_warning="The tag has moved.")
    row.delete()

    shown = gantry("job", "show", str(job.pk)).output

    assert f"Network EE: {IMAGE} (since deleted)" in shown
    assert f"{A} (linux/amd64, asked for by digest)" in shown
    assert "The tag has moved." in shown


def test_relaunch_says_why_a_job_cannot_be_repeated_exactly(row: Any) -> None:
    job = make_job(row, "")

    done = gantry("job", "relaunch", str(job.pk), "--exactly", code=1)

    assert "never got its image" in done.output
    assert "Relaunch it plainly" in done.output


def test_relaunch_makes_a_job(row: Any) -> None:
    job = make_job(row, A, status="successful")

    done = gantry("job", "relaunch", str(job.pk))

    again = Job.objects.order_by("pk").last()
    assert again is not None
    assert again.pk != job.pk
    assert f"Job {again.pk}: " in done.output
