"""The credential of a project as git and ssh find it: an askpass program and ssh's options."""

from __future__ import annotations

import glob
import os
import re
from typing import Any

PASSWORD = "/runner/env/scm_password"
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


def environment(wanted: dict[str, Any]) -> dict[str, str]:
    """git and svn that ask nobody, know only network protocols, and find the credential."""
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
    env["GIT_SSH_COMMAND"] = env["SVN_SSH"] = "ssh -o ConnectTimeout=30 " + options
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


def password() -> str:
    """Empty where the credential has none."""
    if not os.path.exists(PASSWORD):
        return ""
    with open(PASSWORD, encoding="utf-8") as file:
        return file.read()
