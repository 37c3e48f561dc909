"""Messages of notifications: Jinja over what AWX lets them name, in a sandbox bounded in size.

A template of an administrator of notifications is a stranger's program in the controller: filters
and methods are an allow-list, a loop may hold no other, and a result that grows beyond what a
message can be is refused as soon as it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import (
    ChainableUndefined,
    StrictUndefined,
    TemplateError,
    TemplateSyntaxError,
    Undefined,
    UndefinedError,
    nodes,
)
from jinja2.exceptions import SecurityError

from gantry.path.injectors import FILTERS, REFUSED, Sandbox
from gantry.path.notification_stub import STUB

LONGEST_TEMPLATE = 64 << 10
LONGEST_RESULT = 8 << 20  # the data of a job of 10,000 hosts is 2 MB
_REFUSED = tuple(node for node in REFUSED if node is not nodes.For)
_METHODS: dict[type, tuple[str, ...]] = {
    dict: ("get", "items", "keys", "values"),
    str: ("lower", "upper", "strip", "split", "splitlines", "startswith", "endswith", "title",
          "capitalize"),
}  # fmt: skip


class _Sandbox(Sandbox):
    place = "a message"
    allowed = (*FILTERS, "capitalize", "title", "escape", "e", "round", "float", "abs", "truncate",
               "items", "list", "sort", "dictsort", "striptags")  # fmt: skip

    def is_safe_callable(self, obj: Any) -> bool:
        owner = getattr(obj, "__self__", None)
        return getattr(obj, "__name__", "") in _METHODS.get(type(owner), ())

    def call(self, context: Any, obj: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(obj, Undefined) or self.is_safe_callable(obj):
            return super().call(context, obj, *args, **kwargs)
        # AWX's own words hold the object's repr, which is none of the reader's business.
        raise SecurityError("calling this is not allowed in a message")


class _Named(StrictUndefined):
    """Its error is the name of what there is not."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._undefined_hint = self._undefined_name

    __repr__ = __str__ = StrictUndefined._fail_with_undefined_error


_checking, _lenient = _Sandbox(_Named), _Sandbox(ChainableUndefined)


def render(template: str, values: Mapping[str, Any], *, sandbox: _Sandbox = _lenient) -> str:
    """The text. Raises TemplateError and, as Jinja does, errors of values: see UNRENDERED."""
    if len(template) > LONGEST_TEMPLATE:
        raise TemplateError("the template is longer than 64 KiB")
    # Parsed first: compiling would already compute what is constant.
    tree = sandbox.parse(template)
    for node in tree.find_all(_REFUSED):
        raise TemplateError(f"`{type(node).__name__.lower()}` is not allowed in a message")
    for loop in tree.find_all(nodes.For):
        if loop.recursive or any(True for inner in loop.body for _ in _loops(inner)):
            raise TemplateError("a loop within a loop is not allowed in a message")
    pieces, length = [], 0
    for piece in sandbox.from_string(template).generate(values):
        pieces.append(piece)
        length += len(piece)
        if length > LONGEST_RESULT:
            raise TemplateError("the result is longer than 8 MiB")
    return "".join(pieces)


def _loops(node: nodes.Node) -> Any:
    if isinstance(node, nodes.For):
        yield node
    yield from node.find_all(nodes.For)


UNRENDERED = (TemplateError, TypeError, ValueError, ArithmeticError, RecursionError)


def problem(template: str) -> str:
    """Why a custom message cannot be used, in AWX's words; "" when it can. Tried on STUB."""
    try:
        render(template, STUB, sandbox=_checking)
    except TemplateSyntaxError as error:
        return f"Unable to render message '{template}': {error.message}"
    except UndefinedError as error:
        return f"Field '{error.message}' unavailable"
    except SecurityError as error:
        return f"Security error due to field '{error.message}'"
    except UNRENDERED as error:
        return f"Unable to render message '{template[:200]}': {error}"
    return ""
