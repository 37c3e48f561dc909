"""How each Git service signs a webhook, and where its payload says what happened.

Pure functions of headers and payload. What AWX calls event, guid, ref and status API is as in
awx/api/views/webhooks.py; formats are those that the services document. Beyond AWX: sha256 of
GitHub, Gitea and Forgejo, branches, the status API of pushes, and services below a path.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

Headers = Mapping[str, str]
Payload = dict[str, Any]
DELETED = "0" * 40  # the ref of a branch that is no more
# GitHub's and Gitea's names are the same: event -> where the commit or tag is.
_HUB_REFS = {
    "pull_request": "pull_request.head.sha",
    "pull_request_review": "pull_request.head.sha",
    "pull_request_review_comment": "pull_request.head.sha",
    "push": "after",
    "release": "release.tag_name",
    "commit_comment": "comment.commit_id",
    "create": "ref",
    "page_build": "build.commit",
}
_COMMITS = ("pull_request", "pull_request_review", "pull_request_review_comment", "push",
            "commit_comment")  # fmt: skip
_LAB_REFS = {
    "Push Hook": "checkout_sha",
    "Tag Push Hook": "checkout_sha",
    "Merge Request Hook": "object_attributes.last_commit.id",
}
_BUCKET_REFS = {
    "repo:refs_changed": "changes.0.toHash",
    "mirror:repo_synchronized": "changes.0.toHash",
    "pr:opened": "pullRequest.toRef.latestCommit",
    "pr:from_ref_updated": "pullRequest.toRef.latestCommit",
    "pr:modified": "pullRequest.toRef.latestCommit",
}


@dataclass(frozen=True)
class Told:
    """What a payload tells. `ref`: a commit or a tag's name; `branches`: full names of what was
    pushed to or is asked to be; `status_api`: where to tell of the commit, "" for nowhere."""

    ref: str | None = None
    branches: tuple[str, ...] = ()
    action: str = ""
    status_api: str | None = None


@dataclass(frozen=True)
class Service:
    """`right(key, headers, body)` in constant time; `ignored`: events that ask for nothing."""

    event: str
    guid: Callable[[Headers, bytes], str]
    right: Callable[[bytes, Headers, bytes], bool]
    tell: Callable[[str, Payload], Told]
    ignored: Callable[[str], bool] = lambda event: False
    unsigned: tuple[str, ...] = field(default=())  # ignored ones that nobody signs


def at(payload: Any, path: str) -> Any:
    """What is at a path of keys and numbers, None where there is nothing."""
    for step in path.split("."):
        if isinstance(payload, list) and step.isdigit() and int(step) < len(payload):
            payload = payload[int(step)]
        elif isinstance(payload, dict):
            payload = payload.get(step)
        else:
            return None
    return payload


def _text(payload: Any, path: str) -> str:
    found = at(payload, path)
    return found if isinstance(found, str) else ""


def _ref(payload: Payload, refs: Mapping[str, str], event: str) -> str | None:
    found = _text(payload, refs.get(event, "-"))
    return found if found and found != DELETED else None


def _same(right: str, given: str) -> bool:
    return hmac.compare_digest(right.encode(), given.encode("utf-8", "replace"))


def _signed(key: bytes, body: bytes, algorithm: str, given: str) -> bool:
    return _same(hmac.new(key, body, getattr(hashlib, algorithm)).hexdigest(), given)


def _hub_signed(key: bytes, headers: Headers, body: bytes) -> bool:
    """The better signature counts where there are two."""
    for header, algorithm in (("X-Hub-Signature-256", "sha256"), ("X-Hub-Signature", "sha1")):
        if given := headers.get(header, ""):
            name, _, digest = given.partition("=")
            return name == algorithm and _signed(key, body, algorithm, digest)
    return False


def _tea_signed(key: bytes, headers: Headers, body: bytes) -> bool:
    for header in ("X-Gitea-Signature", "X-Forgejo-Signature"):
        if given := headers.get(header, ""):
            return _signed(key, body, "sha256", given)
    return bool(headers.get("X-Hub-Signature-256")) and _hub_signed(key, headers, body)


def _bucket_signed(key: bytes, headers: Headers, body: bytes) -> bool:
    name, _, digest = headers.get("X-Hub-Signature", "").partition("=")
    return name == "sha256" and _signed(key, body, "sha256", digest)


def _lab_signed(key: bytes, headers: Headers, body: bytes) -> bool:
    # GitLab signs nothing: it sends the key itself.
    return _same(key.decode(), headers.get("X-Gitlab-Token", ""))


def _hub_branch(event: str, payload: Payload) -> tuple[str, ...]:
    if event == "push":
        return _named(_text(payload, "ref"))
    if event in ("create", "delete"):
        kind = "tags" if payload.get("ref_type") == "tag" else "heads"
        name = _text(payload, "ref")
        # Gitea tells the full name in some versions.
        return _named(name if name.startswith("refs/") else name and f"refs/{kind}/{name}")
    if event == "release":
        return _named(_text(payload, "release.tag_name"), "refs/tags/")
    return _named(_text(payload, "pull_request.base.ref"), "refs/heads/")


def _named(name: str, before: str = "") -> tuple[str, ...]:
    return (f"{before}{name}",) if name else ()


def _tell_hub(event: str, payload: Payload) -> Told:
    ref = _ref(payload, _HUB_REFS, event)
    status: str | None = _text(payload, "pull_request.statuses_url") or None
    if event != "pull_request":
        # AWX tells of pull requests alone.
        template = _text(payload, "repository.statuses_url")
        commit = ref is not None and event in _COMMITS and "{sha}" in template
        status = template.replace("{sha}", quote(ref or "", safe="")) if commit else None
    return Told(ref, _hub_branch(event, payload), _text(payload, "action"), status)


def _tell_tea(event: str, payload: Payload) -> Told:
    ref = _ref(payload, _HUB_REFS, event)
    name, page = _text(payload, "repository.full_name"), _text(payload, "repository.html_url")
    status = None
    if ref is not None and event in _COMMITS and name and page.endswith(f"/{name}"):
        base = page.removesuffix(f"/{name}")
        status = f"{base}/api/v1/repos/{name}/statuses/{quote(ref, safe='')}"
    return Told(ref, _hub_branch(event, payload), _text(payload, "action"), status)


def _tell_lab(event: str, payload: Payload) -> Told:
    ref = _ref(payload, _LAB_REFS, event)
    branches = _named(_text(payload, "ref"))
    if event not in ("Push Hook", "Tag Push Hook"):
        paths = ("object_attributes.target_branch", "merge_request.target_branch",
                 "object_attributes.ref")  # fmt: skip
        found = next((name for path in paths if (name := _text(payload, path))), "")
        branches = _named(found, "refs/heads/")
    page, name = _text(payload, "project.web_url"), _text(payload, "project.path_with_namespace")
    project, status = at(payload, "project.id"), None
    if ref is not None and page and isinstance(project, int):
        status = f"{_base(page, f'/{name}')}/api/v4/projects/{project}/statuses/{quote(ref)}"
    return Told(ref, branches, _text(payload, "object_attributes.action"), status)


def _base(page: str, below: str) -> str:
    """The service's own address: it may live below a path."""
    if below != "/" and page.endswith(below):
        return page.removesuffix(below)
    return "/".join(page.split("/")[:3])


