"""Jobs whose pods are on a real Kubernetes: the record, the proof, and what is left (nothing).

Gantry's account has the rights of deploy/kubernetes/jobs.yaml and no others.
"""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gantry.base.bridge import in_thread
from tests.journeys.outcome import ended, told, until
from tests.journeys.world import World, stdout
from tests.pods.kubernetes.conftest import HOME
from tests.pods.kubernetes.conftest import kubeconfig as kubeconfig

NAMESPACE = "gantry-jobs"
DEPLOY = Path(__file__).parents[2] / "deploy" / "kubernetes" / "jobs.yaml"
WAIT = (
    "- hosts: alpha\n  gather_facts: false\n  tasks:\n    - wait_for: {timeout: 8}\n    - ping:\n"
)


@dataclass
class Kube:
    """kubectl as the cluster's administrator."""

    config: Path

    def __call__(self, *words: str, given: str = "") -> str:
        command = ["kubectl", "--kubeconfig", str(self.config), *words]
        done = subprocess.run(command, input=given, capture_output=True, text=True, check=True)
        return done.stdout

    def left(self) -> list[str]:
        """Names of pods and pull secrets of Gantry."""
        words = self("get", "pods,secrets", "-n", NAMESPACE, "-o", "name").split()
        return [w for w in words if "gantry-" in w and "token" not in w]


@pytest.fixture
def kube(kubeconfig: Path) -> Kube:
    made = Kube(kubeconfig)
    made("apply", "-f", str(DEPLOY))
    return made


@pytest.fixture
def group(kube: Kube, world: World) -> Any:
    """A container group of that namespace, with the account's token."""
    from gantry.resources.models import InstanceGroup

    found: dict[str, str] = {}
    while "token" not in found:
        found = json.loads(kube("get", "secret", "gantry-token", "-n", NAMESPACE, "-o", "json"))[
            "data"
        ]
    server = json.loads(kube("config", "view", "--raw", "-o", "json"))["clusters"][0]["cluster"]
    inputs = {
        "host": server["server"],
        "bearer_token": base64.b64decode(found["token"]).decode(),
        "ssl_ca_cert": base64.b64decode(found["ca.crt"]).decode(),
        "verify_ssl": True,
    }
    credential = world.credential("kubernetes_bearer_token", inputs)
    return InstanceGroup.objects.create(
        name="cluster", is_container_group=True, credential=credential,
        pod_spec_override=f"metadata: {{namespace: {NAMESPACE}}}",
    )  # fmt: skip


def launch(world: World, group: Any, play: str = "", **fields: Any) -> Any:
    template = world.template(*([{"site.yml": play}] if play else []), **fields)
    template.instance_groups.add(group)
    return world.launch(template)


async def test_a_job_runs_in_a_pod_of_the_cluster_and_leaves_its_record(
    world: World, control: Any, group: Any, kube: Kube
) -> None:
    job = await ended(await in_thread(launch)(world, group))

    assert job.status == "successful", told(job)
    assert "TASK [ping]" in await in_thread(stdout)(job)
    hosts = await in_thread(lambda: {s.host_name: s.ok for s in job.job_host_summaries.all()})()
    assert hosts == {"alpha": 1, "beta": 1}
    assert job.instance_group_id == group.pk
    assert job.ee_digest.startswith("sha256:")
    assert job.cleanup["removed"] is True
    await until(lambda: not kube.left(), "the cluster to be clean")
    assert await control.world.engine.find(control.world.instance) == []  # none on podman


async def test_a_secret_that_cannot_be_opened_ends_its_job_and_holds_up_no_other(
    world: World, control: Any, group: Any
) -> None:
    def launched() -> list[Any]:
        from gantry.resources.models import Credential

        stolen = Credential.objects.get(pk=group.credential.pk)
        Credential.objects.filter(pk=stolen.pk).update(
            inputs=stolen.inputs | {"bearer_token": stolen.inputs["ssl_ca_cert"]}
        )
        return [launch(world, group), world.launch(world.template())]

    sealed, other = await in_thread(launched)()
    await ended(sealed)
    assert (await ended(other)).status == "successful", told(other)
    assert sealed.status == "error"
    assert "sealed secret" in sealed.job_explanation


