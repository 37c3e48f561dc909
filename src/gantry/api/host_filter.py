"""`host_filter=name=web1 and (groups__name=east or enabled=true)` on lists of hosts.

AWX: awx/main/utils/filters.py, SmartFilter. Facts cannot be asked for until they are stored.
"""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework.exceptions import ParseError

from gantry.api.filters import Reader

_TOKEN = re.compile(
    r"""\s*(?:(?P<bracket>[()])|(?P<word>and|or)(?=[\s(])
        |(?P<key>[A-Za-z_][A-Za-z0-9_]*)=(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s()"]+)))""",
    re.VERBOSE,
)
MOST_TOKENS = 200


def apply(queryset: QuerySet[Any], text: str, reader: Reader) -> QuerySet[Any]:
    q = _Parser(text, reader).parse()
    return queryset.filter(pk__in=queryset.model._default_manager.filter(q).values("pk"))


class _Parser:
    def __init__(self, text: str, reader: Reader) -> None:
        self.text = text
        self.reader = reader
        self.tokens = self._split()
        self.at = 0

    def _refuse(self) -> ParseError:
        return ParseError(f"Invalid query {self.text}")

    def _split(self) -> list[re.Match[str]]:
        found: list[re.Match[str]] = []
        at = 0
        while self.text[at:].strip():
            token = _TOKEN.match(self.text, at)
            if token is None or len(found) >= MOST_TOKENS:
                raise self._refuse()
            found.append(token)
            at = token.end()
        return found

    def parse(self) -> Q:
        q = self._any()
        if self.at != len(self.tokens):
            raise self._refuse()
        return q

    def _next_is(self, group: str, text: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at][group] == text

    def _any(self) -> Q:
        q = self._all()
        while self._next_is("word", "or"):
            self.at += 1
            q |= self._all()
        return q

    def _all(self) -> Q:
        q = self._one()
        while self._next_is("word", "and"):
            self.at += 1
            q &= self._one()
        return q

    def _one(self) -> Q:
        if self.at >= len(self.tokens):
            raise self._refuse()
        token = self.tokens[self.at]
        self.at += 1
        if token["bracket"] == "(":
            q = self._any()
            if not self._next_is("bracket", ")"):
                raise self._refuse()
            self.at += 1
            return q
        if token["key"] is None:
            raise self._refuse()
        key = token["key"]
        value = token["quoted"] if token["quoted"] is not None else token["bare"]
        if key.startswith("ansible_facts"):
            raise ParseError("Hosts cannot be found by their facts yet.")
        if key == "search":
            return Q(name__icontains=value) | Q(description__icontains=value)
        negated = key.startswith("not__")
        return self.reader.condition(key.removeprefix("not__"), value, negated).build()
