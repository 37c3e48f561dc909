"""`host_filter=` on lists of hosts: the language of resources/host_filter.py, asking only for what
the person may see."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from rest_framework.exceptions import ParseError

from gantry.api.filters import Reader
from gantry.base.errors import InvalidInput
from gantry.resources.host_filter import parse


def apply(queryset: QuerySet[Any], text: str, reader: Reader) -> QuerySet[Any]:
    return queryset.filter(
        pk__in=queryset.model._default_manager.filter(read(text, reader)).values("pk")
    )


def read(text: str, reader: Reader) -> Q:
    def condition(key: str, value: str, negated: bool) -> Q:
        return reader.condition(key, value, negated).build()

    try:
        return parse(text, condition)
    except InvalidInput as error:
        raise ParseError(error.sentence) from error
