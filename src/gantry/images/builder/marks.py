"""YAML with the lines its keys stand at, for errors that name line and key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

Path = Sequence[str | int]


class NotYaml(ValueError):
    """No YAML; `line` counts from 1."""

    def __init__(self, words: str, line: int) -> None:
        super().__init__(words)
        self.line = line


class Marked:
    """A document's value, and where in the text each part of it stands."""

    def __init__(self, text: str) -> None:
        try:
            self._root = yaml.compose(text, Loader=yaml.SafeLoader)
            self.value: Any = yaml.safe_load(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            words = " ".join(filter(None, (error.context, error.problem)))
            raise NotYaml(words or "it cannot be read", mark.line + 1 if mark else 1) from error
        except (yaml.YAMLError, RecursionError, ValueError) as error:
            raise NotYaml(str(error) or "it is nested too deeply", 1) from error

    def line(self, path: Path) -> int:
        """The line of what `path` names, or of the innermost part of it that is there."""
        node, line = self._root, 1
        for step in path:
            key, inner = _child(node, step)
            if inner is None:
                break
            node, line = inner, (key or inner).start_mark.line + 1
        return line


def _child(node: Any, step: str | int) -> tuple[Any, Any]:
    if isinstance(node, yaml.MappingNode):
        return next(((k, v) for k, v in node.value if k.value == str(step)), (None, None))
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return (None, node.value[step]) if step < len(node.value) else (None, None)
    return None, None


def dotted(path: Path) -> str:
    """`dependencies.python[2]`, as people write it."""
    said = ""
    for step in path:
        said += f"[{step}]" if isinstance(step, int) else f".{step}" if said else str(step)
    return said
