"""A sync, in order: fetch, verify, install requirements, list playbooks, pack the tree."""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
import tarfile
from collections.abc import Iterator
from typing import Any

from . import archive, git, requirements, signature, svn
from .access import environment
from .words import INCOMPLETE_IMAGE, PROJECT, SyncError, say

ARTIFACTS = "/runner/artifacts"
# What AWX takes for a playbook: awx/main/utils/ansible.py
PLAYBOOK = re.compile(
    r"^\s*?-?\s*?(?:'|\")?(?:ansible\.builtin\.)?(?:hosts|import_playbook|include)(?:'|\")?:\s*?.*?$"
)
NOT_PLAYBOOKS = {"roles", "tasks", "group_vars", "host_vars", "inventory", "vars", "handlers"}
LINES_READ = 200


def fetch(wanted: dict[str, Any], env: dict[str, str]) -> str:
    """The tree in PROJECT; returns its revision, said as the kind says it."""
    if wanted["kind"] == "svn":
        revision = svn.export(wanted, env)
    elif wanted["kind"] == "archive":
        revision = archive.download_and_unpack(wanted)
    else:
        revision = git.clone(wanted, env)
    say({"svn": "At revision %s", "archive": "The archive's SHA-1 is %s"}.get(
        wanted["kind"], "At commit %s") % revision)  # fmt: skip
    return revision


def walk() -> Iterator[str]:
    for directory, folders, files in os.walk(PROJECT):
        folders[:] = sorted(f for f in folders if f != ".git")
        for name in sorted(files):
            yield os.path.relpath(os.path.join(directory, name), PROJECT)


def is_playbook(path: str) -> bool:
    if not path.endswith((".yml", ".yaml")) or NOT_PLAYBOOKS & set(path.split("/")[:-1]):
        return False
    whole = os.path.join(PROJECT, path)
    if not os.path.realpath(whole).startswith(os.path.realpath(PROJECT) + "/"):
        return False  # a symbolic link out of the project
    try:
        with open(whole, encoding="utf-8", errors="replace") as file:
            # AWX lists encrypted files too: what is inside cannot be known.
            return any(
                line.startswith("$ANSIBLE_VAULT") or PLAYBOOK.match(line) is not None
                for line in itertools.islice(file, LINES_READ)
            )
    except OSError:
        return False


def is_inventory(path: str) -> bool:
    name = path.rsplit("/", 1)[-1]
    return name.startswith(("hosts", "inventory")) or path.split("/")[0] in (
        "inventory", "inventories")  # fmt: skip


def pack() -> int:
    """Everything but git's own files; returns the unpacked size in bytes."""
    size = 0

    def keep(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
        nonlocal size
        if "/.git/" in "/" + member.name + "/":
            return None
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        size += member.size
        return member

    with tarfile.open(ARTIFACTS + "/tree.tar.gz", "w:gz", compresslevel=3) as tree:
        for name in ("project", "requirements_roles", "requirements_collections"):
            if os.path.isdir("/runner/" + name):
                tree.add("/runner/" + name, arcname=name, filter=keep)
    return size


def main() -> int:
    with open("/runner/env/sync.json") as file:
        wanted = json.load(file)
    try:
        env = environment(wanted)
        revision = fetch(wanted, env)
        if wanted["verify"]:
            signature.verify(env)
        requirements.install(wanted["galaxy"], env)
        paths = list(walk())
        result: dict[str, Any] = {
            "revision": revision,
            "verified_by": wanted["verify"],
            "playbooks": [p for p in paths if is_playbook(p)],
            "inventories": [p for p in paths if is_inventory(p)],
            "unpacked_size": pack(),
        }
    except FileNotFoundError as error:
        print("gantry-sync: the image has no %s" % error.filename, flush=True)
        return INCOMPLETE_IMAGE
    except SyncError as error:
        print("gantry-sync: %s" % error, flush=True)
        return error.code
    with open(ARTIFACTS + "/result.json", "w") as file:
        json.dump(result, file)
    print("%d files, %d playbooks, %d bytes"
          % (len(paths), len(result["playbooks"]), result["unpacked_size"]))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
