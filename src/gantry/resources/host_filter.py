"""`name=web1 and (groups__name=east or ansible_facts__ansible_distribution=Debian)`: AWX's little
language for hosts, of `host_filter=` on lists of hosts and of smart inventories.

AWX: awx/main/utils/filters.py, SmartFilter. Facts are asked for by the path to a value, where `[]`
after a name means that any of its items may be the one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from django.core.exceptions import FieldError
from django.db.models import Q, QuerySet

from gantry.base.errors import InvalidInput
from gantry.resources.inventories import Host, Inventory

# key, value, negated -> what it asks for; raises what its caller wants raised
Condition = Callable[[str, str, bool], Q]
MOST_TOKENS = 200
FACTS = "ansible_facts"
_TOKEN = re.compile(
    r"""\s*(?:(?P<bracket>[()])|(?P<word>and|or)(?=[\s(])
        |(?:"(?P<spoken>[^"]+)"|(?P<key>[^\s()="]+))=
         (?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s()"]*)))""",
    re.VERBOSE,
)
_LOOKUPS = ("contains", "icontains", "contained_by", "has_key", "has_keys", "has_any_keys", "gt",
            "gte", "lt", "lte", "in", "isnull", "regex", "iregex", "startswith", "istartswith",
            "endswith", "iendswith", "iexact", "range")  # fmt: skip


def parse(text: str, condition: Condition) -> Q:
    """Raises InvalidInput for what is no filter."""
    return _Parser(text, condition).parse()


def hosts_of(inventory: Inventory) -> QuerySet[Host]:
    """The hosts of an inventory: its own, or those that a smart one finds in its organization, one
    of each name. Raises InvalidInput where the filter of a smart one asks for what is not there."""
    if inventory.kind != "smart":
        return Host.objects.filter(inventory=inventory)
    try:
        found = Host.objects.filter(
            parse(inventory.host_filter or "", plain_condition),
            inventory__organization=inventory.organization_id,
        )
        names = found.order_by("name", "pk").distinct("name")
        return Host.objects.filter(pk__in=names.values("pk"))
    except (FieldError, ValueError, TypeError) as error:
        raise InvalidInput(
            f"The filter of smart inventory {inventory.name} cannot be followed: {error}",
            field="host_filter", cure="Mend its host_filter.",
        ) from error  # fmt: skip


def plain_condition(key: str, value: str, negated: bool) -> Q:
    """What an administrator's filter says, once the API has seen that it may be asked."""
    q = Q(**{key: _typed(value)})
    return ~q if negated else q


def facts_condition(key: str, value: str, quoted: bool) -> Q:
    """`ansible_facts__a__b[]=value`: a document that must be contained in a host's facts."""
    path = key.removeprefix(FACTS).removeprefix("__").removesuffix("__exact")
    names = path.split("__")
    if not path or (len(names) > 1 and names[-1] in _LOOKUPS):
        raise InvalidInput(
            f"ansible_facts does not support searching with __{names[-1]}", field="host_filter"
        )
    wanted: Any = value if quoted else _typed(value)
    for name in reversed(names):
        wanted = {name[:-2]: [wanted]} if name.endswith("[]") else {name: wanted}
    return Q(kept_facts__facts__contains=wanted)


def _typed(value: str) -> Any:
    """AWX's string_to_type."""
    if value in ("null", "true", "false"):
        return {"null": None, "true": True, "false": False}[value]
    if re.fullmatch(r"[-+]?[0-9]{1,18}", value):
        return int(value)
    return float(value) if re.fullmatch(r"[-+]?[0-9]{1,18}\.[0-9]{1,18}", value) else value


class _Parser:
    def __init__(self, text: str, condition: Condition) -> None:
        self.text = text
        self.condition = condition
        self.tokens = self._split()
        self.at = 0

    def _refuse(self) -> InvalidInput:
        return InvalidInput(f"Invalid query {self.text}", field="host_filter")

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
        key = token["key"] or token["spoken"]
        if key is None:
            raise self._refuse()
        quoted = token["quoted"] is not None
        value = token["quoted"] if quoted else token["bare"]
        if "\x00" in key + value:
            raise self._refuse()
        if key.startswith(FACTS):
            return facts_condition(key, value, quoted)
        if key == "search":
            return Q(name__icontains=value) | Q(description__icontains=value)
        # A host with several groups is found by any of them: each condition asks by itself.
        return self._matching(self.condition(key.removeprefix("not__"), value, key[:5] == "not__"))

    def _matching(self, q: Q) -> Q:
        return Q(pk__in=Host.objects.filter(q).order_by().values("pk"))
