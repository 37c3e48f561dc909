"""The history of an EE: one row for each digest, whoever told of it and how often."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gantry.resources.digests import saw_digest
from gantry.resources.models import EnvironmentDigest, ExecutionEnvironment

A = "sha256:" + "a" * 64
THEN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ee(db: str) -> ExecutionEnvironment:
    return ExecutionEnvironment.objects.create(name="EE", image="reg.example.org/ee:1")


def test_the_first_that_is_told_stays_and_times_widen(ee: Any) -> None:
    later = THEN + timedelta(days=1)
    saw_digest(ee, A, "registry", at=THEN)
    saw_digest(ee.pk, A, "ran", platform="linux/arm64", reference="x:1", at=later)
    saw_digest(ee, A, "registry", at=THEN)

    row = EnvironmentDigest.objects.get()
    assert (row.origin, row.reference) == ("registry", "reg.example.org/ee:1")
    assert (row.first_seen, row.last_seen) == (THEN, later)
    assert (row.first_run, row.last_run, row.platform) == (later, later, "linux/arm64")


def test_only_a_run_is_a_run(ee: Any) -> None:
    for origin in ("registry", "pinned", "built", "imported"):
        saw_digest(ee, A, origin, at=THEN)
    assert EnvironmentDigest.objects.get().first_run is None

    saw_digest(ee, A, "ran", at=THEN)
    saw_digest(ee, A, "ran", at=THEN + timedelta(days=1))
    row = EnvironmentDigest.objects.get()
    assert (row.first_run, row.last_run) == (THEN, THEN + timedelta(days=1))


def test_an_ee_that_is_gone_and_a_digest_that_is_empty_are_no_errors(ee: Any) -> None:
    gone = ee.pk
    ee.delete()

    saw_digest(gone, A, "ran")
    saw_digest(ExecutionEnvironment.objects.create(name="b", image="b"), "", "ran")

    assert not EnvironmentDigest.objects.exists()


@pytest.mark.parametrize(
    ("origin", "reference", "told"),
    [
        ("registry", "quay.io/acme/ee:1", "The registry said so"),
        ("registry", "localhost/acme/ee:1", "The engine said so"),
        ("ran", "localhost/acme/ee:1", "A job ran it"),
    ],
)
def test_who_told_a_digest_of_an_image_that_has_no_registry(
    origin: str, reference: str, told: str
) -> None:
    assert EnvironmentDigest(origin=origin, reference=reference).known_from == told
