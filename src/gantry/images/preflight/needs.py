"""What a playbook needs, read from its project's tree: collections, roles, ansible-core.

The playbook is followed as ansible loads it: imports, roles with their dependencies, blocks and
handlers. A task that is loaded with the play must find its module even where its `when` is false
(ansible: "couldn't resolve module/action"), so those needs are `load`; what an include or an
expression names is needed only when the run comes to it: `run`.

Untrusted input: nothing is executed, no name is guessed. Where a name is made by Jinja or a file is
encrypted, a sentence in `unsure` says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from gantry.images.preflight.names import BUILTIN, Kind, meaning
from gantry.images.preflight.tree import Tree

FORMAT = 1  # of the JSON kept on a snapshot: what was kept in another is read again
MOST_EXAMPLES = 5
MOST_UNSURE = 50
When = Literal["load", "run"]


@dataclass
class Need:
    """One thing. `used` are the names that need it, `where` the first file that has one; `others`
    are collections of a `collections:` keyword that may have the name instead."""

    kind: Literal["collection", "role", "ansible-core", "python"]
    name: str
    wanted: str = ""
    when: When = "run"
    where: str = ""
    used: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


@dataclass
class Needs:
    """`here` are the collections that lie in the tree; `unsure` are sentences."""

    playbook: str
    found: dict[str, Need] = field(default_factory=dict)
    here: list[str] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)
    names: int = 0
    files: int = 0

    def add(self, need: Need) -> None:
        known = self.found.setdefault(f"{need.kind}:{need.name}:{need.wanted}", need)
        if known is need:
            return
        if need.when == "load" and known.when == "run":
            known.when, known.where = "load", need.where
        # A name that only one collection can have settles where it comes from.
        known.others = [o for o in known.others if o in need.others]
        for each in need.used:
            if each not in known.used and len(known.used) < MOST_EXAMPLES:
                known.used.append(each)

    def doubt(self, sentence: str) -> None:
        if sentence not in self.unsure and len(self.unsure) < MOST_UNSURE:
            self.unsure.append(sentence)

    def json(self) -> dict[str, Any]:
        return {
            "format": FORMAT, "playbook": self.playbook, "here": self.here, "unsure": self.unsure,
            "names": self.names, "files": self.files,
            "found": [vars(need) for need in self.found.values()],
        }  # fmt: skip

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Needs | None:
        """None for what another version of this module kept."""
        if kept.get("format") != FORMAT:
            return None
        needs = cls(
            kept["playbook"], here=kept["here"], unsure=kept["unsure"], names=kept["names"],
            files=kept["files"],
        )  # fmt: skip
        for each in kept["found"]:
            needs.add(Need(**each))
        return needs


@dataclass(frozen=True)
class Place:
    """Where a name stands: its file, whether it is loaded with the play, the playbook's folder,
    the role and the collection it is in, and the play's `collections:`."""

    file: str
    when: When
    playbook_folder: str
    role: str = ""
    collection: str = ""
    collections: tuple[str, ...] = ()


class Names:
    """Turns names into needs."""

    def __init__(self, tree: Tree, needs: Needs) -> None:
        self._tree, self._needs = tree, needs
        self._jinja = tree.own_jinja

    def take(self, kind: Kind, name: str, place: Place) -> None:
        if "{{" in name or not name:
            self._needs.doubt(f"{place.file} makes a name by Jinja: {name[:80]}")
            return
        self._needs.names += 1
        found = meaning(kind, name)
        short = "." not in name
        if found.collection == BUILTIN or (short and self._own(kind, name)):
            return
        others = [c for c in place.collections if c not in (BUILTIN, "ansible.legacy")]
        if place.collection and place.collection not in others:
            others.append(place.collection)
        if not short:
            others = []
        if found.collection:
            self._need(found.collection, found.fqcn, place, others)
        elif short and kind == "modules":
            self._unknown(name, place, others)

    def _own(self, kind: Kind, name: str) -> bool:
        """Whether the project brings a plugin of that name."""
        if kind == "modules":
            return name in self._tree.modules
        if kind == "lookup":
            return name in self._tree.lookups
        return f"'{name}'" in self._jinja or f'"{name}"' in self._jinja or f"def {name}(" in (
            self._jinja
        )  # fmt: skip

    def _need(self, collection: str, used: str, place: Place, others: list[str]) -> None:
        # An expression fails when it is evaluated, a task when it is loaded.
        self._needs.add(
            Need("collection", collection, "", place.when, place.file, [used], others)
        )  # fmt: skip

    def _unknown(self, name: str, place: Place, others: list[str]) -> None:
        if others == [place.collection]:
            return  # a module of the collection whose role this is
        if len(others) == 1:
            self._need(others[0], f"{others[0]}.{name}", place, [])
            return
        among = f", nor is it told which of {', '.join(others)} has it" if others else ""
        self._needs.doubt(
            f"{place.file} uses {name}, which neither ansible-core nor the project has{among}."
        )
