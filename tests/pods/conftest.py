"""A real engine for the tests of the pods' contract."""

from __future__ import annotations

from tests.journeys.conftest import ee_image, engine_url

__all__ = ["ee_image", "engine_url"]
