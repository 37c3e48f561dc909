"""Resolve tells the digest that must run, and where else it was seen."""

from __future__ import annotations

from typing import Any

import pytest

from gantry.images.inspect.request import request_inspection
from gantry.path.pull import at_digest
from gantry.path.resolve import resolve_environment
from gantry.resources.digests import saw_digest
from tests.journeys.world import World

A, B = (f"sha256:{letter * 64}" for letter in "ab")


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, ""),
        ({"accepted_digest": A, "drift_policy": "follow"}, ""),
        ({"accepted_digest": A, "drift_policy": "warn"}, ""),
        ({"accepted_digest": A, "drift_policy": "hold"}, A),
        ({"drift_policy": "hold"}, ""),
        ({"pinned_digest": B, "accepted_digest": A, "drift_policy": "hold"}, B),
        ({"image": f"reg.example.org/ee:1@{A}"}, A),
        ({"image": f"reg.example.org/ee@{A}", "accepted_digest": B, "drift_policy": "hold"}, A),
    ],
)
def test_a_pin_before_the_reference_before_what_is_held(
    world: World, fields: dict[str, Any], wanted: str
) -> None:
    for name, value in fields.items():
        setattr(world.environment, name, value)
    world.environment.save()

    found = resolve_environment(world.template())

    assert found.digest == wanted
    assert found.image == world.environment.image


def test_where_else_a_digest_was_seen_is_known_from_the_history(world: World) -> None:
    saw_digest(world.environment, A, "ran", reference="old.example.org/ee:1")
    world.environment.pinned_digest = A
    world.environment.save()

    assert resolve_environment(world.template()).elsewhere == ("old.example.org/ee:1",)


def test_which_images_had_a_digest_is_known_from_any_job(world: World) -> None:
    request_inspection(A, "linux/amd64", f"sha256:{'1' * 64}", "another.example.org/ee:1")
    request_inspection(A, "linux/arm64", "", "never.looked.at/ee:1")
    request_inspection(B, "linux/amd64", f"sha256:{'2' * 64}", "another.example.org/ee:2")
    world.environment.pinned_digest = A
    world.environment.save()

    known = resolve_environment(world.template()).known

    assert [(i.id, i.digest, i.platform) for i in known] == [
        (f"sha256:{'1' * 64}", A, "linux/amd64")
    ]


@pytest.mark.parametrize(
    "image", ["reg.example.org:5000/a/b", "reg.example.org:5000/a/b:1",
              f"reg.example.org:5000/a/b:1@{B}"],
)  # fmt: skip
def test_a_digest_replaces_tag_and_digest(image: str) -> None:
    assert at_digest(image, A) == f"reg.example.org:5000/a/b@{A}"
