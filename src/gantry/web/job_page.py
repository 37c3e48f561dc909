"""What a job's page says about the job's way: steps, bars, why it failed, proof of cleanup.

Pure functions from a job row to plain values; gantry.web.views.jobs shows them.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml
from django.utils import timezone

from gantry.base.crypto import is_sealed
from gantry.resources.credentials import ENCRYPTED
from gantry.resources.jobs import STAGES, UnifiedJob

WORDS = {
    "queued": "Queued",
    "resolving": "Resolve",
    "pulling": "Pull image",
    "preparing": "Prepare",
    "starting": "Start pod",
    "running": "Run",
    "cleaning": "Clean up",
    "done": "Done",
}
BUILD_WORDS = WORDS | {
    "resolving": "Definition", "pulling": "Base image", "preparing": "Context", "running": "Build",
}  # fmt: skip

# As static/js/job.js has them.
KEY_SHEET = [
    ("/", "search the whole output"), (".,", "next and previous match"),
    ("np", "next and previous failed task"), ("jk", "next and previous task"),
    ("gG", "first line, newest line"), ("f", "follow the newest line"),
    ("z", "fold all tasks, or unfold them"), ("x", "fold or unfold this task"),
    ("i", "filter by host, task and status"), ("w", "wrap long lines"),
    ("t", "time of each line"), ("e", "the event that wrote the chosen line"),
    ("c", "copy the chosen lines"), ("s", "details beside the output"),
    ("oml", "output, matrix, timeline"), ("?", "this list"),
]  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One stage of the path. `state`: done, current, todo, failed, canceled, skipped,
    or ended for the last stage of what did not succeed."""

    stage: str
    word: str
    state: str
    seconds: float | None
    left: float = 0.0  # where its bar begins and how long it is, in per cent of the whole
    width: float = 0.0

    # Numbers as SVG wants them, whatever the page's language does to a decimal point.
    @property
    def left_text(self) -> str:
        return f"{self.left:.2f}"

    @property
    def width_text(self) -> str:
        return f"{max(self.width, 0.6):.2f}"


def steps(job: UnifiedJob) -> list[Step]:
    spans = _spans(job)
    total = sum(seconds for _, seconds in spans.values()) or 1.0
    trouble = _where_it_broke(job, list(spans))
    found, left = [], 0.0
    building = job.kind == "environment_build"
    for stage in STAGES:
        if building and stage == "starting":
            continue  # the engine builds: there is no pod of ours to start
        seconds = spans[stage][1] if stage in spans else None
        width = 100 * (seconds or 0) / total
        state = _state(job, stage, stage in spans, trouble)
        found.append(
            Step(stage, (BUILD_WORDS if building else WORDS)[stage], state, seconds, left, width)
        )
        left += width
    return found


def _spans(job: UnifiedJob) -> dict[str, tuple[datetime, float]]:
    """stage -> (entered, seconds spent), in the order they were entered."""
    entered = sorted(
        (datetime.fromisoformat(when), stage)
        for stage, when in job.stage_times.items()
        if stage in STAGES
    )
    spans = {}
    for number, (when, stage) in enumerate(entered):
        last = number + 1 == len(entered)
        until = (job.finished or timezone.now()) if last else entered[number + 1][0]
        if stage == "done":
            until = when
        spans[stage] = (when, max((until - when).total_seconds(), 0.0))
    return spans


def _where_it_broke(job: UnifiedJob, entered: list[str]) -> str:
    """The last stage before cleaning up, of a job that ended badly."""
    if job.active or job.status == "successful":
        return ""
    way = [s for s in entered if s not in ("cleaning", "done")]
    return way[-1] if way else "queued"


def _state(job: UnifiedJob, stage: str, entered: bool, trouble: str) -> str:
    if stage == trouble:
        return "canceled" if job.status == "canceled" else "failed"
    if job.active:
        at = STAGES.index(job.stage)
        if stage == job.stage:
            return "current"
        return "done" if STAGES.index(stage) < at else "todo"
    if stage == "done":
        return "done" if job.status == "successful" else "ended"
    return "done" if entered else "skipped"


def variables(job: Any) -> str:
    """Extra vars as YAML; a sealed value is `$encrypted$`, as in AWX."""
    text = getattr(job, "extra_vars", "")
    if not text.strip():
        return ""
    try:
        value = json.loads(text)
    except ValueError:
        return str(text)
    shown = _masked(value)
    if not shown:
        return ""
    return yaml.safe_dump(shown, default_flow_style=False, sort_keys=False, allow_unicode=True)


def _masked(value: Any) -> Any:
    if is_sealed(value):
        return ENCRYPTED
    if isinstance(value, dict):
        return {k: _masked(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_masked(v) for v in value]
    return value


@dataclass(frozen=True)
class Fact:
    """A line of evidence."""

    name: str
    value: str
    long: bool = False


def facts(found: dict[str, Any] | None) -> list[Fact]:
    """JSON that a step left on the row, as lines to read; texts of many lines come last."""
    return sorted(_flat(found or {}), key=lambda fact: fact.long)


def _flat(found: dict[str, Any], prefix: str = "") -> Iterator[Fact]:
    for key, value in found.items():
        name = f"{prefix}{str(key).replace('_', ' ')}"
        if value is None or value in ("", [], {}):
            continue
        if isinstance(value, dict):
            yield from _flat(value, f"{name}: ")
            continue
        text = _line(value) if not isinstance(value, list) else "\n".join(map(_line, value))
        yield Fact(name, text.rstrip(), long="\n" in text or len(text) > 60)


def _line(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True)
class Proof:
    """A line of the proof of cleanup. `look`: good, bad or unknown."""

    words: str
    look: str = "good"


def proofs(cleanup: dict[str, Any] | None) -> list[Proof]:
    """gantry.path.cleanup's record, in sentences."""
    if not cleanup:
        return []
    found = []
    erased = cleanup.get("erased_in_pod")
    if isinstance(erased, dict):
        left = erased.get("left") or []
        paths = ", ".join(map(str, erased.get("paths") or [])) or "secrets and project"
        if left:
            found.append(Proof(f"Left in the pod: {', '.join(map(str, left))}.", "bad"))
        else:
            found.append(Proof(f"Erased in the pod as soon as the play ended: {paths}."))
    pod, engine = cleanup.get("pod", "the pod"), cleanup.get("engine", "the engine")
    if cleanup.get("removed"):
        found.append(Proof(f"Pod {pod} removed, and {engine} no longer knows it."))
        if volumes := cleanup.get("volumes"):
            found.append(Proof(f"Volumes: {volumes}."))
    else:
        words = cleanup.get("error") or f"{engine} still knows it"
        found.append(Proof(f"Pod {pod} is not proven gone: {words}.", "bad"))
    return found


def command(job: UnifiedJob) -> str:
    """What the agent started, one argument after the other, as a shell would want it."""
    try:
        words = json.loads(job.job_args)
    except ValueError:
        return job.job_args
    return shlex.join(map(str, words)) if isinstance(words, list) else job.job_args
