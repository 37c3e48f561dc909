"""What a pod's status means. The statuses are those that clusters wrote, cut to what is read."""

from __future__ import annotations

from typing import Any

import pytest

from gantry.pods.contract import PodState
from gantry.pods.kubernetes_words import died, hindrance, pod_state, waits_for


def pod(state: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    if state is not None:
        status["containerStatuses"] = [
            {"name": "sidecar", "state": {"running": {}}},
            {"name": "worker", "state": state},
        ]
    return {"spec": {"nodeName": status.pop("node", None)}, "status": status}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (pod(phase="Pending"), ("created", None, False)),
        (pod({"waiting": {"reason": "ContainerCreating"}}), ("created", None, False)),
        (pod({"running": {"startedAt": "2026"}}), ("running", None, False)),
        (pod({"terminated": {"exitCode": 0, "reason": "Completed"}}), ("exited", 0, False)),
        (pod({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}), ("exited", 137, True)),
        (pod(phase="Failed", reason="Evicted", message="low on memory"), ("exited", None, False)),
        (pod({"waiting": {}}, phase="Failed", reason="DeadlineExceeded"), ("exited", None, False)),
    ],
)  # fmt: skip
def test_states(given: dict[str, Any], expected: tuple[str, int | None, bool]) -> None:
    found = pod_state(given)
    assert (found.state, found.exit_code, found.oom_killed) == expected


def test_an_eviction_says_why() -> None:
    evicted = pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory.")
    assert pod_state(evicted).error == "Evicted: The node was low on resource: memory."
    never = hindrance(evicted)
    assert never is not None
    assert "low on resource: memory" in never.sentence


@pytest.mark.parametrize(
    ("reason", "code"),
    [("ErrImagePull", "pull"), ("ImagePullBackOff", "pull"), ("ErrImageNeverPull", "pull"),
     ("InvalidImageName", "pull"), ("CreateContainerConfigError", "engine"),
     ("RunContainerError", "engine")],
)  # fmt: skip
def test_what_will_never_start_is_told_in_the_clusters_words(reason: str, code: str) -> None:
    words = 'rpc error: code = NotFound desc = failed to pull "r/ee:1": not found'
    never = hindrance(pod({"waiting": {"reason": reason, "message": words}}))
    assert never is not None
    assert never.code == code
    assert words in never.sentence


@pytest.mark.parametrize(
    "given",
    [pod(), pod({"waiting": {"reason": "ContainerCreating"}}), pod({"running": {}}),
     pod({"terminated": {"exitCode": 1}})],
)  # fmt: skip
def test_what_may_start_or_has_begun_is_no_hindrance(given: dict[str, Any]) -> None:
    assert hindrance(given) is None


def test_the_schedulers_reason_is_told() -> None:
    reason = "0/3 nodes are available: 3 Insufficient cpu."
    waiting = pod(
        conditions=[{"type": "PodScheduled", "status": "False", "message": reason}], phase="Pending"
    )
    assert waits_for(waiting) == f"No node takes the pod: {reason}"
    assert waits_for(pod()) == "The pod waits for a node."
    creating = pod({"waiting": {"reason": "ContainerCreating"}}, node="node-1")
    assert waits_for(creating) == "Node node-1 prepares the pod."


def test_an_end_is_told_as_a_containers_is() -> None:
    assert died(PodState("exited", 9)) == "died with exit code 9"
    assert died(PodState("exited", 137, True)) == "died with exit code 137 (OOMKilled)"
    assert died(PodState("exited")) == "died"
    assert died(PodState("running")) == ""
