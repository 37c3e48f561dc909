"""Step 9, clean up: remove the pod and prove that nothing of it is left.

Idempotent: called again after a crash it finds the pod gone and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gantry.base.errors import EngineError
from gantry.pods.contract import Engine


@dataclass(frozen=True)
class Cleaned:
    """`proof` is kept on the job: what was removed, when, and how it was checked."""

    gone: bool
    proof: dict[str, Any]


async def remove_pod(engine: Engine, pod: str, name: str, erased: dict[str, Any] | None) -> Cleaned:
    """Remove, then ask the engine whether it still knows the pod."""
    proof: dict[str, Any] = {"pod": name, "engine": engine.name, "volumes": "removed with the pod"}
    if erased is not None:
        proof["erased_in_pod"] = {"paths": erased.get("paths", []), "left": erased.get("left", [])}
    try:
        await engine.remove(pod)
        state = await engine.inspect(pod)
    except EngineError as error:
        return Cleaned(False, {**proof, "removed": False, "error": error.sentence})
    now = datetime.now(UTC).isoformat()
    return Cleaned(state.gone, {**proof, "removed": state.gone, "checked": now})
