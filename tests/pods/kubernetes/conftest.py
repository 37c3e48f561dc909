"""A real cluster: the one that scripts/kubernetes/start has started on this machine.

Tests that need it are skipped by name where there is none; CI builds it once and caches it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from gantry.pods.contract import LABEL_INSTANCE, LABEL_JOB, PodSpec
from gantry.pods.kubernetes_api import KubernetesEngine
from gantry.pods.kubernetes_client import Cluster

HOME = Path(os.environ.get("GANTRY_KUBERNETES", "/var/cache/gantry-kubernetes"))
KUBECONFIG = HOME / "etc" / "admin.kubeconfig"
STARTER = "localhost/gantry/starter-ee:latest"


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    if not (HOME / "run" / "kubelet.pid").exists():
        pytest.skip("no Kubernetes runs here: scripts/kubernetes/build, then start")
    return KUBECONFIG


@pytest.fixture
def instance() -> str:
    return str(uuid4())


@pytest.fixture
async def engine(kubeconfig: Path, instance: str) -> AsyncIterator[KubernetesEngine]:
    engine = KubernetesEngine(Cluster("default", kubeconfig=str(kubeconfig)))
    yield engine
    for pod in await engine.find(instance):
        await engine.remove(pod.id)
    await engine.close()


@pytest.fixture
def spec(instance: str) -> Callable[..., PodSpec]:
    def make(script: str = "read answer", **fields: Any) -> PodSpec:
        labels = {LABEL_JOB: "7", LABEL_INSTANCE: instance}
        values = {"tmpfs": {"/runner": 4 << 20}, "user": "1000:0", "image": STARTER}
        return PodSpec(
            name=f"gantry-contract-{uuid4().hex[:12]}", command=("sh", "-c", script),
            labels=labels, **(values | fields),
        )  # fmt: skip

    return make
