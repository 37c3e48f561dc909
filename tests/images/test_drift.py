"""The state of an EE, from what is known of its tag: a table of cases, asked of unsaved rows."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gantry.images.drift import decide, has_registry, short, warning
from gantry.resources.models import ExecutionEnvironment

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")


def row(**fields: object) -> ExecutionEnvironment:
    values: dict[str, object] = {"name": "EE", "image": "reg.example.org/ee:1"}
    return ExecutionEnvironment(**(values | fields))


CASES = [
    # policy, pinned, accepted, registry, last -> state, whether the tag moved
    ("follow", "", "", "", "", "unknown", False),
    ("follow", "", "", "", A, "unknown", False),
    ("follow", "", "", A, "", "in step", False),
    ("follow", "", "", A, A, "in step", False),
    ("follow", "", "", B, A, "drifted", True),
    ("follow", "", C, B, B, "in step", False),  # nothing is accepted where the tag is followed
    ("warn", "", A, A, A, "in step", False),
    ("warn", "", A, B, A, "drifted", True),
    ("warn", "", A, B, B, "drifted", True),  # that it ran does not accept it
    ("warn", "", "", B, A, "drifted", True),
    ("hold", "", A, A, A, "in step", False),
    ("hold", "", A, B, A, "held", True),
    ("hold", "", "", B, A, "held", True),
    ("hold", "", "", B, "", "in step", False),  # the first that runs will be accepted
    ("follow", A, "", "", "", "pinned", False),
    ("follow", A, "", A, A, "pinned", False),
    ("follow", A, "", B, A, "pinned", True),
    ("hold", A, C, B, A, "pinned", True),
]


@pytest.mark.parametrize("case", CASES)
def test_the_state(case: tuple[str, str, str, str, str, str, bool]) -> None:
    policy, pinned, accepted, registry, last, state, moved = case

    found = decide(
        row(
            drift_policy=policy, pinned_digest=pinned, accepted_digest=accepted,
            registry_digest=registry, last_digest=last,
        )
    )  # fmt: skip

    assert (found.state, found.moved) == (state, moved)
    assert found.sentence.endswith(".")
    if moved:
        assert short(registry) in found.sentence


def test_an_image_given_by_digest_is_pinned_by_itself() -> None:
    found = decide(row(image=f"reg.example.org/ee@{A}", registry_digest=""))

    assert (found.state, found.moved) == ("pinned", False)
    assert short(A) in found.sentence


def test_a_registry_that_went_away_does_not_make_known_things_unknown() -> None:
    error = "The registry cannot be reached: connection refused."
    before = row(registry_digest=B, last_digest=A, registry_error=error)
    never = row(registry_error=error, registry_checked=datetime.now(UTC))

    assert decide(before).state == "drifted"
    assert decide(before).sentence.endswith(error)
    assert decide(never).state == "unknown"
    assert decide(never).sentence.endswith(error)


def test_who_pulls_only_what_is_missing_is_told_that_jobs_run_the_older_copy() -> None:
    known = {"registry_digest": B, "last_digest": A}

    assert "pull policy is `missing`" in decide(row(**known)).sentence
    assert "The next job pulls it" in decide(row(pull="always", **known)).sentence


WARNINGS = [
    # policy, pinned, accepted, registry, what the job got -> digests named in the warning
    ("follow", "", "", B, A, ()),
    ("hold", "", A, B, A, ()),
    ("warn", "", "", "", A, ()),
    ("warn", "", A, A, A, ()),
    ("warn", "", A, B, B, (A, B)),
    ("warn", "", A, B, A, (A, B)),
    ("warn", A, B, B, A, ()),
]


@pytest.mark.parametrize(("policy", "pinned", "accepted", "registry", "got", "named"), WARNINGS)
def test_only_under_warn_is_a_job_warned(
    policy: str, pinned: str, accepted: str, registry: str, got: str, named: tuple[str, ...]
) -> None:
    said = warning(
        row(
            drift_policy=policy, pinned_digest=pinned, accepted_digest=accepted,
            registry_digest=registry,
        ),
        got,
    )  # fmt: skip

    assert bool(said) == bool(named)
    assert all(short(digest) in said for digest in named)


@pytest.mark.parametrize(
    ("image", "asked"),
    [("localhost/x:1", False), ("localhost:5000/x:1", True), ("x", True), ("reg.io/x:1", True)],
)
def test_only_the_engines_own_images_have_no_registry(image: str, asked: bool) -> None:
    assert has_registry(image) is asked
