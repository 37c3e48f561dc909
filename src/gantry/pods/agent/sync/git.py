"""A commit's tree by git, over HTTP and SSH: a branch, a tag, a commit, a pull request."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any

from .words import NO_BRANCH, PROJECT, SUBMODULES, explained, run, say


def git(env: dict[str, str], *arguments: str, quiet: bool = False) -> str | None:
    """None when it went well, else what it printed."""
    code, said = run(["git", "-c", "core.hooksPath=/dev/null", *arguments], env, quiet)
    return said if code else None


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
