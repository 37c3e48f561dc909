"""Which variant is for which engine."""

from __future__ import annotations

import pytest

from gantry.images.manifests import Platform, fits, platforms_of
from gantry.images.platforms import Platforms


@pytest.mark.parametrize(
    ("platform", "engine", "fitting"),
    [
        ("linux/amd64", "linux/amd64", True),
        ("linux/arm64/v8", "linux/arm64", True),
        ("linux/arm64", "linux/arm64/v8", True),
        ("linux/arm/v6", "linux/arm/v7", False),
        ("linux/arm64", "linux/amd64", False),
        ("windows/amd64", "linux/amd64", False),
    ],
)
def test_a_variant_fits_an_engine(platform: str, engine: str, fitting: bool) -> None:
    assert fits(platform, engine) is fitting


def test_the_engines_own_variant_is_chosen_before_one_that_merely_fits() -> None:
    found = (
        Platform("linux/arm/v7", "a"),
        Platform("linux/arm", "b"),
        Platform("linux/s390x", "c"),
    )

    assert Platforms("linux/arm", found).chosen == "linux/arm"
    assert Platforms("linux/arm/v7", found).chosen == "linux/arm/v7"
    assert Platforms("linux/amd64", found).chosen == ""


def test_attestations_are_no_platforms() -> None:
    index = {"manifests": [
        {"digest": "a", "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": "b", "platform": {"os": "unknown", "architecture": "unknown"}},
        {"digest": "c"},
    ]}  # fmt: skip

    assert platforms_of(index) == [Platform("linux/amd64", "a")]
