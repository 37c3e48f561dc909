"""Roles and collections of the project's requirements files, from its organization's servers."""

from __future__ import annotations

import os
import re
from typing import Any

from .words import PROJECT, REQUIREMENTS, explained, run, say


def install(galaxy: dict[str, Any], env: dict[str, str]) -> None:
    """`galaxy` says which kinds are wanted, why others are not, and the servers as ansible-galaxy
    takes them from its environment."""
    files = [file for kind in ("role", "collection") for file in asked_for(kind)]
    if not files:
        return
    if galaxy["reason"]:
        say(galaxy["reason"])
    for kind, path in files:
        name = os.path.relpath(path, PROJECT)
        # AWX installs what stands at the root only where both kinds are enabled.
        needed = ("role", "collection") if "/" not in name else (kind,)
        if not all(galaxy[each] for each in needed):
            continue
        say("Installing %ss of %s" % (kind, name))
        target = "/runner/requirements_%ss" % kind
        argv = ["ansible-galaxy", kind, "install", "-r", path, "-p", target]
        code, said = run(argv, dict(env, **galaxy["env"]))
        if code:
            what = "the %ss of %s could not be installed" % (kind, name)
            raise explained(what, said, REQUIREMENTS)


def asked_for(kind: str) -> list[tuple[str, str]]:
    found = []
    for folder in (kind + "s", "."):
        for name in ("requirements.yml", "requirements.yaml"):
            path = os.path.normpath(os.path.join(PROJECT, folder, name))
            if os.path.isfile(path) and wanted_by(path, kind, folder):
                found.append((kind, path))
    return found


def wanted_by(path: str, kind: str, folder: str) -> bool:
    """An empty file asks for nothing; one at the root may ask for roles, collections or both."""
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = [x.rstrip() for x in file if x.strip() and not x.lstrip().startswith("#")]
    lines = [x for x in lines if x != "---"]
    empty = re.compile(r"(\w+:)?\s*(\[\]|\{\})?$")
    if all(empty.match(x) for x in lines):
        return False
    if folder != ".":
        return True
    return any(x.startswith(kind + "s:") for x in lines) or (
        kind == "role" and lines[0].startswith("-")
    )
