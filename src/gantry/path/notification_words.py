"""Subject and body of a notification: the template's own words, or those of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gantry.path.notification_context import context_of
from gantry.path.notification_messages import UNRENDERED, render
from gantry.resources.notifications import Notification

APPROVAL = "approval:"


def words_of(row: Notification) -> tuple[str, str, str]:
    """Subject, body, and why own words were not used ("" when they were, or there are none).
    `row` has its job. A receiver is told by the words of its kind rather than not at all."""
    assert row.unified_job is not None
    values = {**context_of(row.unified_job, row.occasion), **(row.told or {})}
    own = _of(row.notification_template.messages, row.occasion)
    usual = _of(row.notification_template.kind.messages, row.occasion)
    texts, wrong = [], ""
    for name in ("message", "body"):
        text = ""
        try:
            text = render(own[name], values) if own.get(name) else ""
        except UNRENDERED as error:
            wrong = f"The custom {name} could not be rendered: {error}"[:500]
        if not text.strip() and usual.get(name):
            text = render(usual[name], values)
        texts.append(text)
    return " ".join(texts[0].splitlines()), texts[1], wrong


def _of(messages: Any, occasion: str) -> Mapping[str, Any]:
    """Those of one occasion."""
    found = messages if isinstance(messages, dict) else {}
    if occasion.startswith(APPROVAL):
        found = found.get("workflow_approval") or {}
        occasion = occasion.removeprefix(APPROVAL)
    one = found.get(occasion)
    return one if isinstance(one, dict) else {}
