"""AWX's query language on lists: `name__icontains`, relations, `or__`, `not__`, `chain__`.

What may be asked is an allow-list: the fields that some serializer shows, never a secret, and only
relations between them. Through a relation a person finds only rows that they may read. AWX:
django-ansible-base's rest_filters; its words for what is wrong are kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import FieldError, ValidationError
from django.db.models import BooleanField, CharField, Model, Q, QuerySet, TextField
from django.utils import timezone
from rest_framework.exceptions import ParseError
from rest_framework.filters import BaseFilterBackend, SearchFilter
from rest_framework.request import Request

from gantry.api.filter_fields import TEXT, allowed_fields, resolve, search_fields, to_many
from gantry.api.names import NAMES
from gantry.resources import access
from gantry.resources.models import UnifiedJob, UnifiedJobTemplate

RESERVED = {
    "page", "page_size", "format", "order", "order_by", "search", "type", "host_filter",
    "count_disabled", "no_truncate", "limit", "validate",
}  # fmt: skip
LOOKUPS = {
    "exact", "iexact", "contains", "icontains", "startswith", "istartswith", "endswith",
    "iendswith", "regex", "iregex", "gt", "gte", "lt", "lte", "in", "isnull", "search",
}  # fmt: skip
MOST_CONDITIONS = 100


@dataclass
class Condition:
    """One key of the query string with one of its values."""

    q: Q
    negated: bool
    many: bool  # goes through a relation to many rows

    def build(self) -> Q:
        return ~self.q if self.negated else self.q


@dataclass
class Query:
    """A query string taken apart; conditions within a list apply together."""

    every: list[Condition] = field(default_factory=list)
    some: list[Condition] = field(default_factory=list)
    chained: list[Condition] = field(default_factory=list)
    searched: list[Condition] = field(default_factory=list)
    search_all: bool = False
    roles: list[str] = field(default_factory=list)


class Reader:
    """Reads one query string for one model and one person."""

    def __init__(self, model: type[Model], readable: Callable[[type[Model]], QuerySet[Any] | None]):
        self.model = model
        self.readable = readable  # None: everything

    def read(self, pairs: Iterable[tuple[str, list[str]]]) -> Query:
        query = Query()
        count = 0
        for key, values in pairs:
            if key in RESERVED:
                continue
            count += len(values)
            if count > MOST_CONDITIONS:
                raise ParseError(f"More than {MOST_CONDITIONS} conditions in one request.")
            if not key.isascii():
                raise ParseError(f"{key!r} is not an allowed field name. Must be ascii encodable.")
            if key == "role_level":
                query.roles.append(values[0])
            elif key.endswith("__search"):
                self._search(query, key, values)
            else:
                self._add(query, key, values)
        return query

    def _add(self, query: Query, key: str, values: list[str]) -> None:
        target, rest = query.every, key
        if rest.startswith("chain__"):
            target, rest = query.chained, rest[7:]
        elif rest.startswith("or__"):
            target, rest = query.some, rest[4:]
        negated = rest.startswith("not__")
        if negated:
            rest = rest[5:]
        rest = rest.removesuffix("__int")
        target.extend(self.condition(rest, value, negated) for value in values)

    def _search(self, query: Query, key: str, values: list[str]) -> None:
        """Text of a related row: any of the terms, or all of them when a comma parts them."""
        if values and "," in values[0]:
            query.search_all = True
            values = [part for value in values for part in value.split(",")]
        path = key.removesuffix("__search")
        fields, names = resolve(self.model, path)
        related = getattr(fields[-1], "related_model", None)
        if related is None:
            raise ParseError(f"{path} is not searchable")
        texts = [f for f in TEXT if f in allowed_fields(related)]
        for value in values:
            _refuse_nul(value)
            q = Q()
            for text in texts:
                q |= Q(**{f"{names}__{text}__icontains": value})
            query.searched.append(Condition(q & self._seen(fields, names, 1), False, True))

    def condition(self, lookup: str, value: str, negated: bool = False) -> Condition:
        path, _, suffix = lookup.rpartition("__")
        if not path or suffix not in LOOKUPS:
            path, suffix = lookup, "exact"
        if not path:
            raise ParseError("Query string field name not provided.")
        _refuse_nul(value)
        fields, names = resolve(self.model, path)
        q = Q(**{f"{names}__{suffix}": _value(fields[-1], suffix, value)})
        # The last relation alone is compared by its id, which the row itself shows.
        hops = 0 if suffix == "isnull" or not to_many(fields[-1]) else 1
        q &= self._seen(fields, names, hops)
        return Condition(q, negated, any(to_many(f) for f in fields))

    def _seen(self, fields: list[Any], names: str, last: int) -> Q:
        """Only rows that this person may read are found on the way."""
        q = Q()
        steps = names.split("__")
        for index, found in enumerate(fields):
            if not found.is_relation or (index == len(fields) - 1 and not last):
                continue
            rows = self.readable(found.related_model)
            if rows is not None:
                q &= Q(**{f"{'__'.join(steps[: index + 1])}__in": rows})
        return q


def _refuse_nul(value: str) -> None:
    if "\x00" in value:
        raise ParseError("Null characters are not allowed.")


def _boolean(value: str) -> bool:
    """AWX's to_python_boolean."""
    if value.lower() in ("true", "1", "t"):
        return True
    if value.lower() in ("false", "0", "f"):
        return False
    raise ParseError(f'Unable to convert "{value}" to boolean')


