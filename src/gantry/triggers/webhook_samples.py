"""A delivery of each service for a test, in the format that it documents: a push to `main`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

COMMIT = "4d6f1d0b5a2e4f9c8b7a6d5e4c3b2a1908f7e6d5"
BEFORE = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
_AUTHOR = {"name": "Gantry", "email": "gantry@example.com"}
_MESSAGE = "A test that Gantry sent itself"
_PUSH = {"ref": "refs/heads/main", "before": BEFORE, "after": COMMIT}


@dataclass(frozen=True)
class Sample:
    event: str
    payload: dict[str, Any]


def _hub(page: str) -> dict[str, Any]:
    commit = {
        "id": COMMIT, "message": _MESSAGE, "author": _AUTHOR, "url": f"{page}/commit/{COMMIT}",
        "added": [], "removed": [], "modified": ["README.md"],
    }  # fmt: skip
    return {
        **_PUSH, "commits": [commit], "head_commit": commit, "pusher": _AUTHOR,
        "repository": {
            "id": 1, "name": "sample", "full_name": "example/sample", "html_url": page,
            "clone_url": f"{page}.git", "default_branch": "main", "private": False,
            "owner": {"login": "example"},
        },
        "sender": {"login": "gantry"},
    }  # fmt: skip


_LAB_PAGE = "https://gitlab.example.com/example/sample"
_BUCKET = "https://bitbucket.example.com"
SAMPLES = {
    "github": Sample("push", _hub("https://github.example.com/example/sample")),
    "gitea": Sample("push", _hub("https://gitea.example.com/example/sample")),
    "gitlab": Sample("Push Hook", {
        **_PUSH, "object_kind": "push", "event_name": "push", "checkout_sha": COMMIT,
        "user_name": "Gantry", "project_id": 1, "total_commits_count": 1,
        "project": {
            "id": 1, "name": "sample", "web_url": _LAB_PAGE, "git_http_url": f"{_LAB_PAGE}.git",
            "path_with_namespace": "example/sample", "default_branch": "main",
        },
        "commits": [{"id": COMMIT, "message": _MESSAGE, "author": _AUTHOR,
                     "url": f"{_LAB_PAGE}/-/commit/{COMMIT}", "added": [], "removed": [],
                     "modified": ["README.md"]}],
    }),
    "bitbucket_dc": Sample("repo:refs_changed", {
        "eventKey": "repo:refs_changed", "date": "2026-11-24T12:00:00+0000",
        "actor": {"name": "gantry", "displayName": "Gantry", "active": True, "type": "NORMAL"},
        "repository": {
            "slug": "sample", "id": 1, "name": "sample", "scmId": "git", "state": "AVAILABLE",
            "project": {"key": "EX", "id": 1, "name": "Example", "type": "NORMAL"},
            "links": {"self": [{"href": f"{_BUCKET}/projects/EX/repos/sample/browse"}]},
        },
        "changes": [{
            "ref": {"id": "refs/heads/main", "displayId": "main", "type": "BRANCH"},
            "refId": "refs/heads/main", "fromHash": BEFORE, "toHash": COMMIT, "type": "UPDATE",
        }],
    }),
}  # fmt: skip
