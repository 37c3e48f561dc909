"""Which repository URLs are taken."""

from __future__ import annotations

import pytest

from gantry.base.errors import InvalidInput
from gantry.resources.scm_url import check_url


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
    check_url("git", url)


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
        check_url("git", url)
    assert caught.value.field == "scm_url"


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("svn", "svn://svn.example.org/a/trunk"), ("svn", "svn+ssh://me@svn.example.org/a"),
        ("svn", "https://svn.example.org:8443/a/branches/x@y"),
        ("archive", "https://files.example.org/a.tar.gz?token=x"),
        ("archive", "http://127.0.0.1:3000/a.zip"),
    ],
)  # fmt: skip
def test_other_kinds_that_are_taken(kind: str, url: str) -> None:
    check_url(kind, url)


@pytest.mark.parametrize(
    ("kind", "url", "sentence"),
    [
        ("svn", "file:///srv/svn", "Unsupported svn URL"),
        ("svn", "svn.example.org:a", "Invalid svn URL"),
        ("svn", "ssh://svn.example.org/a", "Unsupported svn URL"),
        ("svn", "svn+evil://svn.example.org/a", "Unsupported svn URL"),
        ("svn", "svn+ssh://-oProxyCommand=id/a", "Invalid svn URL"),
        ("svn", "--config-option=x", "Invalid svn URL"), ("svn", "", "SCM URL is required."),
        ("archive", "ftp://files.example.org/a.zip", "Unsupported archive URL"),
        ("archive", "file:///etc/passwd", "Unsupported archive URL"),
        ("archive", "/srv/a.tar", "Invalid archive URL"),
        ("archive", "https:///a.zip", "Host is required for https URL"),
    ],
)  # fmt: skip
def test_other_kinds_that_are_refused(kind: str, url: str, sentence: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_url(kind, url)
    assert (caught.value.sentence, caught.value.field) == (sentence, "scm_url")