def _tell_bucket(event: str, payload: Payload) -> Told:
    ref = _ref(payload, _BUCKET_REFS, event)
    changes = payload.get("changes")
    names = [_text(c, "ref.id") or _text(c, "refId") for c in changes or [] if isinstance(c, dict)]
    if not isinstance(changes, list):
        names = [_text(payload, "pullRequest.toRef.id")]
    commit = ref
    if event.startswith("pr:"):
        # What is asked to be merged; AWX tells the branch that it would be merged into.
        commit = _text(payload, "pullRequest.fromRef.latestCommit") or ref
    page = next((page for path in _BUCKET_PAGES if (page := _text(payload, path))), "")
    status = None
    if commit is not None and event in _BUCKET_REFS and page:
        base = page.partition("/projects/")[0].partition("/users/")[0]
        status = f"{base}/rest/build-status/1.0/commits/{quote(commit, safe='')}"
    return Told(ref, tuple(n for n in names if n), "", status)


_BUCKET_PAGES = ("repository.links.self.0.href", "pullRequest.fromRef.repository.links.self.0.href",
                 "actor.links.self.0.href")  # fmt: skip


def _header(*names: str) -> Callable[[Headers, bytes], str]:
    return lambda headers, body: next((v for n in names if (v := headers.get(n, ""))), "")


def _pings(event: str) -> bool:
    return event == "ping"


SERVICES = {
    "github": Service(
        "X-GitHub-Event", _header("X-GitHub-Delivery"), _hub_signed, _tell_hub, _pings
    ),
    # The same body twice is the same event: older GitLabs name no delivery.
    "gitlab": Service(
        "X-Gitlab-Event", lambda headers, body: hashlib.sha1(body).hexdigest(),  # noqa: S324
        _lab_signed, _tell_lab,
    ),
    "bitbucket_dc": Service(
        "X-Event-Key", _header("X-Request-Id"), _bucket_signed, _tell_bucket,
        lambda event: event not in _BUCKET_REFS, ("diagnostics:ping",),
    ),
    "gitea": Service(
        "X-Gitea-Event", _header("X-Gitea-Delivery", "X-Forgejo-Delivery"), _tea_signed, _tell_tea
    ),
}  # fmt: skip
