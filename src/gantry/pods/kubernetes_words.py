"""What a pod's status says, in Gantry's terms. Pure.

Field names are those of the Pod and Event objects of Kubernetes' core API, version 1.
"""

from __future__ import annotations

from typing import Any

from gantry.base.errors import EngineError
from gantry.pods.contract import PodState
from gantry.pods.kubernetes_pod import CONTAINER

# Reasons for which a container waits that no waiting mends. The kubelet goes from ErrImagePull to
# ImagePullBackOff and back; the first already has the registry's words.
PULL_FAILED = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull",
               "ImageInspectError", "RegistryUnavailable")  # fmt: skip
_START_FAILED = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError",
                 "StartError", "ContainerCannotRun")  # fmt: skip


def container(pod: dict[str, Any]) -> dict[str, Any]:
    """The worker's status; empty while the kubelet has none."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return next((dict(s) for s in statuses if s.get("name") == CONTAINER), {})


def pod_state(pod: dict[str, Any]) -> PodState:
    status = pod.get("status") or {}
    now = container(pod).get("state") or {}
    ended = now.get("terminated") or {}
    phase = status.get("phase", "")
    detail = {
        "node": (pod.get("spec") or {}).get("nodeName"),
        "started": ended.get("startedAt") or (now.get("running") or {}).get("startedAt"),
        "finished": ended.get("finishedAt"),
        "reason": status.get("reason") or ended.get("reason"),
    }
    # An evicted pod, or one past its deadline: the pod is Failed, its container may be unknown.
    why = ": ".join(filter(None, [status.get("reason"), status.get("message")]))
    if ended:
        killed = ended.get("reason") == "OOMKilled"
        words = why or ended.get("message") or ""
        return PodState("exited", ended.get("exitCode"), killed, words, detail)
    if phase in ("Failed", "Succeeded"):
        return PodState("exited", None, False, why or "The pod ended without a word.", detail)
    if "running" in now:
        return PodState("running", None, False, why, detail)
    return PodState("created", None, False, why, detail)


def hindrance(pod: dict[str, Any]) -> EngineError | None:
    """Why this pod will never start; None as long as it may."""
    waits = (container(pod).get("state") or {}).get("waiting") or {}
    reason, message = waits.get("reason", ""), waits.get("message", "")
    if reason in PULL_FAILED:
        return EngineError(message or reason, code="pull")
    if reason in _START_FAILED:
        return EngineError(f"The container could not be started: {message or reason}")
    state = pod_state(pod)
    ended = (container(pod).get("state") or {}).get("terminated") or {}
    if ended.get("reason") in _START_FAILED:
        return EngineError(f"The container could not be started: {ended.get('message', '')}")
    if state.state == "exited" and not container(pod):
        return EngineError(f"The pod was ended before it began. {state.error}")
    return None


def unplaced(pod: dict[str, Any]) -> dict[str, Any]:
    """The scheduler's word on a pod that no node takes; empty otherwise."""
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return dict(condition)
    return {}


def waits_for(pod: dict[str, Any]) -> str:
    """What a pod that has not started waits for, in the scheduler's or the kubelet's words."""
    if condition := unplaced(pod):
        return f"No node takes the pod: {condition.get('message') or condition.get('reason')}"
    waits = (container(pod).get("state") or {}).get("waiting") or {}
    if waits.get("reason") == "ContainerCreating" or not waits:
        node = (pod.get("spec") or {}).get("nodeName")
        return f"Node {node} prepares the pod." if node else "The pod waits for a node."
    return f"The pod is not ready: {waits.get('message') or waits.get('reason')}"


def event_sentence(event: dict[str, Any]) -> str:
    return ": ".join(filter(None, [event.get("reason"), event.get("message")]))


def died(state: PodState) -> str:
    """The sentence with which evidence of an end begins, as for a container."""
    if state.state != "exited":
        return ""
    if state.oom_killed:
        return f"died with exit code {state.exit_code} (OOMKilled)"
    return f"died with exit code {state.exit_code}" if state.exit_code is not None else "died"
