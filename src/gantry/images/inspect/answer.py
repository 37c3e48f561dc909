"""Judges what a probe printed. The image may be hostile, and its python3 print whatever it likes.

What fits is taken, cut to size and free of control characters; of the rest one sentence says how
much was left out.
"""

from __future__ import annotations

import json
import re
from typing import Any

from gantry.images.inspect.contents import KINDS, Contents, Package
from gantry.images.inspect.probe import MARK as MARK

MOST_OUTPUT = 8 << 20  # bytes; 1,000 packages need 0.2 MB
MOST_PACKAGES = 20_000
MOST_SENTENCES = 100
LONGEST = 500  # characters of a value
_OPTIONAL = ("path", "licence", "arch", "manifest_sha256", "requires_ansible", "source")
_HEAD = ("ansible_core", "ansible_runner", "python", "distribution")
_LONGEST_HEAD = 64
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+~-]*")
_NAMES = dict.fromkeys(KINDS, _NAME) | {
    "collection": re.compile(r"[A-Za-z_]\w*\.[A-Za-z_]\w*", re.A)
}
# Controls (a terminal's escapes among them), surrogates and NUL, which PostgreSQL refuses.
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")


class NotTold(ValueError):
    """There is no answer in the output, or none of the right shape; says which."""


def take(output: bytes, into: Contents) -> None:
    """Put the probe's answer into `into`. Raises NotTold."""
    told = _document(output)
    for name in _HEAD:
        setattr(into, name, text(told.get(name), _LONGEST_HEAD))
    sentences, packages = told.get("unknown"), told.get("packages")
    if not isinstance(sentences, list) or not isinstance(packages, list):
        raise NotTold("its answer has no lists of packages and of what is unknown")
    into.unknown += [text(s) for s in sentences[:MOST_SENTENCES] if text(s)]
    if len(sentences) > MOST_SENTENCES:
        into.unknown.append(f"And {len(sentences) - MOST_SENTENCES} more of the same.")
    found = [p for p in map(_package, packages[:MOST_PACKAGES]) if p is not None]
    if len(found) < len(packages):
        into.unknown.append(
            f"{len(packages) - len(found)} packages were left out: more than {MOST_PACKAGES:,}, or "
            "without a name that a package can have."
        )
    into.packages = sorted(found, key=_order)


def _document(output: bytes) -> dict[str, Any]:
    _, mark, rest = output.rpartition(b"\n" + MARK.encode())
    line = rest.partition(b"\n")[0]
    if not mark:
        raise NotTold("it printed something else than an answer")
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NotTold("its answer is no JSON") from error
    if not isinstance(told, dict):
        raise NotTold("its answer is no JSON object")
    return told


def _package(told: Any) -> Package | None:
    if not isinstance(told, dict) or told.get("kind") not in KINDS:
        return None
    package: Package = {"kind": told["kind"]}
    package |= {"name": text(told.get("name")), "version": text(told.get("version"))}
    for key in _OPTIONAL:
        if value := text(told.get(key)):
            package[key] = value
    if told.get("shadowed") is True:
        package["shadowed"] = True
    lines = told.get("requires_python")
    if isinstance(lines, list) and (kept := [t for each in lines[:100] if (t := text(each))]):
        package["requires_python"] = kept
    return package if _NAMES[package["kind"]].fullmatch(package["name"]) else None


def text(value: Any, longest: int = LONGEST) -> str:
    """A string of the answer, fit to be stored and shown; "" for anything else."""
    if not isinstance(value, str):
        return ""
    return _UNFIT.sub(" ", value[: 4 * longest]).strip()[:longest]


def _order(package: Package) -> tuple[int, str, str, str]:
    name = package["name"]
    return KINDS.index(package["kind"]), name.lower(), name, package["version"]
