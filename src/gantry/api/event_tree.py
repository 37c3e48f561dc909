"""How many events stand below each event: what AWX's output page folds by.

AWX: awx/api/views, JobJobEventsChildrenSummary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gantry.record.event_names import level_of

META = {"debug", "verbose", "warning", "error", "system_warning", "deprecated"}
Row = tuple[int, str, str, str]  # counter, uuid, parent_uuid, event


def children_summary(events: Sequence[Row]) -> dict[str, Any]:
    """`is_tree` is false when a strategy like `free` let events of several plays interleave."""
    answer: dict[str, Any] = {
        "children_summary": {},
        "meta_event_nested_uuid": {},
        "event_processing_finished": True,
        "is_tree": True,
    }
    parents = _parents(events, answer["meta_event_nested_uuid"])
    if parents is None:
        answer["meta_event_nested_uuid"] = {}
        answer["is_tree"] = False
        return answer
    counters = {uuid: counter for counter, uuid, _, _ in events}
    above = {uuid: parent for _, uuid, parent, _ in events}
    tally: dict[int, int] = {}
    for parent in parents:
        seen: set[str] = set()
        while parent and parent in counters and parent not in seen:
            seen.add(parent)
            tally[counters[parent]] = tally.get(counters[parent], 0) + 1
            parent = above.get(parent, "")
    answer["children_summary"] = {
        counter: {"rowNumber": row, "numChildren": tally[counter]}
        for row, (counter, _, _, _) in enumerate(events)
        if counter in tally
    }
    return answer


def _parents(events: Sequence[Row], nested: dict[int, str]) -> list[str] | None:
    """Each event's parent; a message between events belongs with the deeper of its neighbours."""
    following = _next_plain(events)
    open_at: list[str | None] = [None] * 4
    before: Row | None = events[0] if events else None
    parents = []
    for place, row in enumerate(events):
        counter, uuid, parent, event = row
        is_meta = event in META
        if not is_meta:
            before = row
        if not uuid:
            parents.append("")
            continue
        if not is_meta:
            level = level_of(event)
            open_at[level] = uuid
            open_at[level + 1 :] = [None] * (3 - level)
        if parent and parent not in open_at:
            return None
        if is_meta and before is not None:
            after = following[place] or events[-1]
            deeper = level_of(after[3]) > level_of(before[3])
            parent = after[2] if deeper else before[2]
            if parent:
                nested[counter] = parent
        parents.append(parent)
    return parents


def _next_plain(events: Sequence[Row]) -> list[Row | None]:
    found: list[Row | None] = [None] * len(events)
    ahead: Row | None = None
    for place in range(len(events) - 1, -1, -1):
        if events[place][3] not in META:
            ahead = events[place]
        found[place] = ahead
    return found
