"""Run in the pod of a project sync: clone, install requirements, list playbooks, pack the tree.

Stdlib only, Python 3.9; uses the image's git and ansible-galaxy. Reads /runner/env/sync.json,
writes /runner/artifacts/{result.json,tree.tar.gz}, which the agent sends back.
"""

from __future__ import annotations

import collections
import glob
import itertools
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
# What AWX takes for a playbook: awx/main/utils/ansible.py
PLAYBOOK = re.compile(
    r"^\s*?-?\s*?(?:'|\")?(?:ansible\.builtin\.)?(?:hosts|import_playbook|include)(?:'|\")?:\s*?.*?$"
)
NOT_PLAYBOOKS = {"roles", "tasks", "group_vars", "host_vars", "inventory", "vars", "handlers"}
LINES_READ = 200
# Answers for the project's own host alone: a submodule or a role elsewhere gets no password.
ASKPASS = """#!/bin/sh
case "$1" in
  *"//$GANTRY_SCM_HOST'"* | *"@$GANTRY_SCM_HOST'"*) ;;
  *) exit 1 ;;
esac
case "$1" in
  *[Uu]sername*) printf '%s' "$GANTRY_SCM_USER" ;;
  *) cat /runner/env/scm_password 2>/dev/null ;;
esac
"""


# Exit codes; gantry/path/finish.py has a class, a sentence and a cure for each.
FAILED, INCOMPLETE_IMAGE = 2, 3
UNREACHABLE, DENIED, TLS, NO_REPOSITORY, NO_BRANCH, REQUIREMENTS, SUBMODULES, REFUSED = range(
    10, 18
)
# What git, ssh and curl say, the more particular first.
WORDS = [
    (REFUSED, ("not allowed", "unable to find remote helper", "strange hostname")),
    (TLS, ("certificate", "ssl")),
    (UNREACHABLE, ("could not resolve", "connection refused", "timed out", "no route to host",
                   "network is unreachable", "failed to connect", "couldn't connect",
                   "connection reset", "connection closed")),
    (DENIED, ("authentication failed", "permission denied", "could not read username",
              "could not read password", "access denied", "returned error: 401",
              "returned error: 403")),
    (NO_REPOSITORY, ("does not appear to be a git repository", "not found",
                     "returned error: 404")),
    (NO_BRANCH, ("find remote ref", "not our ref", "unadvertised object", "invalid refspec")),
]  # fmt: skip


class SyncError(Exception):
    def __init__(self, sentence: str, code: int = FAILED) -> None:
        super().__init__(sentence)
        self.code = code


def explained(what: str, said: str, code: int = FAILED) -> SyncError:
    """`what` failed: with the line of `said` that tells why, and the exit code that it means."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for meaning, needles in WORDS:
        for line in lines:
            if any(needle in line.lower() for needle in needles):
                return SyncError("%s: %s" % (what, line), meaning if code == FAILED else code)
    return SyncError("%s: %s" % (what, lines[-1]) if lines else what, code)


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
        file.write(ASKPASS)
    env["GANTRY_SCM_USER"] = wanted["username"]
    env["GANTRY_SCM_HOST"] = host_of(wanted["url"])
    return env


def host_of(url: str) -> str:
    """As git and ssh name it when they ask for a password: with the port for HTTP only."""
    if "://" not in url:
        return url.partition(":")[0].rpartition("@")[2]
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    return host if scheme.startswith("http") else re.sub(r":\d*$", "", host)


def run(argv: list[str], env: dict[str, str], quiet: bool = False) -> str | None:
    """None when it went well, else what it printed; shown as it comes but for a `quiet` one."""
    process = subprocess.Popen(
        argv, env=env, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip
    said: collections.deque[str] = collections.deque(maxlen=200)
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line.decode("utf-8", "replace"))
        if not quiet:
            sys.stdout.write(said[-1])
            sys.stdout.flush()
    return re.sub(r"\x1b\[[0-9;]*m", "", "".join(said)) if process.wait() else None


def git(env: dict[str, str], *arguments: str, quiet: bool = False) -> str | None:
    return run(["git", "-c", "core.hooksPath=/dev/null", *arguments], env, quiet)


def clone(wanted: dict[str, Any], env: dict[str, str]) -> str:
    """One commit's tree in PROJECT. Returns the commit."""
    branch = wanted["branch"] or "HEAD"
    say("Cloning %s at %s" % (wanted["url"], branch))
    git(env, "init", "-q", "-b", "gantry")
    git(env, "remote", "add", "--", "origin", wanted["url"])
    refspec = wanted["refspec"]
    if refspec:
        said = git(env, "fetch", "-q", "origin", "--", refspec)
        if said is not None:
            raise explained("refspec %s could not be fetched" % refspec, said)
    fetch(branch, wanted["url"], env)
    said = git(env, "checkout", "-q", "--detach", "FETCH_HEAD")
    if said is not None:
        raise explained("%s could not be checked out" % branch, said)
    if wanted["submodules"]:
        said = git(env, "submodule", "update", "--init", "--recursive")
        if said is not None:
            raise explained("the submodules could not be fetched", said, SUBMODULES)
    shown = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT, env=env, capture_output=True)
    return shown.stdout.decode().strip()


def fetch(branch: str, url: str, env: dict[str, str]) -> None:
    """A branch, a tag, or a commit; only that commit where the server allows it."""
    commit = re.fullmatch(r"[0-9a-f]{7,64}", branch) is not None
    said = git(env, "fetch", "-q", "--depth", "1", "origin", "--", branch, quiet=commit)
    if said is None:
        return
    failure = explained("%s could not be fetched from %s" % (branch, url), said)
    local = "" if failure.code != NO_BRANCH else commit_of("refs/remotes/origin/" + branch, env)
    if not local and commit:
        # A commit that the server does not give by name: fetch everything, then look for it.
        said = git(env, "fetch", "-q", "origin", "+refs/*:refs/remotes/origin/*")
        if said is not None:
            raise explained("%s could not be fetched from %s" % (branch, url), said)
        local = commit_of(branch, env)
    if not local:
        raise failure
    with open(os.path.join(PROJECT, ".git", "FETCH_HEAD"), "w") as file:
        file.write(local + "\n")


def commit_of(name: str, env: dict[str, str]) -> str:
    """What the name means in what has been fetched, by the refspec too; empty for nothing."""
    argv = ["git", "rev-parse", "--verify", "-q", "--end-of-options", name + "^{commit}"]
    found = subprocess.run(argv, cwd=PROJECT, env=env, capture_output=True)
    return "" if found.returncode else found.stdout.decode().split()[-1]


def install_requirements(env: dict[str, str]) -> None:
    """Roles and collections of the project's own requirements files, into the tree."""
    for kind, folders in (("role", ("roles", ".")), ("collection", ("collections", "."))):
        target = "/runner/requirements_%ss" % kind
        for folder in folders:
            for name in ("requirements.yml", "requirements.yaml"):
                path = os.path.join(PROJECT, folder, name)
                if os.path.isfile(path) and wanted_by(path, kind, folder):
                    say("Installing %ss of %s" % (kind, os.path.relpath(path, PROJECT)))
                    said = run(["ansible-galaxy", kind, "install", "-r", path, "-p", target], env)
                    if said is not None:
                        what = "the %ss of %s" % (kind, os.path.relpath(path, PROJECT))
                        raise explained(what + " could not be installed", said, REQUIREMENTS)


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
