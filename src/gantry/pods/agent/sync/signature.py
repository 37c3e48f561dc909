"""Whether the tree is what somebody signed: ansible-sign's manifest, its signature by GPG, and
every file against it. As AWX's verify_project, by the `ansible-sign` of the image."""

from __future__ import annotations

import ast
import os
import re
import shutil
from typing import Any

from .words import BAD_SIGNATURE, INCOMPLETE_IMAGE, PROJECT, SyncError, run, say

KEY = "/runner/env/gpg_public_key"
KEYS = "/runner/env/gnupg"
NAMES = 8  # of files in a sentence
# Exit codes of ansible-sign: ansible_sign/cli.py
CHECKSUM, GPG = 2, 3


def verify(env: dict[str, str]) -> None:
    """Raises SyncError, in words that say which file it is about."""
    say("Verifying the project's signature")
    for program in ("gpg", "ansible-sign"):
        if not shutil.which(program, path=env.get("PATH")):
            raise SyncError("the image has no %s" % program, INCOMPLETE_IMAGE)
    forget_repository()
    os.makedirs(KEYS, mode=0o700, exist_ok=True)
    # Public keys need no gpg-agent, which many an image lacks.
    argv = ["gpg", "--homedir", KEYS, "--batch", "--no-autostart", "--import", KEY]
    code, said = run(argv, env, True)
    if code:
        raise bad("the credential's public key is not one that gpg reads: %s" % last(said))
    code, said = run(["ansible-sign", "project", "gpg-verify", "--gnupg-home", KEYS, PROJECT], env)
    if code:
        raise bad(meaning(code, said))


def forget_repository() -> None:
    """What git keeps is in no manifest, and not in the tree that is kept either."""
    for directory, folders, files in os.walk(PROJECT):
        if ".git" in folders:
            shutil.rmtree(os.path.join(directory, ".git"))
            folders.remove(".git")
        if ".git" in files:
            os.unlink(os.path.join(directory, ".git"))


def bad(words: str) -> SyncError:
    return SyncError(words, BAD_SIGNATURE)


def last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def meaning(code: int, said: str) -> str:
    errors = [line for line in said.splitlines() if line.startswith("[ERROR]")]
    words = errors[-1].partition("]")[2].strip() if errors else last(said)
    if code == GPG:
        return (
            "the manifest .ansible-sign/sha256sum.txt was not signed with the project's key, or "
            "was changed since"
        )
    if code == CHECKSUM:
        return changed(words)
    return words.replace(PROJECT + "/", "")


def changed(words: str) -> str:
    """ansible-sign names files by a Python dict of lists, or after a colon."""
    names: dict[str, Any] = {}
    try:
        names = ast.literal_eval(words)
    except (ValueError, SyntaxError):
        found = re.match(r"Checksum mismatch: (.+)", words)
        names = {"changed": sorted(found[1].split(", "))} if found else {}
    told = [
        "%s %s" % (what, listed(names[key]))
        for key, what in (("changed", "changed:"), ("added", "added:"), ("removed", "missing:"))
        if names.get(key)
    ]
    return "files are not as they were signed; " + "; ".join(told) if told else words


def listed(names: list[str]) -> str:
    shown = ", ".join(names[:NAMES])
    return shown + (" and %d more" % (len(names) - NAMES) if len(names) > NAMES else "")
