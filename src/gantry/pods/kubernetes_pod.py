"""A PodSpec as a manifest of Kubernetes. Pure.

A container group's `pod_spec_override` is merged over what Gantry would make, as AWX does
(awx/main/models/execution_environments.py's default, awx/main/tasks/receptor.py), and then what
makes a pod a job's and keeps it harmless is put back: image, command, labels, security.
"""

from __future__ import annotations

import copy
from typing import Any

from gantry.pods.contract import LABEL_JOB, PodSpec

CONTAINER = "worker"  # AWX's name, so that overrides written for it meet the same container
RESTRICTED_SECCOMP = {"type": "RuntimeDefault"}
# Who the pod runs as may be the cluster's to say (OpenShift gives each namespace a range of users);
# that it is not root, and what it may do, is not.
_OWN_IDENTITY = ("runAsUser", "runAsGroup", "fsGroup", "supplementalGroups", "seLinuxOptions")


def manifest(spec: PodSpec, override: dict[str, Any], policy: str) -> dict[str, Any]:
    """The body of a create. `policy` is Kubernetes' imagePullPolicy."""
    made = merged(_defaults(spec), override)
    metadata = made.setdefault("metadata", {})
    metadata.pop("namespace", None)  # stands in the request's path
    metadata.pop("generateName", None)
    metadata["name"] = spec.name
    metadata["labels"] = {**(metadata.get("labels") or {}), **spec.labels}
    body = made["spec"]
    worker = _worker(body)
    worker |= {
        "name": CONTAINER,
        "image": spec.image,
        "imagePullPolicy": policy,
        "command": list(spec.command),
        "stdin": True,
        "stdinOnce": False,  # a cut stream must not be an end of file for good
        "tty": False,
        "securityContext": _harmless(worker.get("securityContext")),
    }
    worker.pop("args", None)
    worker.pop("lifecycle", None)
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        worker.pop(probe, None)
    worker["env"] = _named(worker.get("env") or [], spec.environment)
    _scratch(body, worker, spec)
    _limit(worker, spec)
    body["securityContext"] = _not_root(body.get("securityContext"), spec.user)
    body |= {"restartPolicy": "Never", "automountServiceAccountToken": False}
    for name in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"):
        body.pop(name, None)
    return {"apiVersion": "v1", "kind": "Pod", **made, "spec": body}


def merged(below: Any, above: Any) -> Any:
    """`above` over `below`; tables are merged, of two lists of tables the first ones by position
    where AWX does so (containers), any other value is replaced."""
    if isinstance(below, dict) and isinstance(above, dict):
        found = copy.deepcopy(below)
        for key, value in above.items():
            if key == "containers" and isinstance(value, list) and found.get(key):
                first = merged(found[key][0], value[0]) if value else found[key][0]
                found[key] = [first, *copy.deepcopy(value[1:])]
            else:
                found[key] = merged(found[key], value) if key in found else copy.deepcopy(value)
        return found
    return copy.deepcopy(above)


def _defaults(spec: PodSpec) -> dict[str, Any]:
    return {
        "metadata": {"labels": {}},
        "spec": {
            "containers": [{"name": CONTAINER, "resources": {}}],
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 1,
        },
    }


def _worker(body: dict[str, Any]) -> dict[str, Any]:
    containers = body.get("containers")
    if not isinstance(containers, list) or not containers or not isinstance(containers[0], dict):
        body["containers"] = [{}]
    worker: dict[str, Any] = body["containers"][0]
    return worker


def _harmless(given: Any) -> dict[str, Any]:
    """Pod Security's "restricted", and a read-only image."""
    kept = {k: v for k, v in (given or {}).items() if k in _OWN_IDENTITY and k != "fsGroup"}
    if kept.get("runAsUser") == 0:
        del kept["runAsUser"]
    return {
        **kept,
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }


def _not_root(given: Any, user: str) -> dict[str, Any]:
    number, _, group = user.partition(":")
    kept = {k: v for k, v in (given or {}).items() if k in _OWN_IDENTITY}
    if "runAsUser" not in kept or kept["runAsUser"] == 0:
        kept["runAsUser"] = int(number)
        kept.setdefault("runAsGroup", int(group or 0))
    if kept["runAsUser"] is None:  # said so by the override: the cluster chooses
        del kept["runAsUser"]
        kept.pop("runAsGroup", None)
    return {**kept, "runAsNonRoot": True, "seccompProfile": RESTRICTED_SECCOMP}


def _named(given: list[Any], own: dict[str, str]) -> list[Any]:
    kept = [e for e in given if isinstance(e, dict) and e.get("name") not in own]
    return kept + [{"name": name, "value": value} for name, value in own.items()]


def _scratch(body: dict[str, Any], worker: dict[str, Any], spec: PodSpec) -> None:
    """Volumes that live as long as the pod: in memory, with a size, or on its node's disk."""
    own = {
        **{p: {"medium": "Memory", "sizeLimit": str(size)} for p, size in spec.tmpfs.items()},
        **{p: {} for p in spec.disk},
    }
    volumes, mounts = list(body.get("volumes") or []), list(worker.get("volumeMounts") or [])
    mounts = [m for m in mounts if isinstance(m, dict) and m.get("mountPath") not in own]
    for number, (path, source) in enumerate(own.items()):
        name = f"gantry-{number}"
        volumes.append({"name": name, "emptyDir": source})
        mounts.append({"name": name, "mountPath": path})
    body["volumes"], worker["volumeMounts"] = volumes, mounts


def _limit(worker: dict[str, Any], spec: PodSpec) -> None:
    """Gantry's limits where the override has none; requests stay small, or a limit would be
    reserved whole."""
    resources = worker.get("resources") or {}
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    if spec.limits.memory:
        limits.setdefault("memory", str(spec.limits.memory))
        requests.setdefault("memory", "100Mi")
    if spec.limits.cpus:
        limits.setdefault("cpu", f"{int(spec.limits.cpus * 1000)}m")
        requests.setdefault("cpu", "100m")
    worker["resources"] = {k: v for k, v in (("limits", limits), ("requests", requests)) if v}


def job_of(pod: dict[str, Any]) -> int:
    return int((pod["metadata"].get("labels") or {}).get(LABEL_JOB, 0) or 0)
