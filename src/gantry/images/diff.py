"""What differs between two images: packages added, removed and changed, by kind. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from gantry.images.inspect.contents import KINDS, HasContents, Package

FACTS = ("distribution", "python", "ansible_core", "ansible_runner")


@dataclass(frozen=True)
class Change:
    """One package or fact. `old` is "" for what was added, `new` for what was removed; several
    versions of one name are joined by commas."""

    name: str
    old: str
    new: str


@dataclass
class KindDiff:
    added: list[Change] = field(default_factory=list)
    removed: list[Change] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@dataclass(frozen=True)
class Diff:
    """`kinds` has the kinds in which something differs, in the order of KINDS, each sorted by
    name; `facts` are of FACTS."""

    facts: list[Change]
    kinds: dict[str, KindDiff]

    def __bool__(self) -> bool:
        return bool(self.facts or self.kinds)

    @property
    def count(self) -> int:
        parts = self.kinds.values()
        return sum(len(p.added) + len(p.removed) + len(p.changed) for p in parts)

    def sentence(self) -> str:
        """`1 collection, 12 Python packages differ.`, for lists and warnings."""
        words = {"collection": "collection", "python": "Python package",
                 "deb": "deb package", "rpm": "rpm package"}  # fmt: skip
        told = []
        for kind, p in self.kinds.items():
            count = len(p.added) + len(p.removed) + len(p.changed)
            told.append(f"{count} {words[kind]}{'' if count == 1 else 's'}")
        verb = "differs" if self.count == 1 else "differ"
        return f"{', '.join(told)} {verb}." if told else "No package differs."

    def as_dict(self) -> dict[str, Any]:
        """For JSON: {"facts": [change], "kinds": {kind: {"added", "removed", "changed"}}}."""
        return {
            "facts": [vars(c) for c in self.facts],
            "kinds": {
                kind: {
                    "added": [vars(c) for c in part.added],
                    "removed": [vars(c) for c in part.removed],
                    "changed": [vars(c) for c in part.changed],
                }
                for kind, part in self.kinds.items()
            },
        }


def diff(old: HasContents, new: HasContents) -> Diff:
    """From `old` to `new`. A collection that another one shadows does not run, so it counts not."""
    before, after = _versions(old.packages), _versions(new.packages)
    kinds = {kind: KindDiff() for kind in KINDS}
    for key in before.keys() | after.keys():
        had, has = before.get(key), after.get(key)
        if had is None:
            assert has is not None
            kinds[key[0]].added.append(Change(has.name, "", has.text()))
        elif has is None:
            kinds[key[0]].removed.append(Change(had.name, had.text(), ""))
        elif had.versions != has.versions:
            kinds[key[0]].changed.append(Change(has.name, had.text(), has.text()))
    for part in kinds.values():
        for changes in (part.added, part.removed, part.changed):
            changes.sort(key=lambda change: (change.name.lower(), change.name))
    facts = [Change(n, getattr(old, n), getattr(new, n)) for n in FACTS]
    return Diff(
        [f for f in facts if f.old != f.new], {kind: part for kind, part in kinds.items() if part}
    )


@dataclass
class _Named:
    name: str
    versions: set[str]

    def text(self) -> str:
        return ", ".join(sorted(self.versions))


def _versions(packages: Iterable[Package]) -> dict[tuple[str, str], _Named]:
    found: dict[tuple[str, str], _Named] = {}
    for package in packages:
        if package.get("shadowed"):
            continue
        kind, name = package["kind"], package["name"]
        key = (kind, normalized(name) if kind == "python" else name)
        named = found.get(key)
        if named is None:
            found[key] = _Named(name, {package["version"]})
        else:
            named.versions.add(package["version"])
    return found


def normalized(name: str) -> str:
    """One spelling of a Python package's name: PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()
