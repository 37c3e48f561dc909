"""A serializer as JSON Schema, from the same description of its fields that OPTIONS answers."""

from __future__ import annotations

from typing import Any

from drf_spectacular.plumbing import get_type_hints
from rest_framework import serializers

from gantry.api.metadata import AwxMetadata

Schema = dict[str, Any]
ANYTHING: Schema = {}
_LARGEST = 2**63 - 1
# AWX's word for a field's type in OPTIONS -> JSON Schema.
_TYPES: dict[str, Schema] = {
    "string": {"type": "string"},
    "email": {"type": "string"},
    "url": {"type": "string"},
    "choice": {},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "minimum": -_LARGEST, "maximum": _LARGEST},
    "id": {"type": "integer", "minimum": 1, "maximum": _LARGEST},
    "float": {"type": "number"},
    "datetime": {"type": "string", "format": "date-time"},
    "list": {"type": "array"},
    "list_of_ids": {"type": "array", "items": {"type": "integer"}},
}
_HINTS: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    float: {"type": "number"},
    dict: {"type": "object"},
    list: {"type": "array"},
}
_metadata = AwxMetadata()


def response_schema(serializer: Any) -> Schema:
    """What of a row is always there, and of which type."""
    fields = {n: f for n, f in serializer.fields.items() if not f.write_only}
    return {
        "type": "object",
        "properties": {name: _shown(field) for name, field in fields.items()},
        "required": [n for n in fields if n not in getattr(serializer, "sometimes", ())],
    }


def request_schema(serializer: Any, *, partial: bool = False) -> Schema:
    """What may be sent. Keys that are not named are ignored, as in AWX."""
    fields = {n: f for n, f in serializer.fields.items() if not f.read_only}
    found: Schema = {
        "type": "object",
        "properties": {name: _taken(field) for name, field in fields.items()},
    }
    required = [name for name, field in fields.items() if field.required]
    if required and not partial:
        found["required"] = required
    return found


def _shown(field: Any) -> Schema:
    """A method's answer is what its annotation says; a column may be null whenever it can be."""
    if isinstance(field, serializers.SerializerMethodField):
        return _hinted(field)
    info = _metadata.get_field_info(field)
    # AWX calls the types of role definitions ids, and shows words.
    kind = "choice" if isinstance(field, serializers.ChoiceField) else info["type"]
    return _described(_may_be_null(dict(_TYPES.get(kind, ANYTHING))), info)


def _hinted(field: Any) -> Schema:
    method = getattr(field.parent, field.method_name)
    hint = get_type_hints(method).get("return")
    found = dict(_HINTS.get(getattr(hint, "__origin__", hint), ANYTHING))
    return _described(found, _metadata.get_field_info(field))


def _taken(field: Any) -> Schema:
    info = _metadata.get_field_info(field)
    found = dict(_TYPES.get(info["type"], ANYTHING))
    if found.get("type") == "string":
        found |= {
            name: info[key]
            for key, name in (("max_length", "maxLength"), ("min_length", "minLength"))
            if key in info
        }
    if found.get("type") in ("integer", "number"):
        found |= {
            name: info[key]
            for key, name in (("min_value", "minimum"), ("max_value", "maximum"))
            if key in info
        }
    if info["type"] == "choice" and "choices" in info:
        found["enum"] = [value for value, _ in info["choices"]]
    if field.allow_null:
        found = _may_be_null(found)
    return _described(found, info)


def _may_be_null(found: Schema) -> Schema:
    if "type" in found:
        found["type"] = [found["type"], "null"]
    if "enum" in found and None not in found["enum"]:
        found["enum"] = [*found["enum"], None]
    return found


def _described(found: Schema, info: Schema) -> Schema:
    if "label" in info:
        found["title"] = info["label"]
    if "help_text" in info:
        found["description"] = info["help_text"]
    return found
