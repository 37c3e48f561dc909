"""Rows for tests of single steps: the journeys' world, without an engine."""

from __future__ import annotations

import django
import pytest

from tests.journeys.world import World

django.setup()  # models are named at the top of these tests


@pytest.fixture
def world(db: str) -> World:
    return World.make("localhost/none:1")
