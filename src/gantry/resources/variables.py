"""Variables as people write them: a mapping as YAML or JSON text. Read by inventories and the API.

AWX's rules and words (awx/main/utils/common.py, parse_yaml_or_json), and what AWX lacks: text that
is small but stands for something huge (YAML aliases of aliases) is refused.
"""

from __future__ import annotations

import json
import math
from typing import Any

import yaml

from gantry.base.errors import InvalidInput

try:
    from yaml import CSafeLoader as FastLoader
except ImportError:  # pragma: no cover - PyYAML without libyaml
    from yaml import SafeLoader as FastLoader  # type: ignore[assignment]

LARGEST = 1_000_000  # values in one set of variables, aliases counted each time
DEEPEST = 200
# The C loader has no limit of its own: brackets by the ten thousand overflow its stack and end the
# process. Shorter text cannot nest that deep.
HARMLESS = 2_000


def parse_variables(given: Any, *, field: str = "variables") -> dict[str, Any]:
    """The mapping that `given` stands for. Raises InvalidInput naming `field`."""
    if isinstance(given, dict):
        return _checked(given, field)
    if given is None or (isinstance(given, str) and given.strip() in ("", '""')):
        return {}
    if not isinstance(given, str):
        raise InvalidInput(f"Input type `{type(given).__name__}` is not a dictionary", field=field)
    try:
        value = _mapping(json.loads(given))
    except (ValueError, RecursionError) as json_error:
        value = _from_yaml(given, json_error, field)
    return _checked(value, field)


def _from_yaml(text: str, json_error: Exception, field: str) -> dict[str, Any]:
    try:
        _check_depth(text)
        value = yaml.load(text, Loader=FastLoader)  # a safe loader, in C
        return {} if value is None else _mapping(value)
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError) as error:
        raise InvalidInput(
            f"Cannot parse as JSON (error: {json_error}) or YAML (error: {_words(text, error)}).",
            field=field,
        ) from error


def _check_depth(text: str) -> None:
    """Raises ValueError; the parser's events come one by one, without recursion."""
    depth = 0
    if len(text) > HARMLESS:
        for event in yaml.parse(text, Loader=FastLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > DEEPEST:
                raise ValueError("nested too deeply")


def _words(text: str, error: Exception) -> str:
    """libyaml is fast, but the sentences people know are those of PyYAML's own parser."""
    if isinstance(error, yaml.YAMLError) and len(text) < 100_000:
        try:
            yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as own:
            return str(own)
    return str(error)


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"Input type `{type(value).__name__}` is not a dictionary")
    return value


def _checked(value: dict[str, Any], field: str) -> dict[str, Any]:
    """Whether the value can be written as JSON, as everything that stores or shows it will."""
    left = LARGEST
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        node, depth = waiting.pop()
        left -= 1
        if left < 0 or depth > DEEPEST:
            raise InvalidInput("Variables are too large or nested too deeply.", field=field)
        if isinstance(node, dict):
            waiting.extend((v, depth + 1) for v in node.values())
            if not all(isinstance(k, str | int | float | bool) or k is None for k in node):
                raise _incompatible("keys must be str, int, float, bool or None", field)
        elif isinstance(node, list):
            waiting.extend((v, depth + 1) for v in node)
        elif isinstance(node, float) and not math.isfinite(node):
            raise _incompatible("Out of range float values are not JSON compliant", field)
        elif not isinstance(node, str | int | float | bool) and node is not None:
            kind = type(node).__name__
            raise _incompatible(f"Object of type {kind} is not JSON serializable", field)
    return value


def _incompatible(why: str, field: str) -> InvalidInput:
    return InvalidInput(
        f"Variables not compatible with JSON standard (error: {why})",
        field=field,
        cure="Put the value in quotes." if "Object of type" in why else "",
    )
