"""Run in the pod of a project sync: clone, install requirements, list playbooks, pack the tree.

Stdlib only, Python 3.9; uses the image's git and ansible-galaxy. Reads /runner/env/sync.json,
writes /runner/artifacts/{result.json,tree.tar.gz}, which the agent sends back.
"""

from __future__ import annotations

import glob
import json
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from typing import Any

PROJECT = "/runner/project"
ARTIFACTS = "/runner/artifacts"
PASSWORD = "/runner/env/scm_password"
SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# What AWX takes for a playbook: awx/main/utils/ansible.py
PLAYBOOK = re.compile(
    r"^\s*?-?\s*?(?:'|\")?(?:ansible\.builtin\.)?(?:hosts|import_playbook|include)(?:'|\")?:\s*?.*?$"
)
NOT_PLAYBOOKS = {"roles", "tasks", "group_vars", "host_vars", "inventory", "vars", "handlers"}
LINES_READ = 200


class SyncError(Exception):
    pass


def say(text: str) -> None:
    print("\033[1m%s\033[0m" % text, flush=True)


def environment(wanted: dict[str, Any]) -> dict[str, str]:
    """git that asks nobody, knows only network protocols, and finds the credential."""
    env = dict(
        os.environ,
        GIT_TERMINAL_PROMPT="0",
        GIT_ALLOW_PROTOCOL="http:https:ssh:git",
        GIT_CONFIG_NOSYSTEM="1",
        GIT_ASKPASS="/runner/env/askpass",
        SSH_ASKPASS="/runner/env/askpass",
        SSH_ASKPASS_REQUIRE="force",
        DISPLAY=":0",
    )
    # A project's host key is not known beforehand, as in AWX; keys come from the ssh-agent.
    options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    if not os.path.exists(PASSWORD):
        options += " -o BatchMode=yes"
    if wanted["username"]:
        options += " -o User=" + re.sub(r"[^A-Za-z0-9._@-]", "", wanted["username"])
    # Keys that the agent could not lend to an ssh-agent, since the image has none.
    for key in sorted(glob.glob("/runner/env/ssh_key_*")):
        options += " -i " + key
    env["GIT_SSH_COMMAND"] = "ssh -o ConnectTimeout=30 " + options
    with open(os.open(env["GIT_ASKPASS"], os.O_WRONLY | os.O_CREAT, 0o700), "w") as file:
        file.write(
            '#!/bin/sh\ncase "$1" in\n  *[Uu]sername*) printf \'%s\' "$GANTRY_SCM_USER";;\n'
            "  *) cat " + PASSWORD + " 2>/dev/null;;\nesac\n"
        )
    env["GANTRY_SCM_USER"] = wanted["username"]
    return env


def run(argv: list[str], env: dict[str, str], cwd: str = PROJECT) -> int:
    done = subprocess.run(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL)
    return done.returncode


def git(env: dict[str, str], *arguments: str) -> int:
    return run(["git", "-c", "core.hooksPath=/dev/null", *arguments], env)


def clone(wanted: dict[str, Any], env: dict[str, str]) -> str:
    """One commit's tree in PROJECT. Returns the commit."""
    branch = wanted["branch"] or "HEAD"
    say("Cloning %s at %s" % (wanted["url"], branch))
    git(env, "init", "-q", "-b", "gantry")
    git(env, "remote", "add", "--", "origin", wanted["url"])
    refspec = wanted["refspec"]
    if refspec and git(env, "fetch", "-q", "origin", "--", refspec) != 0:
        raise SyncError("refspec %s could not be fetched" % refspec)
    if not fetch(branch, env):
        raise SyncError("%s could not be fetched from %s" % (branch, wanted["url"]))
    if git(env, "checkout", "-q", "--detach", "FETCH_HEAD") != 0:
        raise SyncError("%s could not be checked out" % branch)
    if wanted["submodules"]:
        arguments = ["submodule", "update", "--init", "--recursive"]
        if git(env, *arguments) != 0:
            raise SyncError("the submodules could not be fetched")
    shown = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT, env=env, capture_output=True)
    return shown.stdout.decode().strip()


def fetch(branch: str, env: dict[str, str]) -> bool:
    """A branch, a tag, or a commit; only that commit where the server allows it."""
    if git(env, "fetch", "-q", "--depth", "1", "origin", "--", branch) == 0:
        return True
    if not re.fullmatch(r"[0-9a-f]{7,64}", branch):
        return False
    # A commit that the server does not give by name: fetch everything, then look for it.
    if git(env, "fetch", "-q", "origin", "+refs/*:refs/remotes/origin/*") != 0:
        return False
    found = subprocess.run(
        ["git", "rev-parse", "--verify", "-q", branch + "^{commit}"],
        cwd=PROJECT, env=env, capture_output=True,
    )  # fmt: skip
    if found.returncode != 0:
        return False
    head = os.path.join(PROJECT, ".git", "FETCH_HEAD")
    with open(head, "w") as file:
        file.write(found.stdout.decode().strip() + "\n")
    return True


def install_requirements(env: dict[str, str]) -> None:
    """Roles and collections of the project's own requirements files, into the tree."""
    for kind, folders in (("role", ("roles", ".")), ("collection", ("collections", "."))):
        target = "/runner/requirements_%ss" % kind
        for folder in folders:
            for name in ("requirements.yml", "requirements.yaml"):
                path = os.path.join(PROJECT, folder, name)
                if os.path.isfile(path) and wanted_by(path, kind, folder):
                    say("Installing %ss of %s" % (kind, os.path.relpath(path, PROJECT)))
                    flags = ["-r", path, "-p", target]
                    if run(["ansible-galaxy", kind, "install", *flags], env) != 0:
                        raise SyncError("the %ss of %s/%s could not be installed"
                                        % (kind, folder, name))  # fmt: skip


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


def walk() -> Iterator[str]:
    for directory, folders, files in os.walk(PROJECT):
        folders[:] = sorted(f for f in folders if f != ".git")
        for name in sorted(files):
            yield os.path.relpath(os.path.join(directory, name), PROJECT)


def is_playbook(path: str) -> bool:
    if not path.endswith((".yml", ".yaml")) or NOT_PLAYBOOKS & set(path.split("/")[:-1]):
        return False
    try:
        with open(os.path.join(PROJECT, path), encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file):
                if line.startswith("$ANSIBLE_VAULT"):
                    return True  # AWX lists them too: what is inside cannot be known
                if PLAYBOOK.match(line):
                    return True
                if number > LINES_READ:
                    return False
    except OSError:
        return False
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
        revision = clone(wanted, env)
        say("At commit %s" % revision)
        install_requirements(env)
        paths = list(walk())
        result: dict[str, Any] = {
            "revision": revision,
            "playbooks": [p for p in paths if is_playbook(p)],
            "inventories": [p for p in paths if is_inventory(p)],
            "unpacked_size": pack(),
        }
    except FileNotFoundError as error:
        print("gantry-sync: the image has no %s" % error.filename, flush=True)
        return 3
    except SyncError as error:
        print("gantry-sync: %s" % error, flush=True)
        return 2
    with open(ARTIFACTS + "/result.json", "w") as file:
        json.dump(result, file)
    print("%d files, %d playbooks, %d bytes"
          % (len(paths), len(result["playbooks"]), result["unpacked_size"]))  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
