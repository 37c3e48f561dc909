from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.pods.agent.pod import Pod, has_namespaces


@pytest.fixture
def home() -> Iterator[Path]:
    # pytest's own paths are too long for a socket's name.
    with TemporaryDirectory(prefix="gantry-pod-") as path:
        yield Path(path)


@pytest.fixture
def make_pod(home: Path) -> Iterator[Callable[..., Pod]]:
    made: list[Pod] = []

    def make(place: Path = home, **options: Any) -> Pod:
        made.append(Pod(place, **options))
        return made[-1]

    yield make
    for pod in made:
        pod.close()


@pytest.fixture
def pod(make_pod: Callable[..., Pod]) -> Pod:
    return make_pod()


@pytest.fixture
def first_pod(make_pod: Callable[..., Pod]) -> Pod:
    """Process 1, as in a container: every daemon comes to it, and none outlives it."""
    if not has_namespaces():
        pytest.skip("this machine gives no namespaces")
    return make_pod(first=True)
