"""A real docker-registry for the tests of what registries say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import pytest

from tests.images.docker_registry import Front, Shelf
from tests.journeys.conftest import ee_image, engine_url
from tests.journeys.registry import Registry

__all__ = ["ee_image", "engine_url"]
F = TypeVar("F", bound=Front)


@pytest.fixture(scope="session")
def docks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("docks")


@pytest.fixture
def shelf(registry: Registry) -> Shelf:
    """A repository of its own."""
    return Shelf(registry, f"cargo/{uuid4().hex[:10]}")


@pytest.fixture
def before() -> Iterator[Callable[[F], F]]:
    """Keeps a front open until the test's end."""
    opened: list[Front] = []

    def keep(front: F) -> F:
        opened.append(front)
        return front

    yield keep
    for front in opened:
        front.close()
