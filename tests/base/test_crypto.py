"""Sealed secrets: bound to their place, opened by every key of the ring, refused when touched."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gantry.base.crypto import KeyRing, is_sealed
from gantry.base.errors import ConfigurationError

RING = KeyRing({}).with_new_key()


@given(st.text(), st.text())
def test_what_was_sealed_for_a_place_opens_there(value: str, place: str) -> None:
    try:
        value.encode(), place.encode()
    except UnicodeEncodeError:
        return
    sealed = RING.seal(value, place)

    assert is_sealed(sealed)
    assert RING.open(sealed, place) == value


def test_a_secret_moved_to_another_field_is_refused() -> None:
    sealed = RING.seal("s3cret", "credential:1:password")

    with pytest.raises(ConfigurationError, match="does not belong where it was found"):
        RING.open(sealed, "credential:2:password")


def test_the_same_secret_is_never_sealed_alike() -> None:
    assert RING.seal("s3cret", "a") != RING.seal("s3cret", "a")


def test_after_a_rotation_old_secrets_still_open_and_new_ones_take_the_new_key() -> None:
    old = RING.seal("s3cret", "a")
    rotated = RING.with_new_key()

    assert rotated.open(old, "a") == "s3cret"
    with pytest.raises(ConfigurationError, match="which the key ring does not have"):
        RING.open(rotated.seal("s3cret", "a"), "a")


def test_the_ring_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"

    made = KeyRing.load(path)

    assert KeyRing.load(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_damaged_ring_says_what_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text("{")

    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        KeyRing.load(path)
    assert "backup" in caught.value.cure
