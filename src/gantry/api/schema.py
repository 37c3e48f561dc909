"""`/api/v2/schema/`: OpenAPI of everything in the map, made of what the views say of themselves.

A view that answers with its serializer is described field by field. One that answers something of
its own is described by its methods, its formats and what it takes; nobody writes that twice.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db.models import Model
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.renderers import (
    OpenApiJsonRenderer,
    OpenApiYamlRenderer,
    OpenApiYamlRenderer2,
)
from rest_framework import generics, permissions
from rest_framework.renderers import BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.filter_fields import allowed_fields, search_fields
from gantry.api.schema_fields import ANYTHING, Schema, request_schema, response_schema
from gantry.api.views import AttachView, OpenView
from gantry.resources.roles import kind_of

JSON = "application/json"
_STANDARD = ("rest_framework.generics", "rest_framework.mixins", "gantry.api.views",
             "gantry.api.mixed")  # fmt: skip
_ACTIONS = {
    "POST": ("post", "create"),
    "PUT": ("put", "update"),
    "PATCH": ("patch", "partial_update", "update"),
    "DELETE": ("delete", "destroy"),
}
# AWX explains a refusal by an object, by a list of sentences, or not at all.
_REFUSAL: Schema = {"type": ["object", "array", "string"]}
_ATTACH: Schema = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "disassociate": {"type": "boolean"}},
    "required": ["id"],
}
_PAGE_PARAMETERS: dict[str, Schema] = {
    "page": {"type": "integer", "minimum": 1},
    "page_size": {"type": "integer", "minimum": 1, "maximum": 200},
    "order_by": {"type": "string"},
}


class AwxSchema(AutoSchema):
    """Describes one method of one view."""

    view: Any

    def is_excluded(self) -> bool:
        # A second name of a URL that is in the map; OpenAPI holds the two for the same.
        return "{name}" in self.path

    def get_tags(self) -> list[str]:
        return [(self._tokenize_path() or ["api"])[0]]

    def get_summary(self) -> str:
        return str(self.view.get_view_name())

    def get_description(self) -> str:  # type: ignore[override]
        return ""

    def get_auth(self) -> list[Schema]:
        everybody = permissions.AllowAny in self.view.permission_classes
        return [{"token": []}, {"password": []}, {"session": []}, *([{}] if everybody else [])]

    def _is_list_view(self, serializer: Any = None) -> bool:
        return isinstance(self.view, generics.ListAPIView)

    def _get_filter_parameters(self) -> list[Schema]:
        if self.method != "GET" or not self._is_list_view():
            return []
        model: type[Model] = self.view.model
        wanted = dict(_PAGE_PARAMETERS)
        if search_fields(model):
            wanted["search"] = {"type": "string"}
        if kind_of(model):
            wanted["role_level"] = {"type": "string"}
        names = sorted(allowed_fields(model))
        lookups = {
            "name": "lookups", "in": "query", "style": "form", "explode": True,
            "description": "Look-ups: `name=`, `name__icontains=`, `not__name=`, "
            "`organization__name=` ... AWX's query language.",
            "schema": {"type": "object", "properties": {n: {"type": "string"} for n in names}},
        }  # fmt: skip
        found = [{"name": n, "in": "query", "schema": s} for n, s in wanted.items()]
        return [*found, lookups]

    def _get_pagination_parameters(self) -> list[Schema]:
        return []

    def _get_request_body(self, direction: Any = "request") -> Schema | None:
        if self.method not in ("POST", "PUT", "PATCH"):
            return None
        serializer = self._serializer()
        schema = {"type": "object"} if serializer is None else self._component(
            serializer, "Patched" if self.method == "PATCH" else "Request"
        )  # fmt: skip
        if isinstance(self.view, AttachView):
            schema = {"anyOf": [_ATTACH, schema]} if self.view.creates else _ATTACH
        return {"content": {JSON: {"schema": schema}}}

    def _get_response_bodies(self, direction: Any = "response") -> Schema:
        content = self._content(_REFUSAL)
        if "{" in self.path:
            content["text/html"] = {}  # what is no id at all is no address of the API's
        return {**self._good(), "4XX": {"description": "Refused", "content": content}}

    def _good(self) -> Schema:
        serializer = self._serializer()
        if serializer is None or not self._standard():
            return self._of_its_own()
        if self.method == "DELETE":
            return {"204": {"description": "Deleted"}}
        shown = self._component(serializer, "")
        if self.method == "GET" and self._is_list_view():
            shown = _page(self._rows(shown))
        code = "201" if self.method == "POST" else "200"
        good = {code: {"description": "", "content": self._content(shown)}}
        if self.method == "POST" and isinstance(self.view, AttachView):
            good["204"] = {"description": "Attached, or detached"}
        return good

    def _of_its_own(self) -> Schema:
        if self.method == "DELETE":
            return {"2XX": {"description": "Done"}}
        done: Schema = {"2XX": {"description": "Done", "content": self._content(ANYTHING)}}
        return done if self.method == "GET" else {"204": {"description": "Done"}, **done}

    def _rows(self, row: Schema) -> Schema:
        """Of a list whose rows are of several kinds: any of them."""
        kinds = getattr(self.view, "kinds", None)
        if not kinds:
            return row
        return {"anyOf": [self._component(kind(context=self._context), "") for kind in
                          kinds.values()]}  # fmt: skip

    def _standard(self) -> bool:
        """Whether this method answers as every noun's does."""
        actions = ("get", "list" if self._is_list_view() else "retrieve")
        names = _ACTIONS.get(self.method, actions)
        handlers = [getattr(type(self.view), name, None) for name in names]
        return all(h is None or h.__module__ in _STANDARD for h in handlers)

    def _content(self, schema: Schema) -> Schema:
        """In every format of the view's; only JSON is described further."""
        media = [r.media_type for r in self.view.renderer_classes if r is not BrowsableAPIRenderer]
        formats = getattr(self.view, "formats", ())
        return {
            kind: {"schema": schema if kind == JSON else ANYTHING} for kind in (*media, *formats)
        }

    @property
    def _context(self) -> dict[str, Any]:
        return {"request": self.view.request, "view": self.view}

    def _serializer(self) -> Any:
        made = getattr(self.view, "serializer_class", None)
        return None if made is None else made(context=self._context)

    def _name(self, serializer: type) -> str:
        """Two nouns may call theirs the same; then the second one's is told with its noun."""
        name = serializer.__name__.removesuffix("Serializer").lstrip("_")
        taken = self.registry.__dict__.setdefault("_gantry_names", {})
        if taken.setdefault(name, serializer) is not serializer:
            noun = serializer.__module__.rpartition(".")[2]
            name = noun.title().replace("_", "") + name
        return name

    def _component(self, serializer: Any, suffix: str) -> Schema:
        """A reference to the serializer's schema, which is described once."""
        name = self._name(type(serializer)) + suffix
        component = ResolvedComponent(  # type: ignore[no-untyped-call]
            name=name, type=ResolvedComponent.SCHEMA, object=f"{type(serializer)}{suffix}"
        )
        if component not in self.registry:
            component.schema = (
                request_schema(serializer, partial=suffix == "Patched")
                if suffix
                else response_schema(serializer)
            )
            self.registry.register(component)
        return component.ref


def _page(row: Schema) -> Schema:
    """AWX's page; with `count_disabled` and `limit` only the rows."""
    link = {"type": ["string", "null"]}
    return {
        "type": "object",
        "properties": {
            "count": {"type": "integer"}, "next": link, "previous": link,
            "results": {"type": "array", "items": row},
        },
        "required": ["results"],
    }  # fmt: skip


@lru_cache(maxsize=1)
def whole_schema() -> Schema:
    """It depends on nothing but the code, so each process makes it once."""
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-any-return,no-untyped-call]


class SchemaView(OpenView):
    name = "Schema"
    renderer_classes = [
        JSONRenderer, OpenApiJsonRenderer, OpenApiYamlRenderer, OpenApiYamlRenderer2,
    ]  # fmt: skip

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(whole_schema())
