"""OPTIONS as AWX answers it: awxkit builds its command line from these keys (awx/api/metadata.py).

On a list `actions` has GET and POST and nothing else: awxkit stops at any other key.
"""

from __future__ import annotations

import contextlib
from typing import Any

from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import BooleanField, ForeignKey, IntegerField, JSONField, Model
from django.http import Http404
from rest_framework import exceptions, generics, metadata, serializers
from rest_framework.request import Request, clone_request

from gantry.api.fields import VariablesField
from gantry.api.filter_fields import related_search_fields, search_fields
from gantry.api.names import title_of, type_of
from gantry.resources.models import Role, UnifiedJob, UnifiedJobTemplate
from gantry.resources.role_names import PARENTS
from gantry.resources.roles import kind_of

HELP = {
    "id": "Database ID for this {}.",
    "name": "Name of this {}.",
    "description": "Optional description of this {}.",
    "type": "Data type for this {}.",
    "url": "URL for this {}.",
    "related": "Data structure with URLs of related resources.",
    "summary_fields": "Data structure with name/description for related resources.  The output for "
    "some objects may be limited for performance reasons.",
    "created": "Timestamp when this {} was created.",
    "modified": "Timestamp when this {} was last modified.",
}
_COPIED = ("label", "help_text", "min_length", "max_length", "min_value", "max_value")
_NOT_FOR_READING = ("required", "default", "min_length", "max_length")


class AwxMetadata(metadata.SimpleMetadata):
    def determine_metadata(self, request: Request, view: Any) -> dict[str, Any]:
        found: dict[str, Any] = {
            "name": view.get_view_name(),
            "description": view.get_view_description(),
            "renders": [r.media_type for r in view.renderer_classes],
            "parses": [p.media_type for p in view.parser_classes],
        }
        if getattr(view, "serializer_class", None) is None:
            return found
        actions = self.determine_actions(request, view)
        if actions:
            found["actions"] = actions
        model = getattr(view, "model", None)
        if model is None:
            return found
        found["types"] = list(view.types) if getattr(view, "types", None) else [type_of(model)]
        kind = kind_of(model)
        if kind is not None:
            found["object_roles"] = list(PARENTS[kind])
        if isinstance(view, generics.ListAPIView):
            found["search_fields"] = [_shown(model, s) for s in search_fields(model)]
            found["related_search_fields"] = related_search_fields(model)
            found["max_page_size"] = getattr(view.paginator, "max_page_size", None)
        return found

    def determine_actions(self, request: Request, view: Any) -> dict[str, Any]:
        actions = {}
        is_list = isinstance(view, generics.ListAPIView)
        wanted = ("GET", "POST") if is_list else ("GET", "PUT", "POST")
        for method in (m for m in wanted if m in view.allowed_methods):
            view.request = clone_request(request, method)
            try:
                view.check_permissions(view.request)
                row = view.get_object() if method == "PUT" else None
            except (exceptions.APIException, PermissionDenied, Http404):
                continue
            else:
                actions[method] = self._fields(view.get_serializer(instance=row), view, method)
            finally:
                view.request = request
        return actions

    def _fields(self, serializer: Any, view: Any, method: str) -> dict[str, Any]:
        shown = {}
        # What can be attached by its id says so: `awx export` and `awx import` go by it.
        attaches = method == "POST" and hasattr(view, "attach")
        for name, field in serializer.fields.items():
            reading = method == "GET"
            hidden = field.write_only if reading else field.read_only
            if attaches and (name == "id" or not view.creates):
                hidden = name != "id"
            if hidden:
                continue
            info = self.get_field_info(field)
            if reading:
                for key in _NOT_FOR_READING:
                    info.pop(key, None)
            if name == "type":
                kinds = getattr(view, "types", None) or [type_of(serializer.Meta.model)]
                info["choices"] = [(kind, title_of(kind)) for kind in kinds]
            shown[name] = info
        narrow = getattr(serializer, "narrow_metadata", None)
        return narrow(shown, method) if narrow else shown

    def get_field_info(self, field: Any) -> dict[str, Any]:
        model = getattr(getattr(field.parent, "Meta", None), "model", None)
        column = _column(model, field.field_name)
        info: dict[str, Any] = {
            "type": self._kind(field, column),
            "required": field.required,
            "hidden": False,
        }
        for key in _COPIED:
            value = getattr(field, key, None)
            if value not in (None, ""):
                info[key] = value if isinstance(value, int) else str(value)
        if model is not None:
            if field.field_name in HELP:
                info["help_text"] = HELP[field.field_name].format(model._meta.verbose_name)
            filterable = _filterable(model, field.field_name)
            if filterable is not None:
                info["filterable"] = filterable
        self._default(field, info)
        self._choices(field, info)
        _bounds(field, column, info)
        if field.write_only:
            info["write_only"] = True
        return {**info, **getattr(field.parent, "hints", {}).get(field.field_name, {})}

    def _default(self, field: Any, info: dict[str, Any]) -> None:
        if field.read_only:
            return
        with contextlib.suppress(serializers.SkipField):
            info["default"] = field.get_default()

    def _choices(self, field: Any, info: dict[str, Any]) -> None:
        if isinstance(field, serializers.RelatedField | serializers.ManyRelatedField):
            return
        if isinstance(field, serializers.ChoiceField):
            choices = list(field.choices.items())
            if field.allow_blank and not any(c in ("", None) for c, _ in choices):
                choices.insert(0, ("", "---------"))
            info["choices"] = choices

    def _kind(self, field: Any, column: Any) -> str:
        name = field.field_name
        fixed = {
            "type": "choice",
            "url": "string",
            "custom_virtualenv": "string",
            "related": "object",
            "summary_fields": "object",
            "created": "datetime",
            "modified": "datetime",
            "credential_passwords": "json",
        }
        kind = fixed.get(name, "")
        if kind:
            return kind
        if isinstance(field, serializers.PrimaryKeyRelatedField) or isinstance(column, ForeignKey):
            kind = "id"
        elif isinstance(field, serializers.ManyRelatedField):
            kind = "list_of_ids" if name == "credentials" else "field"
        elif isinstance(field, VariablesField | serializers.JSONField) or isinstance(
            column, JSONField
        ):
            kind = "json"
        elif isinstance(column, BooleanField):
            kind = "boolean"
        return kind or str(self.label_lookup[field])


def _shown(model: type[Model], name: str) -> str:
    """AWX's name of a field that is searched."""
    if model is Role and name == "kind":
        return "content_type__model"
    return name.replace("as_job__", "job__")


def _column(model: type[Model] | None, name: str | None) -> Any:
    if model is None or name is None:
        return None
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        return None


def _bounds(field: Any, column: Any, info: dict[str, Any]) -> None:
    """DRF leaves out a number's limits where it is only shown; AWX does not."""
    if getattr(column, "primary_key", False) or not isinstance(column, IntegerField):
        return
    if not isinstance(field, serializers.IntegerField):
        return
    for validator in column.validators:
        if isinstance(validator, MinValueValidator):
            info.setdefault("min_value", validator.limit_value)
        elif isinstance(validator, MaxValueValidator):
            info.setdefault("max_value", validator.limit_value)


def _filterable(model: type[Model], name: str | None) -> bool | None:
    """None leaves the key out, as AWX does for the type of rows of one kind."""
    if name == "type":
        return True if issubclass(model, UnifiedJob | UnifiedJobTemplate) else None
    return name in {f.name for f in model._meta.fields}
