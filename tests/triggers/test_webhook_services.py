"""What deliveries tell, by payloads as the services document them; which signatures count."""

from __future__ import annotations

from typing import Any

import pytest

from gantry.triggers.webhook_services import SERVICES, Told
from tests.triggers.webhook_senders import delivery, recorded, signed

HELLO = "https://api.github.com/repos/Codertocat/Hello-World/statuses"
KEY = "k" * 50


@pytest.mark.parametrize(
    ("service", "event", "payload", "told"),
    [
        ("github", "push", "github_push", Told(
            "6113728f27ae82c7b1a177c8d03f9e96e0adf246", ("refs/heads/master",), "",
            f"{HELLO}/6113728f27ae82c7b1a177c8d03f9e96e0adf246")),
        ("github", "push", "github_push_deleted", Told(None, ("refs/tags/simple-tag",))),
        ("github", "pull_request", "github_pull_request", Told(
            "ec26c3e57ca3a959ca5aad62de7213c562f8c821", ("refs/heads/master",), "opened",
            f"{HELLO}/ec26c3e57ca3a959ca5aad62de7213c562f8c821")),
        ("github", "issues", "github_push", Told(None, ())),
        ("gitlab", "Push Hook", "gitlab_push", Told(
            "bb0748feaa336d841c251017e4e374c22d0c8a98", ("refs/heads/master",), "",
            "https://gitlab.com/api/v4/projects/1/statuses/"
            "bb0748feaa336d841c251017e4e374c22d0c8a98")),
        ("gitlab", "Merge Request Hook", "gitlab_merge_request", Told(
            "da1560886d4f094c3e6c9ef40349f7d38b5d27d7", ("refs/heads/master",), "open",
            "https://gitlab.com/api/v4/projects/100500/statuses/"
            "da1560886d4f094c3e6c9ef40349f7d38b5d27d7")),
        ("bitbucket_dc", "repo:refs_changed", "bitbucket_dc_refs_changed", Told(
            "22671f0349857934857983457983475ec39f196b", ("refs/heads/master",), "",
            "https://bitbucketserver/rest/build-status/1.0/commits/"
            "22671f0349857934857983457983475ec39f196b")),
        # The commit that is asked to be merged is told of, at a service below a path; the ref is
        # AWX's: the branch that it would be merged into.
        ("bitbucket_dc", "pr:opened", "bitbucket_dc_pr_opened", Told(
            "178864a7d521b6f5e720b386b2c2b0ef8563e0dc", ("refs/heads/master",), "",
            "https://git.example.com/bitbucket/rest/build-status/1.0/commits/"
            "ef8755f06ee4b28c96a847a95cb8ec8ed6ddd1ca")),
        ("gitea", "push", "gitea_push", Told(
            "bffeb74224043ba2feb48d137756c8a9331c449a", ("refs/heads/develop",), "",
            "http://localhost:3000/api/v1/repos/gitea/webhooks/statuses/"
            "bffeb74224043ba2feb48d137756c8a9331c449a")),
    ],
)  # fmt: skip
def test_what_a_recorded_payload_tells(service: str, event: str, payload: str, told: Told) -> None:
    assert SERVICES[service].tell(event, recorded(payload)) == told


def test_a_gitlab_below_a_path_is_told_there() -> None:
    payload = recorded("gitlab_push")
    payload["project"]["web_url"] = "https://example.com/gitlab/group/name"
    told = SERVICES["gitlab"].tell("Push Hook", payload)
    assert (told.status_api or "").startswith("https://example.com/gitlab/api/v4/projects/1/")


@pytest.mark.parametrize("service", SERVICES)
def test_a_payload_of_nonsense_tells_nothing(service: str) -> None:
    odd: list[Any] = [
        {}, {"after": 5, "ref": []}, {"repository": "x", "changes": {"0": 1}, "project": []},
        {"changes": [None, 1, {"ref": None}]}, {"pull_request": [], "object_attributes": 1},
    ]  # fmt: skip
    for payload in odd:
        for event in ("push", "Push Hook", "repo:refs_changed", "pull_request", "create", "x"):
            assert SERVICES[service].tell(event, payload) == Told()


@pytest.mark.parametrize("service", SERVICES)
def test_the_key_alone_opens(service: str) -> None:
    right = SERVICES[service].right
    body, headers = delivery(service, KEY, b'{"a": 1}')
    assert right(KEY.encode(), headers, body)
    assert not right(b"another", headers, body)
    assert not right(KEY.encode(), {}, body)
    if service != "gitlab":  # which signs nothing, but shows the key
        assert not right(KEY.encode(), headers, body + b" ")
    for odd in ("", "sha256", "sha256=", "sha256=\u00e9", "\u00e9"):
        wrong = {n: odd if "Signature" in n or "Token" in n else v for n, v in headers.items()}
        assert not right(KEY.encode(), wrong, body)


def test_which_signatures_count() -> None:
    body = b"{}"
    one, two = f"sha1={signed(KEY, body, 'sha1')}", f"sha256={signed(KEY, body)}"

    def right(service: str, **headers: str) -> bool:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return SERVICES[service].right(KEY.encode(), named, body)

    assert right("github", X_Hub_Signature=one)
    assert right("github", X_Hub_Signature_256=two)
    # The weaker one does not stand in for a stronger that is wrong.
    assert not right("github", X_Hub_Signature=one, X_Hub_Signature_256="sha256=00")
    assert not right("github", X_Hub_Signature=f"md5={'0' * 32}")
    assert not right("bitbucket_dc", X_Hub_Signature=one)
    assert right("gitea", X_Forgejo_Signature=signed(KEY, body))
    assert right("gitea", X_Hub_Signature_256=two)
    assert not right("gitea", X_Hub_Signature=one)
