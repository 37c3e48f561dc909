"""How a sync runs a program, and how it says why something failed: a sentence and an exit code."""

from __future__ import annotations

import collections
import re
import subprocess
import sys

PROJECT = "/runner/project"
# Exit codes; gantry/path/finish.py has a class, a sentence and a cure for each.
FAILED, INCOMPLETE_IMAGE = 2, 3
(UNREACHABLE, DENIED, TLS, NO_REPOSITORY, NO_BRANCH, REQUIREMENTS, SUBMODULES, REFUSED,
 BAD_ARCHIVE, BAD_SIGNATURE) = range(10, 20)  # fmt: skip
# What git, svn, ssh and curl say, the more particular first: svn calls it a closed connection too
# when ssh was denied.
WORDS = [
    (REFUSED, ("not allowed", "unable to find remote helper", "strange hostname")),
    (TLS, ("certificate", "ssl")),
    (DENIED, ("authentication failed", "permission denied", "could not read username",
              "could not read password", "access denied", "returned error: 401",
              "returned error: 403", "authentication error", "no more credentials", "e170001",
              "access forbidden")),
    (UNREACHABLE, ("could not resolve", "connection refused", "timed out", "no route to host",
                   "network is unreachable", "failed to connect", "couldn't connect",
                   "connection reset", "connection closed", "name or service not known",
                   "unknown hostname")),
    (NO_BRANCH, ("find remote ref", "not our ref", "unadvertised object", "invalid refspec",
                 "no such revision", "e160006", "e205000")),
    (NO_REPOSITORY, ("does not appear to be a git repository", "not found",
                     "returned error: 404", "no repository found", "non-existent in revision",
                     "doesn't exist")),
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


def run(
    argv: list[str], env: dict[str, str], quiet: bool = False, secret: str | None = None
) -> tuple[int, str]:
    """Its exit code and what it printed; shown as it comes but for a `quiet` one. `secret` is the
    line that it reads from its standard input."""
    process = subprocess.Popen(
        argv, env=env, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL if secret is None else subprocess.PIPE,
    )  # fmt: skip
    if secret is not None:
        assert process.stdin is not None
        process.stdin.write(secret.encode() + b"\n")
        process.stdin.close()
    said: collections.deque[str] = collections.deque(maxlen=200)
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line.decode("utf-8", "replace"))
        if not quiet:
            sys.stdout.write(said[-1])
            sys.stdout.flush()
    code = process.wait()
    return code, re.sub(r"\x1b\[[0-9;]*m", "", "".join(said))
