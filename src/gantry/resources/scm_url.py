"""Which URLs a project of each kind may have. Asked by the API when a project is saved.

A sync runs git or svn in a pod, yet the rule is strict: nothing that reads files of the pod or runs
a program (`ext::`), and nothing that git could take for an option.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from gantry.base.errors import InvalidInput

SCHEMES = {
    "git": ("https", "http", "ssh", "git"),
    "svn": ("https", "http", "svn", "svn+ssh"),
    "archive": ("https", "http"),
}
# [user@]host:path, as scp writes it; git's own rule is that no slash stands before the colon.
_SCP = re.compile(
    r"(?:(?P<user>[^@/:\s]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^@/:\s\[\]]+):(?!:)(?P<path>.+)"
)
# Fields that only some kinds have, and AWX's words for the others.
_ONLY = {
    "scm_branch": (("git", "svn"), "SCM branch cannot be used with archive projects."),
    "scm_refspec": (("git",), "SCM refspec can only be used with git projects."),
    "scm_track_submodules": (
        ("git",), "SCM track_submodules can only be used with git projects.",
    ),
}  # fmt: skip
_SVN_REVISION = re.compile(r"\d*|HEAD|\{[\dTZ:+. -]+\}", re.ASCII)
_HOST = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?|[0-9A-Fa-f:.]+")


def check_url(kind: str, url: str) -> None:
    """`kind` is git, svn or archive. Raises InvalidInput for `scm_url`. AWX's words where AWX
    refuses too."""
    if not url.strip():
        raise _refused("SCM URL is required.")
    if any(c.isspace() or ord(c) < 32 or c == "\\" for c in url):
        raise _refused(f"Invalid {kind} URL", "A URL has no blanks and no backslashes.")
    if url.startswith("-"):
        raise _refused(
            f"Invalid {kind} URL",
            f"It must not begin with a dash: {kind} would take it for an option.",
        )
    if "://" in url:
        _check_scheme(kind, url)
    elif kind != "git":
        raise _refused(f"Invalid {kind} URL", f"Use {_protocols(kind)}.")
    elif re.match(r"[A-Za-z0-9+.-]+::", url):
        raise _refused("Unsupported git URL", "Remote helpers such as `ext::` are not allowed.")
    else:
        _check_scp(url)


def _protocols(kind: str) -> str:
    return " or ".join(f"{scheme}://" for scheme in SCHEMES[kind])


def _check_scheme(kind: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise _refused(f"Invalid {kind} URL") from error
    if parts.scheme == "file":
        raise _refused(
            f"Unsupported {kind} URL", f"Local paths are not allowed; use {_protocols(kind)}."
        )
    if parts.scheme not in SCHEMES[kind]:
        raise _refused(f"Unsupported {kind} URL")  # in AWX's words, as clients compare them
    if not host:
        raise _refused(f"Host is required for {parts.scheme} URL")
    if not _HOST.fullmatch(host) or (parts.username or "").startswith("-"):
        raise _refused(f"Invalid {kind} URL")


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


def misplaced(kind: str, given: Mapping[str, Any]) -> dict[str, str]:
    """The fields of `given` that a project of this kind cannot have: field -> sentence."""
    return {
        name: words
        for name, (kinds, words) in _ONLY.items()
        if given.get(name) and kind not in kinds
    }  # fmt: skip


def check_revision(kind: str, values: Mapping[str, Any]) -> None:
    """`scm_branch` and `scm_refspec`. Raises InvalidInput."""
    for name in ("scm_branch", "scm_refspec"):
        if (values.get(name) or "").startswith("-"):
            raise InvalidInput("It must not begin with a dash.", field=name)
    if kind == "svn" and not _SVN_REVISION.fullmatch(values.get("scm_branch") or ""):
        raise InvalidInput(
            "A revision of Subversion is a number, a {date} or HEAD.", field="scm_branch"
        )