async def test_a_cancel_and_a_cut_stream_are_as_on_any_engine(
    world: World, control: Any, group: Any, kube: Kube
) -> None:
    """The API server is killed in mid-run: the pod goes on, and the record lacks nothing."""
    cut = await in_thread(launch)(world, group, WAIT, name="cut")
    canceled = await in_thread(launch)(world, group, WAIT, name="canceled")
    await until(lambda: _acknowledged(cut) and _acknowledged(canceled), "both to run")
    await in_thread(
        lambda: type(canceled).objects.filter(pk=canceled.pk).update(cancel_flag=True)
    )()
    control.wake.set()
    await ended(canceled)
    await in_thread(_restart_the_api_server)()
    await ended(cut)

    assert (canceled.status, canceled.failure_class) == ("canceled", "canceled")
    assert cut.status == "successful", told(cut)
    text = await in_thread(stdout)(cut)
    assert "TASK [ping]" in text
    assert "PLAY RECAP" in text
    await until(lambda: not kube.left(), "the cluster to be clean")


def _acknowledged(job: Any) -> bool:
    job.refresh_from_db()
    return bool(job.acknowledged and job.lines > 2)


def _restart_the_api_server() -> None:
    pid = int((HOME / "run" / "kube-apiserver.pid").read_text())
    subprocess.run(["kill", "-9", str(pid)], check=True)
    start = Path(__file__).parents[2] / "scripts" / "kubernetes" / "start"
    subprocess.run([str(start)], check=True, capture_output=True, timeout=120)


async def test_a_job_says_what_it_waits_for_in_the_cluster(
    world: World, control: Any, group: Any, kube: Kube
) -> None:
    quota = {
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "0"}},
    }  # fmt: skip
    kube("apply", "-n", NAMESPACE, "-f", "-", given=json.dumps(quota))
    try:
        job = await in_thread(launch)(world, group)
        await until(lambda: "quota" in _waiting(job), "the quota to be told")
    finally:
        kube("delete", "resourcequota", "none", "-n", NAMESPACE)
    assert (await ended(job)).status == "successful", told(job)
    assert job.waiting_for == ""

    where = f"metadata: {{namespace: {NAMESPACE}}}\nspec: {{nodeSelector: {{disk: none-such}}}}"
    await in_thread(lambda: _set(group, where))()
    job = await in_thread(launch)(world, group, name="nowhere")
    await until(lambda: "didn't match" in _waiting(job), "the scheduler's reason")
    await in_thread(lambda: type(job).objects.filter(pk=job.pk).update(cancel_flag=True))()
    control.wake.set()
    assert (await ended(job)).status == "canceled", told(job)
    await until(lambda: not kube.left(), "the cluster to be clean")


def _waiting(job: Any) -> str:
    job.refresh_from_db()
    return str(job.waiting_for)


def _set(group: Any, override: str) -> None:
    group.pod_spec_override = override
    group.save()


async def test_why_a_pod_cannot_start_is_told_in_words(
    world: World, control: Any, group: Any, kube: Kube
) -> None:
    def elsewhere(image: str) -> Any:
        from gantry.resources.models import ExecutionEnvironment

        ee = ExecutionEnvironment.objects.create(name=image, image=image)
        return launch(world, group, name=image, execution_environment=ee)

    job = await ended(await in_thread(elsewhere)("127.0.0.1:1/no/such:1"))
    assert (job.status, job.failure_class) == ("error", "registry_unreachable"), told(job)
    assert "127.0.0.1:1" in job.job_explanation

    def broken() -> Any:
        _set(group, f"metadata: {{namespace: {NAMESPACE}}}\nspec: {{volumes: [{{name: a}}, 7]}}")
        return launch(world, group, name="broken")

    job = await ended(await in_thread(broken)())
    assert job.status == "error", told(job)
    assert "The cluster refused" in job.job_explanation
    await until(lambda: not kube.left(), "the cluster to be clean")
