"""YAML of strangers as dicts, lists and texts: nothing is constructed, and its size is bounded.

PyYAML's own loaders recurse: a file of brackets ends the process (C loader) or costs a stack's
depth, and merge keys and aliases unfold without bound. Here the parser's events are put together
with a stack of our own; every tag (`!vault`, `!unsafe`, anything) is passed over, every scalar is
the text that stands there.
"""

from __future__ import annotations

from typing import Any

import yaml

MOST_BYTES = 2 << 20
MOST_NODES = 200_000  # what aliases repeat is counted again, as a reader will meet it again
DEEPEST = 60
Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class UnreadableYaml(ValueError):
    """Not YAML, or more of it than a playbook has; its text says which."""


def load(data: bytes) -> Any:
    """The first document. Raises UnreadableYaml; the cause is one line."""
    if len(data) > MOST_BYTES:
        raise UnreadableYaml(f"is larger than {MOST_BYTES >> 20} MiB")
    if data.startswith(b"$ANSIBLE_VAULT;"):
        raise UnreadableYaml("is encrypted")
    builder = _Builder()
    try:
        # Decoded here: the C parser wants no byte of another encoding.
        for event in yaml.parse(data.decode("utf-8-sig", "replace"), Loader=Loader):
            if builder.take(event):
                return builder.document
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, UnreadableYaml):
            raise
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise UnreadableYaml(f"is no YAML{where}") from error
    return None


class _Builder:
    """A stack of what is open. A map waits with its key beside it."""

    def __init__(self) -> None:
        self.document: Any = None
        self._open: list[Any] = []
        self._keys: list[Any] = []
        self._began: list[tuple[str | None, int]] = []  # anchor, count of nodes before it
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._nodes = 0

    def take(self, event: yaml.Event) -> bool:
        """Whether the document is complete."""
        if isinstance(event, yaml.ScalarEvent):
            self._count(1)
            self._remember(event.anchor, event.value, 1)
            self._put(event.value)
        elif isinstance(event, yaml.AliasEvent):
            value, weight = self._anchors.get(event.anchor or "", (None, 1))
            self._count(weight)
            self._put(value)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        return isinstance(event, yaml.DocumentEndEvent)

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        if len(self._open) >= DEEPEST:
            raise UnreadableYaml(f"is nested deeper than {DEEPEST} levels")
        self._began.append((event.anchor, self._nodes))
        self._count(1)
        self._open.append({} if isinstance(event, yaml.MappingStartEvent) else [])
        self._keys.append(_NO_KEY)

    def _end(self) -> None:
        value, anchor_and_count = self._open.pop(), self._began.pop()
        self._keys.pop()
        anchor, before = anchor_and_count
        self._remember(anchor, value, self._nodes - before)
        self._put(value)

    def _put(self, value: Any) -> None:
        if not self._open:
            self.document = value
            return
        parent = self._open[-1]
        if isinstance(parent, list):
            parent.append(value)
        elif self._keys[-1] is _NO_KEY:
            # `{{ x }}:` unquoted has a map for its key.
            self._keys[-1] = value if isinstance(value, str) else ""
        else:
            key, self._keys[-1] = self._keys[-1], _NO_KEY
            if key == "<<":
                _merge(parent, value)
            else:
                parent[key] = value

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        if self._nodes > MOST_NODES:
            raise UnreadableYaml(f"has more than {MOST_NODES} nodes")

    def _remember(self, anchor: str | None, value: Any, weight: int) -> None:
        if anchor:
            self._anchors[anchor] = (value, weight)


_NO_KEY = object()


def _merge(into: dict[str, Any], value: Any) -> None:
    """`<<: *defaults`: keys of its own come before merged ones."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            for key, inner in each.items():
                into.setdefault(key, inner)
