"""The gantry command: help that teaches, errors as sentences, records a person can read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gantry.cli import doctor, jobs
from gantry.resources.models import Job, JobTemplate


def gantry(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gantry.cli.main", *arguments],
        capture_output=True, text=True, env={**os.environ, **environment}, check=False,
    )  # fmt: skip


def test_help_names_the_first_steps() -> None:
    shown = gantry("--help").stdout

    for command in ("gantry doctor", "gantry up", "gantry demo", "gantry job launch"):
        assert command in shown


def test_a_database_that_does_not_answer_is_a_sentence_with_a_cure(tmp_path: Path) -> None:
    done = gantry("job", "show", "1", GANTRY_DATA_DIR=str(tmp_path / "none"))

    assert done.returncode == 1
    assert "The database does not answer" in done.stderr
    assert "gantry up" in done.stderr
    assert "Traceback" not in done.stderr


def test_status_tells_that_nothing_runs_here(tmp_path: Path) -> None:
    done = gantry("status", GANTRY_DATA_DIR=str(tmp_path))

    assert (done.returncode, done.stdout) == (1, "Gantry is down.\n")


def test_doctor_finds_an_engine_that_does_not_answer(tmp_path: Path) -> None:
    done = gantry(
        "doctor", GANTRY_DATA_DIR=str(tmp_path), GANTRY_ENGINE_URL=f"unix://{tmp_path}/no.sock"
    )

    assert done.returncode == 1
    assert "nobody answers" in done.stdout
    assert "systemctl enable --now podman.socket" in done.stdout


@pytest.mark.parametrize("check", doctor.CHECKS, ids=lambda c: c.__name__)
def test_every_finding_that_is_not_fine_says_what_to_do(check: object) -> None:
    from gantry.base.config import settings

    for finding in check(settings()):  # type: ignore[operator]
        assert finding.verdict == "ok" or finding.cure


def test_an_administrator_can_be_made_from_the_command_line(db: str) -> None:
    from gantry.resources.models import User

    done = gantry("createsuperuser", "--username", "root", "--password", "a long one")

    assert done.returncode == 0, done.stderr
    assert User.objects.get(username="root").check_password("a long one")


def test_a_template_that_is_not_there_is_named(db: str) -> None:
    done = gantry("job", "launch", "Nowhere")

    assert done.returncode == 1
    assert "No job template is named Nowhere" in done.stderr


def test_a_record_shows_what_ran_and_that_it_is_gone(db: str) -> None:
    template = JobTemplate.objects.create(kind="job_template", name="T")
    job = Job.objects.create(
        kind="job", name="Deploy", job_template=template, status="successful", stage="done",
        ee_image="quay.io/a/ee:1", ee_digest="sha256:abc", ee_platform="linux/amd64",
        ee_reason="job template T", playbook="site.yml",
        stage_times={"queued": "2026-01-01T00:00:00+00:00", "done": "2026-01-01T00:00:02+00:00"},
        cleanup={"pod": "gantry-x-job-1-1", "removed": True, "erased_in_pod": {"left": []}},
    )  # fmt: skip

    shown = jobs.record(job)

    assert "digest     sha256:abc (linux/amd64)" in shown
    assert "why        job template T" in shown
    assert "queued 2.00s" in shown
    assert "removed and checked gone, secrets erased in it before" in shown


def test_a_record_without_a_pod_says_so(db: str) -> None:
    job = Job.objects.create(kind="job", name="Deploy", status="error", stage="done", failed=True)

    assert "no pod was started" in jobs.record(job)
