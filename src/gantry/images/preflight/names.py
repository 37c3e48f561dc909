"""What ansible-core's short names mean: its own plugins and the collections it redirects to.

names.json is written from ansible-core's own files by scripts/ansible-names.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

Kind = Literal["modules", "lookup", "filter", "test", "connection", "become"]
BUILTIN = "ansible.builtin"


@dataclass(frozen=True)
class Meaning:
    """`collection` that a name is of; `ansible.builtin` for ansible-core's own; "" where nobody
    can tell from the name (a plugin of the project, or one that came after this table)."""

    collection: str
    fqcn: str


@functools.cache
def _table() -> dict[str, dict[str, str]]:
    written = json.loads(files(__package__).joinpath("names.json").read_text())
    table: dict[str, dict[str, str]] = {}
    for kind, collections in written["redirects"].items():
        known = table[kind] = {}
        for collection, names in collections.items():
            for each in names.split():
                short, _, long = each.partition("=")
                known[short] = f"{collection}.{long or short}"
        known.update({name: f"{BUILTIN}.{name}" for name in written["builtin"][kind].split()})
    return table


def meaning(kind: Kind, name: str) -> Meaning:
    """Of a name as a playbook writes it, short or qualified."""
    parts = name.split(".")
    if len(parts) == 1 or (parts[:2] in (["ansible", "builtin"], ["ansible", "legacy"])):
        fqcn = _table()[kind].get(".".join(parts[2:]) or name, "")
        if not fqcn and len(parts) > 1:
            fqcn = f"{BUILTIN}.{parts[-1]}"
        return Meaning(collection_of(fqcn), fqcn)
    if len(parts) == 2:
        return Meaning("", "")
    return Meaning(collection_of(name), name)


def collection_of(fqcn: str) -> str:
    return ".".join(fqcn.split(".")[:2])
