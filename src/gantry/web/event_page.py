"""One event as its page part shows it: its data, and the differences that `--diff` made visible."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from gantry.resources.events import JobEvent

LARGEST_DATA = 512_000  # characters of an event's data that a page shows
LARGEST_SIDE = 4_000  # lines of a file that are compared


@dataclass(frozen=True)
class FileDiff:
    """`lines` are (mark, text): mark " ", "+", "-" or "@"."""

    before: str
    after: str
    lines: list[tuple[str, str]]


def shown(event: JobEvent) -> dict[str, Any]:
    """What the browser makes a page part of, by textContent only."""
    data = event.event_data
    try:
        parsed = json.loads(data)
    except ValueError:
        parsed = {}
    text = json.dumps(parsed, indent=2, ensure_ascii=False) if parsed else data
    return {
        "counter": event.counter, "event": event.event, "host": event.host_name,
        "play": event.play, "task": event.task, "role": event.role, "failed": event.failed,
        "changed": event.changed, "created": event.created.isoformat(),
        "duration": parsed.get("duration") if isinstance(parsed, dict) else None,
        "line": event.start_line, "end": event.end_line, "id": event.pk,
        "data": text[:LARGEST_DATA], "cut": max(len(text) - LARGEST_DATA, 0),
        "diffs": [asdict(d) for d in diffs(parsed)],
    }  # fmt: skip


def diffs(data: Any) -> list[FileDiff]:
    """All differences in an event's data: of its result, of each item, of `runner_on_file_diff`."""
    return [made for found in _found(data) if (made := _diff(found)) is not None]


def _found(data: Any) -> Iterator[Any]:
    if not isinstance(data, dict):
        return
    result = data.get("res")
    places = [data, result]
    if isinstance(result, dict) and isinstance(result.get("results"), list):
        places += result["results"][:100]
    for place in places:
        if isinstance(place, dict) and (one := place.get("diff")):
            yield from one if isinstance(one, list) else [one]


def _diff(found: Any) -> FileDiff | None:
    if not isinstance(found, dict):
        return None
    names = str(found.get("before_header") or "before"), str(found.get("after_header") or "after")
    if prepared := found.get("prepared"):
        lines = str(prepared).splitlines()
        return FileDiff(*names, [(line[:1] or " ", line[1:]) for line in lines[:LARGEST_SIDE]])
    if "before" not in found and "after" not in found:
        return None
    before, after = _text(found.get("before")), _text(found.get("after"))
    lines = list(difflib.unified_diff(before, after, n=3, lineterm=""))[2:]  # without its head
    return FileDiff(*names, [(line[:1], line if line[:1] == "@" else line[1:]) for line in lines])


def _text(value: Any) -> list[str]:
    """Modules give text, or a table of what they changed."""
    if value is None:
        return []
    if not isinstance(value, str):
        value = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    lines: list[str] = value.splitlines()
    return lines[:LARGEST_SIDE]
