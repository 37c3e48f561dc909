"""Whether a definition and its lock agree, told from the two files alone: `gantry ee lock --check`.

What only a build can tell (a requirement of a requirement) is not looked for: the definition's hash
in the lock says whether anything was changed since.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from gantry.images.builder.definition import Definition, definition_hash
from gantry.images.builder.lock import Lock


def disagreements(definition: Definition, folder: Path | None, lock: Lock) -> list[str]:
    """A sentence for each; none when they agree."""
    if definition_hash(definition, folder) == lock.definition:
        return []
    said = [
        *_images(definition, lock), *_python(definition, folder, lock),
        *_collections(definition, folder, lock),
    ]  # fmt: skip
    return said or ["The definition, or a file of it, was changed after the lock was made."]


def _images(definition: Definition, lock: Lock) -> Iterator[str]:
    pairs = [("base", definition.base_image, lock.base.reference)]
    pairs.append(
        ("builder", definition.builder_image, lock.builder.reference if lock.builder else "")
    )
    for which, wanted, locked in pairs:
        if wanted != locked:
            yield f"The {which} image is {wanted or 'none'}, in the lock {locked or 'none'}."


def requirements(definition: Definition, folder: Path | None, kind: str) -> str | None:
    """The text of the requirements of that kind; None when there are none to read."""
    value = definition.dependencies.get(kind)
    if not value:
        return None
    if definition.inline(kind):
        if isinstance(value, dict):
            return yaml.safe_dump(value)
        return "\n".join(value) if isinstance(value, list) else str(value)
    path = (folder or Path()) / value
    return path.read_text() if path.is_file() else None


def _python(definition: Definition, folder: Path | None, lock: Lock) -> Iterator[str]:
    locked = {canonicalize_name(p["name"]): p["version"] for p in lock.packages
              if p["kind"] == "python"}  # fmt: skip
    texts = [requirements(definition, folder, "python") or ""]
    for key in ("ansible_core", "ansible_runner"):
        texts.append(str((definition.dependencies.get(key) or {}).get("package_pip") or ""))
    for line in "\n".join(texts).splitlines():
        try:
            wanted = Requirement(re.split(r"\s#|\s--hash|\s*\\$", line)[0].strip())
        except InvalidRequirement:
            continue  # a URL, an option, a comment: pip's own matter
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        version = locked.get(canonicalize_name(wanted.name))
        if version is None:
            yield f"Python requirement {wanted} is not in the lock."
        elif not wanted.specifier.contains(version, prereleases=True):
            yield f"Python requirement {wanted} is not met by the lock's {version}."


def _collections(definition: Definition, folder: Path | None, lock: Lock) -> Iterator[str]:
    locked = {p["name"]: p["version"] for p in lock.packages if p["kind"] == "collection"}
    try:
        data: Any = yaml.safe_load(requirements(definition, folder, "galaxy") or "") or {}
    except yaml.YAMLError:
        yield "The Galaxy requirements are no YAML."
        return
    entries = data.get("collections") or [] if isinstance(data, dict) else []
    for entry in entries:
        name, _, version = str(entry).partition(":")
        if isinstance(entry, dict):
            name, version = str(entry.get("name", "")), str(entry.get("version") or "")
            if entry.get("type", "galaxy") != "galaxy" or not re.fullmatch(r"\w+\.\w+", name):
                continue
        if name not in locked:
            yield f"Collection {name} is not in the lock."
        elif not _meets(locked[name], version):
            yield f"Collection {name} {version} is not met by the lock's {locked[name]}."


def _meets(version: str, wanted: str) -> bool:
    """Galaxy's ranges: `*`, a version, or several of `>=1.0,<2.0` with or without operators."""
    parts = [part.strip() for part in wanted.split(",") if part.strip() not in ("", "*")]
    try:
        ranges = SpecifierSet(",".join(p if p[0] in "<>=!~" else f"=={p}" for p in parts))
        return ranges.contains(Version(version), prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return version == wanted
