"""Which repository URLs are taken."""

from __future__ import annotations

import pytest

from gantry.base.errors import InvalidInput
from gantry.resources.scm_url import check_git_url


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.org/a/b.git",
        "http://127.0.0.1:3000/a.git",
        "https://user:pass@git.example.org:8443/a.git",
        "https://[fd00::1]:443/a.git",
        "ssh://git@git.example.org:22/a.git",
        "ssh://git.example.org/~me/a",
        "git://git.example.org/a",
        "git@github.com:ansible/awx.git",
        "git.example.org:a/b.git",
        "git@[fd00::1]:a/b.git",
        "https://git.example.org/with%20blank.git?x=1",
    ],
)
def test_repositories_that_are_taken(url: str) -> None:
    check_git_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "", " ", "/etc", "./repo", "../repo", "repo", "file:///etc", "FILE:///etc",
        "file://localhost/etc", "ext::sh -c id", "ext::sh", "fd::7", "-oProxyCommand=id",
        "--upload-pack=id", "ssh://-oProxyCommand=id/x", "ssh://-x@host/x", "git@-x:y",
        "-x@host:y", "host:-x", "nonsense://x", "https://", "https:///x", "ssh://host:port/x",
        "https://host/a\nb", "https://host/a b", "https://ho st/a", "https://[::1/x", "C:\\repo",
        "::x", "transport::address", "https://git.example.org\x00/a", "javascript://x/%0a",
        " https://git.example.org/a",
    ],
)  # fmt: skip
def test_repositories_that_are_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_git_url(url)
    assert caught.value.field == "scm_url"
