"""What is refused of a notification template, in AWX's words: NotificationTemplateSerializer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gantry.path.notification_messages import problem
from gantry.resources.notification_kinds import APPROVALS, EVENTS, Kind

_TYPES: dict[str, type] = {
    "string": str, "int": int, "bool": bool, "list": list, "password": str, "object": dict,
}  # fmt: skip


def _is(value: Any, wanted: str) -> bool:
    """Exactly: a truth is no number here."""
    return type(value) is _TYPES[wanted]


def configuration_problems(kind: Kind, given: dict[str, Any]) -> list[str]:
    """Of a configuration with its defaults filled in."""
    missing, wrong, found = [], [], []
    for name, told in kind.fields.items():
        if name not in given:
            missing.append(name)
            continue
        value: Any = given[name]
        wanted = told["type"]
        if not _is(value, wanted):
            wrong.append(f"Configuration field '{name}' incorrect type, expected {wanted}.")
        elif wanted == "list" and not value:
            found.append(f"No values specified for field '{name}'")
        elif wanted == "list" and not all(isinstance(one, str) for one in value):
            # AWX takes it, and then fails to send.
            wrong.append(f"Configuration field '{name}' incorrect type, expected list.")
        elif name == "http_method" and value.lower() not in ("put", "post"):
            found.append("HTTP method must be either 'POST' or 'PUT'.")
        elif name == "headers" and not all(isinstance(one, str) for one in value.values()):
            wrong.append(f"Configuration field '{name}' incorrect type, expected object.")
    if missing:
        found.append(f"Missing required fields for Notification Configuration: {missing}.")
    return found + wrong


def message_problems(messages: Any) -> list[str]:
    if not isinstance(messages, dict):
        return [f"Expected dict for 'messages' field, found {type(messages)}"]
    found: list[str] = []
    texts: list[str] = []
    for event, told in messages.items():
        if event not in (*EVENTS, "workflow_approval"):
            found.append(
                f"Event '{event}' invalid, must be one of 'started', 'success', 'error', or "
                "'workflow_approval'"
            )
        elif told is None:
            continue
        elif not isinstance(told, dict):
            found.append(f"Expected dict for event '{event}', found {type(told)}")
        elif event == "workflow_approval":
            found += _approval_problems(told, texts)
        else:
            found += _text_problems(event, told, texts)
    return found + [words for words in map(problem, texts) if words]


def _approval_problems(told: dict[str, Any], texts: list[str]) -> Iterator[str]:
    for name, messages in told.items():
        if name not in APPROVALS:
            yield (
                f"Workflow Approval event '{name}' invalid, must be one of 'running', 'approved', "
                "'timed_out', or 'denied'"
            )
        elif messages is not None and not isinstance(messages, dict):
            yield f"Expected dict for workflow approval event '{name}', found {type(messages)}"
        elif messages is not None:
            yield from _text_problems("workflow_approval", messages, texts)


def _text_problems(event: str, messages: dict[str, Any], texts: list[str]) -> Iterator[str]:
    for name, text in messages.items():
        if name not in ("message", "body"):
            yield f"Message type '{name}' invalid, must be either 'message' or 'body'"
        elif text is None:
            continue
        elif not isinstance(text, str):
            yield f"Expected string for '{name}', found {type(text)}, "
        elif name == "message" and "\n" in text:
            yield f"Messages cannot contain newlines (found newline in {event} event)"
        else:
            texts.append(text)


def merged(old: Any, new: Any) -> Any:
    """AWX keeps what is stored of every message that the new ones do not name."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    found = dict(new)
    for event in (*EVENTS, "workflow_approval"):
        before, after = old.get(event), found.get(event)
        if event == "workflow_approval" and before and after:
            after = {**after, **{
                name: _merged_one(before.get(name), after.get(name)) for name in APPROVALS
                if name in before or name in after
            }}  # fmt: skip
            found[event] = after
        else:
            found[event] = _merged_one(before, after)
    return found


def _merged_one(old: Any, new: Any) -> Any:
    if not new:
        return old or None
    kept = {k: v for k, v in (old or {}).items() if k in ("message", "body") and v}
    return {**kept, **new}
