"""A revision's tree by svn, over HTTP, svn:// and SSH. The password goes by standard input."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from .access import password
from .words import PROJECT, explained, run, say

CA_BUNDLE = "SSL_CERT_FILE"
SERVERS = "servers:global:%s=%s"


def export(wanted: dict[str, Any], env: dict[str, str]) -> str:
    """The tree of one revision in PROJECT, without svn's own files. Returns the revision."""
    url, user, secret = login(wanted)
    url, env = over_ssh(url, env)
    revision = wanted["branch"] or "HEAD"
    say("Exporting %s at %s" % (url, revision))
    options = ["--non-interactive", "--no-auth-cache", *trust(env)]
    if user:
        options += ["--username", user]
    if secret:
        options += ["--password-from-stdin"]
    line = secret or None
    # The @ keeps svn from taking one in the path for the mark of a revision.
    where = ["-r", revision, "--", url + "@"]
    code, said = run(["svn", "info", "--show-item", "revision", *options, *where], env, True, line)
    number = said.strip().splitlines()[-1] if said.strip() else ""
    if code or not number.isdigit():
        raise explained("%s at %s could not be read" % (url, revision), said)
    where = ["-r", number, "--", url + "@"]
    # The password is for the project's own server: what lies elsewhere must not be asked with it.
    without = ["--ignore-externals"] if secret else []
    code, said = run(
        ["svn", "export", "--force", "-q", *without, *options, *where, PROJECT], env, False, line
    )
    if code:
        raise explained("%s at %s could not be exported" % (url, number), said)
    if secret:
        tell_externals(options, where, env, line)
    return number


def tell_externals(
    options: list[str], where: list[str], env: dict[str, str], line: str | None
) -> None:
    argv = ["svn", "propget", "svn:externals", "--recursive", *options, *where]
    code, said = run(argv, env, True, line)
    if not code and said.strip():
        say("svn:externals were left out: the project's password is for its own repository only")


def login(wanted: dict[str, Any]) -> tuple[str, str, str]:
    """The URL without what logs in, a user and a password: the URL's own before the credential's,
    as AWX does. ssh finds them by itself."""
    parts = urlsplit(wanted["url"])
    user = unquote(parts.username or "") or wanted["username"]
    secret = unquote(parts.password or "") or password()
    if parts.scheme == "svn+ssh":
        return wanted["url"], "", ""
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=place)), user, secret


def over_ssh(url: str, env: dict[str, str]) -> tuple[str, dict[str, str]]:
    """svn hands ssh a port with the host's name, which ssh takes for a part of it."""
    parts = urlsplit(url)
    if parts.scheme != "svn+ssh" or parts.port is None:
        return url, env
    place = parts.netloc.rpartition(":")[0]
    ssh = "%s -p %d" % (env["SVN_SSH"], parts.port)
    return urlunsplit(parts._replace(netloc=place)), dict(env, SVN_SSH=ssh)


def trust(env: dict[str, str]) -> list[str]:
    """svn looks for authorities in its own settings alone."""
    found = env.get(CA_BUNDLE, "")
    options = ["--config-option", SERVERS % ("ssl-trust-default-ca", "yes")]
    if found and os.path.exists(found) and re.match(r"[\w./-]+$", found):
        options += ["--config-option", SERVERS % ("ssl-authority-files", found)]
    return options