def _value(found: Any, suffix: str, value: str) -> Any:
    if suffix == "isnull":
        return _boolean(value)
    if suffix in ("exact", "gt", "gte", "lt", "lte"):
        one = _one(found, value)
        if one is None and suffix != "exact":
            raise ParseError(f"{found.name} cannot be compared with {value}")
        return one
    if suffix == "in":
        if not value:
            raise ParseError("cannot provide empty value for __in")
        items = [_one(found, item) for item in value.split(",")]
        return [x for x in items if x is not None]
    if found.is_relation or (suffix == "iexact" and not isinstance(found, CharField | TextField)):
        raise ParseError(
            f"{found.name} is not a text field and cannot be filtered by case-insensitive search"
        )
    if suffix in ("regex", "iregex"):
        try:
            re.compile(value)
        except re.error as error:
            raise ParseError(str(error)) from error
    return value


def _one(found: Any, value: str) -> Any:
    if found.is_relation:
        if value.lower() in ("none", "null"):
            return None
        try:
            return int(value)
        except ValueError as error:
            raise ParseError(f"Invalid {found.name} id: {value}") from error
    if isinstance(found, BooleanField):
        return _boolean(value)
    try:
        return _on_earth(found.to_python(value))
    except ValidationError as error:
        raise ParseError(json.dumps(error.messages, ensure_ascii=False)) from error
    except (TypeError, ValueError, OverflowError) as error:
        raise ParseError(str(error)) from error


def _on_earth(value: Any) -> Any:
    """A moment in UTC; OverflowError for one of the first or the last day that there are."""
    if not isinstance(value, datetime):
        return value
    return (timezone.make_aware(value) if timezone.is_naive(value) else value).astimezone(UTC)


def _narrow(queryset: QuerySet[Any], conditions: list[Condition], q: Q) -> QuerySet[Any]:
    """A condition on many related rows may find a row twice; as a subquery it cannot."""
    if not any(c.many for c in conditions):
        return queryset.filter(q)
    return queryset.filter(pk__in=queryset.model._default_manager.filter(q).values("pk"))


def apply(queryset: QuerySet[Any], query: Query, user: Any) -> QuerySet[Any]:
    for role in query.roles:
        if not access.roles_named(role, queryset.model):
            raise ParseError(
                "Cannot apply role_level filter to this list because its model does not use roles "
                "for access control."
            )
        queryset = access.holding(user, role, queryset)
    if query.every:
        q = Q()
        for condition in query.every:
            q &= condition.build()
        queryset = _narrow(queryset, query.every, q)
    if query.some:
        q = Q()
        for condition in query.some:
            q |= condition.build()
        queryset = _narrow(queryset, query.some, q)
    if query.searched and not query.search_all:
        q = Q()
        for condition in query.searched:
            q |= condition.build()
        queryset = _narrow(queryset, query.searched, q)
    for condition in (*query.chained, *(query.searched if query.search_all else [])):
        queryset = _narrow(queryset, [condition], condition.build())
    return queryset


def reader_for(request: Request, model: type[Model]) -> Reader:
    def readable(related: type[Model]) -> QuerySet[Any] | None:
        who = access.standing(request.user)
        if who.superuser or who.auditor or related not in access.RULES:
            return None
        return access.visible(request.user, related._default_manager.all()).values("pk")

    return Reader(model, readable)


class FieldLookups(BaseFilterBackend):
    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        query = reader_for(request, queryset.model).read(request.query_params.lists())
        try:
            queryset = apply(queryset, query, request.user)
        except (FieldError, TypeError, ValueError) as error:
            # A look-up that this kind of column does not have.
            raise ParseError(str(error)) from error
        queryset = _of_type(request, queryset)
        if "search" in request.query_params and search_fields(queryset.model):
            queryset = SearchFilter().filter_queryset(request, queryset, view)
        return queryset


def _of_type(request: Request, queryset: QuerySet[Any]) -> QuerySet[Any]:
    kinds = [k for value in request.query_params.getlist("type") for k in value.split(",") if k]
    if not kinds:
        return queryset
    if issubclass(queryset.model, UnifiedJob | UnifiedJobTemplate):
        return queryset.filter(kind__in=kinds)
    return queryset if NAMES[queryset.model][0] in kinds else queryset.none()


class OrderBy(BaseFilterBackend):
    """`order_by=-finished,name`; the row's id decides between equals, so that pages are stable."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        asked = [
            part
            for key in ("order", "order_by")
            for part in request.query_params.get(key, "").split(",")
            if part
        ]
        names = [self._name(queryset.model, part) for part in asked]
        names = [n for n in names if n]
        if not names:
            default = getattr(view, "ordering", None) or queryset.model._meta.ordering
            names = list(default)
        plain = [n for n in names if isinstance(n, str)]  # a model's own order may compute
        if not any(n.lstrip("-") in ("id", "pk") for n in plain):
            names.append("-id" if names and names[0].startswith("-") else "id")
        return queryset.order_by(*names)

    def _name(self, model: type[Model], part: str) -> str:
        sign, path = ("-", part[1:]) if part.startswith("-") else ("", part)
        if path == "type" and not issubclass(model, UnifiedJob | UnifiedJobTemplate):
            return ""
        _refuse_nul(path)
        fields, names = resolve(model, path)
        if any(to_many(f) for f in fields):
            raise ParseError(f"Cannot order by {path}: it leads to many rows.")
        return f"{sign}{names}"
