"""The lock of an EE: every version that one build resolved, and what holds a later build to it.

A YAML document, FORMAT 1; docs/decisions says why it is as it is. What came with the base image is
marked `base: true`: the base's digest fixes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from packaging.utils import canonicalize_name

from gantry.base.errors import InvalidInput
from gantry.images.builder.context import Pins
from gantry.images.builder.index import File, Wanted
from gantry.images.builder.marks import Marked, NotYaml
from gantry.images.inspect.contents import KINDS, HasContents, Package

FORMAT = 1
FILE_NAME = "execution-environment.lock.yml"
HEAD = (
    "# Every version that a build of this execution environment resolved. Written by Gantry;\n"
    "# `gantry ee build --locked` builds the same again, `gantry ee lock --check` compares.\n"
)
SECTIONS = {"collections": "collection", "python": "python", "system": "deb rpm"}
Key = tuple[str, str]


class InvalidLock(InvalidInput):
    """A lock that cannot be read."""

    code = "lock"

    def __init__(self, words: str) -> None:
        cure = "Build without the lock to get a new one."
        super().__init__(f"The lock cannot be read: {words}.", field="lock", cure=cure)


@dataclass(frozen=True)
class Base:
    """An image that the build stands on."""

    reference: str
    digest: str
    platform: str


@dataclass(frozen=True)
class Lock:
    """`packages` have "kind", "name", "version"; collections "sha256" (of MANIFEST.json) and
    "source" (the Galaxy server's URL of the archive, if it came from one), Python packages "hashes"
    (of all files of the release), system packages "arch"; all of them maybe "base"."""

    definition: str
    base: Base
    builder: Base | None = None
    ansible_core: str = ""
    ansible_runner: str = ""
    python: str = ""
    packages: tuple[Package, ...] = field(default=())

    def text(self) -> str:
        head: dict[str, Any] = {
            "version": FORMAT, "definition": self.definition, "base": vars(self.base),
        }  # fmt: skip
        if self.builder is not None:
            head["builder"] = vars(self.builder)
        head |= {
            "ansible_core": self.ansible_core, "ansible_runner": self.ansible_runner,
            "python_version": self.python,
        }  # fmt: skip
        said = HEAD + yaml.safe_dump(head, sort_keys=False, width=1000)
        for section, kinds in SECTIONS.items():
            rows = [_row(p) for p in self.packages if p["kind"] in kinds.split()]
            # A package a line, so that a difference reads well in a review.
            said += f"{section}:\n" if rows else f"{section}: []\n"
            for row in rows:
                flow = yaml.safe_dump(row, default_flow_style=True, sort_keys=False, width=10**6)
                said += f"- {flow}"
        return said

    def added(self, kind: str) -> list[Package]:
        """What the build itself brought."""
        return [p for p in self.packages if p["kind"] in kind.split() and not p.get("base")]


def _row(package: Package) -> dict[str, Any]:
    own = dict(package)
    if own["kind"] not in ("deb", "rpm"):
        del own["kind"]
    return own


def read_lock(text: str) -> Lock:
    """Raises InvalidLock."""
    try:
        data = Marked(text).value
    except NotYaml as error:
        raise InvalidLock(f"line {error.line}: {error}") from error
    if not isinstance(data, dict) or "version" not in data:
        raise InvalidLock("it is no lock of Gantry's")
    if data["version"] != FORMAT:
        raise InvalidLock(f"it has format {data['version']}, and this Gantry knows {FORMAT}")
    try:
        packages = [
            {"kind": kinds, **row} if " " not in kinds else dict(row)
            for section, kinds in SECTIONS.items()
            for row in data.get(section) or []
        ]
        for package in packages:
            package["name"], package["version"] = str(package["name"]), str(package["version"])
            package["kind"] = str(package["kind"])
        builder = data.get("builder")
        return Lock(
            str(data["definition"]), Base(**data["base"]), Base(**builder) if builder else None,
            str(data.get("ansible_core") or ""), str(data.get("ansible_runner") or ""),
            str(data.get("python_version") or ""), tuple(packages),
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidLock(f"a part of it is missing or misshapen ({error})") from error


# -- from what a build brought --------------------------------------------------------------------


def make_lock(
    definition: str,
    base: Base,
    builder: Base | None,
    contents: HasContents,
    of_base: HasContents,
    files: Mapping[Wanted, list[File]],
) -> Lock:
    """`files` are the releases' files of what `python_added` named."""
    before = {_identity(p) for p in _counted(of_base)}
    packages = []
    for found in sorted(_counted(contents), key=lambda p: KINDS.index(p["kind"])):
        package: Package = {k: found[k] for k in ("kind", "name", "version")}
        if found["kind"] == "collection":
            package |= {"sha256": found.get("manifest_sha256", ""),
                        "source": found.get("source", "")}  # fmt: skip
        elif found["kind"] == "python":
            known = files.get((found["name"], found["version"]), [])
            package["hashes"] = sorted(f"sha256:{f.sha256}" for f in known if f.sha256)
        else:
            package["arch"] = found.get("arch", "")
        if _identity(found) in before:
            package["base"] = True
        packages.append({k: v for k, v in package.items() if v not in ("", [])})
    return Lock(
        definition, base, builder, contents.ansible_core,
        str(getattr(contents, "ansible_runner", "")), contents.python, tuple(packages),
    )  # fmt: skip


def python_added(contents: HasContents, of_base: HasContents) -> list[Wanted]:
    before = {_identity(p) for p in _counted(of_base)}
    own = [p for p in _counted(contents) if p["kind"] == "python" and _identity(p) not in before]
    return sorted({(p["name"], p["version"]) for p in own})


def _counted(contents: HasContents) -> list[Package]:
    """Without what another copy hides: it is not what runs."""
    return [p for p in contents.packages if not p.get("shadowed")]


def _identity(package: Package) -> tuple[str, str, str, str]:
    sha256 = package.get("sha256") or package.get("manifest_sha256") or ""
    return (*_key(package), package["version"], sha256)


def _key(package: Package) -> Key:
    kind, name = package["kind"], package["name"]
    if kind == "python":
        name = canonicalize_name(name)
    return kind, f"{name}:{package['arch']}" if package.get("arch") else name


# -- to a later build -----------------------------------------------------------------------------


def pins(lock: Lock) -> Pins:
    """What the tools in a build from this lock are told."""
    constraints = "".join(f"{p['name']}=={p['version']}\n" for p in lock.added("python"))
    system = sorted({(p["name"], p["version"]) for p in lock.added("deb rpm")})
    versions = "".join(f"{name} {version}\n" for name, version in system)
    # Of the rest the definition's own requirements say where it comes from.
    collections = {p["name"]: p["version"] for p in lock.added("collection") if p.get("source")}
    key = hashlib.sha256(lock.text().encode()).hexdigest()[:16]
    return Pins(key, constraints, versions, collections)


def gone(lock: Lock, files: Mapping[Wanted, list[File]]) -> list[str]:
    """A sentence for each Python package of the lock that the index no longer has, or of which it
    now offers other files. `files` is asked of the index for `python_wanted`."""
    said = []
    for package in lock.added("python"):
        known = {h.removeprefix("sha256:") for h in package.get("hashes") or []}
        if not known:
            continue  # it came from no index: the comparison after the build tells
        release = f"{package['name']} {package['version']}"
        offered = files.get((package["name"], package["version"]), [])
        if not any(f.sha256 in known for f in offered):
            what = (
                "has no file of it whose hash is in the lock" if offered else "has no such release"
            )
            said.append(f"Python package {release} is no longer to be had: the index {what}.")
        elif foreign := [f for f in offered if f.sha256 not in known and _fits(f, lock.python)]:
            names = ", ".join(f.name for f in foreign)
            said.append(
                f"Python package {release} has files now that the lock does not know: {names}."
            )
    return said


def python_wanted(lock: Lock) -> list[Wanted]:
    return [(p["name"], p["version"]) for p in lock.added("python") if p.get("hashes")]


def _fits(file: File, python: str) -> bool:
    """Whether pip in the image might choose it: a wheel for another Python it will not."""
    pythons = file.pythons
    own = "cp" + "".join(python.split(".")[:2])
    return not pythons or any(p in ("py3", own) or not p.startswith("cp") for p in pythons)


def differences(lock: Lock, contents: HasContents) -> list[str]:
    """A sentence for each package that the image has otherwise than the lock says."""
    said = []
    wanted, found = _by_key(lock.packages), _by_key(_counted(contents))
    for key in sorted(wanted.keys() | found.keys()):
        name = f"{key[0]} {key[1]}"
        old, new = wanted.get(key, {}), found.get(key, {})
        if sorted(old) != sorted(new):
            was, now = ", ".join(sorted(old)) or "none", ", ".join(sorted(new)) or "none"
            said.append(f"{name}: the lock has {was}, the build {now}.")
        else:
            changed = [v for v in old if old[v] and new[v] and old[v] != new[v]]
            said += [f"{name} {v}: its MANIFEST.json is another than the lock's." for v in changed]
    return said


def _by_key(packages: Iterable[Package]) -> dict[Key, dict[str, str]]:
    """Key -> version -> sha256; rpm may have several versions of one name."""
    found: dict[Key, dict[str, str]] = {}
    for package in packages:
        versions = found.setdefault(_key(package), {})
        sha256 = package.get("sha256") or package.get("manifest_sha256") or ""
        versions[package["version"]] = sha256
    return found
