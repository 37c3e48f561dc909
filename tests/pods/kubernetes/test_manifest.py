"""A job's pod on Kubernetes: what a container group may say of it, and what stays Gantry's."""

from __future__ import annotations

from typing import Any

import pytest

from gantry.pods.contract import LABEL_INSTANCE, LABEL_JOB, Limits, PodSpec
from gantry.pods.kubernetes_pod import manifest, merged

SPEC = PodSpec(
    name="gantry-1234-job-7-1", image="registry.example/ee@sha256:" + "a" * 64,
    command=("python3", "-c", "boot"), labels={LABEL_JOB: "7", LABEL_INSTANCE: "here"},
    user="1000:0", tmpfs={"/runner": 1 << 20}, environment={"HOME": "/runner"},
    disk=("/runner/project",), limits=Limits(memory=1 << 30, cpus=1.5),
)  # fmt: skip

# What AWX's form begins with, and what people add to it.
OVERRIDE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"namespace": "jobs", "annotations": {"team": "a"}, "labels": {LABEL_JOB: "8"}},
    "spec": {
        "serviceAccountName": "runner",
        "automountServiceAccountToken": True,
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "ci", "operator": "Exists"}],
        "imagePullSecrets": [{"name": "mine"}],
        "hostNetwork": True,
        "restartPolicy": "Always",
        "securityContext": {"runAsUser": 0, "fsGroup": 3000},
        "volumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "containers": [
            {
                "image": "quay.io/ansible/awx-ee:latest",
                "name": "worker",
                "args": ["ansible-runner", "worker"],
                "command": ["sleep", "1"],
                "env": [{"name": "HOME", "value": "/root"}, {"name": "PROXY", "value": "p"}],
                "securityContext": {"privileged": True, "capabilities": {"add": ["SYS_ADMIN"]}},
                "volumeMounts": [
                    {"name": "ca", "mountPath": "/etc/pki"},
                    {"name": "ca", "mountPath": "/runner"},
                ],
                "resources": {"requests": {"cpu": "250m"}},
                "livenessProbe": {"exec": {"command": ["false"]}},
            },
            {"name": "sidecar", "image": "proxy:1"},
        ],
    },
}


def test_image_command_labels_and_name_are_the_jobs() -> None:
    made = manifest(SPEC, OVERRIDE, "IfNotPresent")
    worker, sidecar = made["spec"]["containers"]

    assert made["metadata"]["name"] == SPEC.name
    assert made["metadata"]["labels"] == {LABEL_JOB: "7", LABEL_INSTANCE: "here"}
    assert worker["image"] == SPEC.image
    assert worker["command"] == ["python3", "-c", "boot"]
    assert "args" not in worker
    assert "livenessProbe" not in worker
    assert (worker["stdin"], worker["stdinOnce"], worker["tty"]) == (True, False, False)
    assert made["spec"]["restartPolicy"] == "Never"
    assert sidecar == {"name": "sidecar", "image": "proxy:1"}


def test_where_it_runs_and_what_it_may_reach_is_the_groups() -> None:
    made = manifest(SPEC, OVERRIDE, "Always")
    body = made["spec"]
    worker = body["containers"][0]

    assert made["metadata"]["annotations"] == {"team": "a"}
    assert body["serviceAccountName"] == "runner"
    assert body["nodeSelector"] == {"disk": "fast"}
    assert body["tolerations"] == [{"key": "ci", "operator": "Exists"}]
    assert body["imagePullSecrets"] == [{"name": "mine"}]
    assert body["securityContext"]["fsGroup"] == 3000
    assert {"name": "ca", "mountPath": "/etc/pki"} in worker["volumeMounts"]
    assert {"name": "PROXY", "value": "p"} in worker["env"]
    assert {"name": "HOME", "value": "/runner"} in worker["env"]
    assert worker["imagePullPolicy"] == "Always"


@pytest.mark.parametrize("override", [{}, OVERRIDE])
def test_nothing_that_it_says_makes_a_pod_dangerous(override: dict[str, Any]) -> None:
    """Pod Security's profile "restricted" (kubernetes.io/docs/concepts/security)."""
    body = manifest(SPEC, override, "Always")["spec"]
    worker = body["containers"][0]

    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(body)
    assert body["automountServiceAccountToken"] is False
    assert body["securityContext"]["runAsUser"] == 1000
    assert body["securityContext"]["runAsNonRoot"] is True
    assert body["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert worker["securityContext"] == {
        "allowPrivilegeEscalation": False, "privileged": False, "readOnlyRootFilesystem": True,
        "runAsNonRoot": True, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip


def test_a_cluster_that_chooses_the_user_may() -> None:
    chosen = {"spec": {"securityContext": {"runAsUser": None}}}
    context = manifest(SPEC, chosen, "Always")["spec"]["securityContext"]
    assert "runAsUser" not in context
    assert context["runAsNonRoot"] is True
    own = {"spec": {"securityContext": {"runAsUser": 1000680000, "runAsGroup": 5}}}
    assert manifest(SPEC, own, "Always")["spec"]["securityContext"]["runAsUser"] == 1000680000


def test_what_it_writes_lies_in_memory_or_goes_with_the_pod() -> None:
    body = manifest(SPEC, OVERRIDE, "Always")["spec"]
    sources = {v["name"]: v for v in body["volumes"]}
    at = {m["mountPath"]: sources[m["name"]] for m in body["containers"][0]["volumeMounts"]}

    assert at["/runner"]["emptyDir"] == {"medium": "Memory", "sizeLimit": str(1 << 20)}
    assert at["/runner/project"]["emptyDir"] == {}
    assert at["/etc/pki"]["configMap"] == {"name": "ca"}


def test_gantrys_limits_hold_where_the_group_has_none() -> None:
    resources = manifest(SPEC, OVERRIDE, "Always")["spec"]["containers"][0]["resources"]
    assert resources == {
        "limits": {"memory": str(1 << 30), "cpu": "1500m"},
        "requests": {"cpu": "250m", "memory": "100Mi"},
    }


@pytest.mark.parametrize("containers", [None, [], "garbage", [None]])
def test_an_override_without_a_container_gets_one(containers: Any) -> None:
    body = manifest(SPEC, {"spec": {"containers": containers}}, "Always")["spec"]
    assert body["containers"][0]["image"] == SPEC.image


def test_an_override_is_never_changed() -> None:
    below = {"a": {"b": 1}, "c": [1]}
    above = {"a": {"d": 2}, "c": [2]}
    assert merged(below, above) == {"a": {"b": 1, "d": 2}, "c": [2]}
    assert (below, above) == ({"a": {"b": 1}, "c": [1]}, {"a": {"d": 2}, "c": [2]})
