"""Which repository URLs a project may have. Asked by the API when a project is saved.

A sync runs git in a pod, yet the rule is strict: nothing that reads files of the pod or runs a
program (`ext::`), and nothing that git could take for an option.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from gantry.base.errors import InvalidInput

SCHEMES = ("https", "http", "ssh", "git")
# [user@]host:path, as scp writes it; git's own rule is that no slash stands before the colon.
_SCP = re.compile(
    r"(?:(?P<user>[^@/:\s]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^@/:\s\[\]]+):(?!:)(?P<path>.+)"
)
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?|[0-9A-Fa-f:.]+")


def check_git_url(url: str) -> None:
    """Raises InvalidInput for `scm_url`. AWX's words where AWX refuses too."""
    if not url.strip():
        raise _refused("SCM URL is required.")
    if any(c.isspace() or ord(c) < 32 or c == "\\" for c in url):
        raise _refused("Invalid git URL", "A URL has no blanks and no backslashes.")
    if url.startswith("-"):
        raise _refused(
            "Invalid git URL", "It must not begin with a dash: git would take it for an option."
        )
    if "://" in url:
        _check_scheme(url)
    elif re.match(r"[A-Za-z0-9+.-]+::", url):
        raise _refused("Unsupported git URL", "Remote helpers such as `ext::` are not allowed.")
    else:
        _check_scp(url)


def _check_scheme(url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise _refused("Invalid git URL") from error
    if parts.scheme == "file":
        raise _refused(
            "Unsupported git URL", "Local paths are not allowed; use https:// or ssh://."
        )
    if parts.scheme not in SCHEMES:
        raise _refused("Unsupported git URL")
    if not host:
        raise _refused(f"Host is required for {parts.scheme} URL")
    if not _HOST.fullmatch(host) or (parts.username or "").startswith("-"):
        raise _refused("Invalid git URL")


def _check_scp(url: str) -> None:
    found = _SCP.fullmatch(url)
    if found is None:
        raise _refused(
            "Unsupported git URL", "Local paths are not allowed; use https:// or ssh://."
        )
    if not _HOST.fullmatch(found["host"].strip("[]")) or (found["user"] or "").startswith("-"):
        raise _refused("Invalid git URL")
    if found["path"].startswith("-"):
        raise _refused("Invalid git URL")


def _refused(sentence: str, cure: str = "") -> InvalidInput:
    return InvalidInput(sentence, field="scm_url", cure=cure)
