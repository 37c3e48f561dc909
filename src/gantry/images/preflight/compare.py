"""A playbook's needs against the contents of an execution environment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from gantry.images.inspect.contents import HasContents
from gantry.images.preflight.needs import Need, Needs

# What is not looked at, told with every comparison.
NOT_COVERED = (
    "Modules, filters and lookups inside a collection: that the collection is there is compared, "
    "not that its version has the name.",
    "Names in templates (.j2), inventories and group_vars, and plugins that variables choose.",
    "Python packages and commands on the managed hosts.",
)
WORDS = {"collection": "Collection", "role": "Role", "python": "Python package"}


@dataclass
class Missing:
    """What an EE lacks. `found` is the version that it has instead; "" for none."""

    need: Need
    found: str = ""
    environments: list[dict[str, Any]] = field(default_factory=list)

    @property
    def certain(self) -> bool:
        """The play cannot be loaded without it, whatever its conditions are."""
        return self.need.when == "load"

    @property
    def sentence(self) -> str:
        need = self.need
        wanted = f" {need.wanted}" if need.wanted else ""
        if need.kind == "ansible-core":
            return f"{need.where} wants ansible-core {need.wanted}, found is {self.found}."
        why = f", which {need.where} needs"
        if need.used:
            why += f" for {', '.join(need.used[:3])}{' and more' if len(need.used) > 3 else ''}"
        lack = f"is {self.found}" if self.found else "is missing"
        return f"{WORDS[need.kind]} {need.name}{wanted}{why}, {lack}."

    def json(self) -> dict[str, Any]:
        need = self.need
        return {
            "kind": need.kind, "name": need.name, "wanted": need.wanted, "found": self.found,
            "when": need.when, "where": need.where, "used": need.used, "sentence": self.sentence,
            "environments": self.environments,
        }  # fmt: skip


@dataclass
class Comparison:
    missing: list[Missing] = field(default_factory=list)
    unsure: list[str] = field(default_factory=list)


class Stock:
    """An EE's packages by name."""

    def __init__(self, contents: HasContents) -> None:
        self.core = contents.ansible_core
        self.collections: dict[str, dict[str, Any]] = {}
        self.python: dict[str, str] = {}
        self.roles: set[str] = set()
        self.roles_known = False
        for package in contents.packages:
            name, kind = str(package.get("name", "")), package.get("kind")
            if kind == "collection" and not package.get("shadowed"):
                self.collections[name] = package
            elif kind == "python":
                self.python[_normal(name)] = str(package.get("version", ""))
            elif kind == "role":
                self.roles_known = True
                self.roles.add(name)

    def version(self, need: Need) -> str | None:
        """What there is of it; None for nothing."""
        if need.kind == "ansible-core":
            return self.core
        if need.kind == "python":
            return self.python.get(_normal(need.name))
        if need.kind == "role":
            return "" if need.name in self.roles else None
        found = self.collections.get(need.name)
        return None if found is None else str(found.get("version") or "")


def compare(needs: Needs, contents: HasContents) -> Comparison:
    """Only for contents that were inspected with success."""
    stock, result = Stock(contents), Comparison(unsure=list(needs.unsure))
    here = set(needs.here)
    for need in [*needs.found.values(), *_python_of(needs, stock, here)]:
        if need.kind != "collection" or need.name not in here:
            _judge(need, stock, here, result)
    result.missing.sort(key=lambda m: (not m.certain, m.need.kind, m.need.name))
    return result


def has(contents: HasContents, need: Need) -> bool:
    """Whether an EE has this one thing, in a version that is wanted."""
    stock = Stock(contents)
    version = stock.version(need)
    return version is not None and fits(version, need.wanted) is True


def fits(version: str, wanted: str) -> bool | None:
    """None where that cannot be told: a version or range that is no number, as a Git branch."""
    if not wanted:
        return True
    try:
        # A bare version in requirements.yml means exactly that one.
        exact = re.match(r"[<>=!~]", wanted) is None
        range_ = SpecifierSet(f"=={wanted}" if exact else wanted, prereleases=True)
        return Version(version) in range_
    except (InvalidSpecifier, InvalidVersion):
        return None


def _judge(need: Need, stock: Stock, here: set[str], result: Comparison) -> None:
    version = stock.version(need)
    if version is not None:
        fit = fits(version, need.wanted)
        if fit is False:
            result.missing.append(Missing(need, version))
        elif fit is None:
            result.unsure.append(
                f"{need.name}: whether {version or 'its version'} is within {need.wanted} "
                "cannot be told."
            )
    elif need.kind == "role" and not stock.roles_known:
        result.unsure.append(
            f"Role {need.name}, which {need.where} uses, is not in the project; whether the "
            "execution environment has it is not known."
        )
    elif any(other in here or other in stock.collections for other in need.others):
        result.unsure.append(
            f"{need.where} uses {need.used[0]}: {need.name} is missing, but "
            f"{', '.join(need.others)} may have it."
        )
    else:
        result.missing.append(Missing(need))


def _python_of(needs: Needs, stock: Stock, here: set[str]) -> Iterable[Need]:
    """What the EE's own collections ask of its Python, where the inspection knows it."""
    for need in needs.found.values():
        package = stock.collections.get(need.name) if need.kind == "collection" else None
        if package is None or need.name in here:
            continue
        for line in package.get("requires_python") or ():
            try:
                wanted = Requirement(str(line))
            except InvalidRequirement:
                continue
            if wanted.marker is None or wanted.marker.evaluate():
                yield Need("python", wanted.name, str(wanted.specifier), "run", need.name)


def _normal(name: str) -> str:
    """PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()
