"""What registries and engines say, and what a person is told; references without a tag."""

from __future__ import annotations

import pytest

from gantry.images.pull_errors import explain
from gantry.path.pull import with_tag
from gantry.pods.image_words import digests_of

SAID = [
    ("unauthorized: authentication required", "registry_denied"),
    ("denied: requested access to the resource is denied", "registry_denied"),
    ("unable to retrieve auth token: invalid username/password", "registry_denied"),
    ("reading manifest 9 in reg/x: manifest unknown", "image_unknown"),
    ("name unknown: repository name not known to registry", "image_unknown"),
    ("x509: certificate signed by unknown authority", "registry_tls"),
    ("http: server gave HTTP response to HTTPS client", "registry_tls"),
    ("write /var/lib/x: no space left on device", "disk_full"),
    ("dial tcp 127.0.0.1:5000: connect: connection refused", "registry_unreachable"),
    ("dial tcp: lookup no.such.example: no such host", "registry_unreachable"),
    ("Get https://reg/v2/: net/http: TLS handshake timeout, timed out", "registry_unreachable"),
    ("remote error: tls: handshake failure", "registry_tls"),
    ("reading blob sha256:40340440: unexpected EOF", "registry_unreachable"),
    ("received unexpected HTTP status: 403 Forbidden", "registry_denied"),
    ("toomanyrequests: You have reached your unauthenticated pull rate limit", "registry_limited"),
    ("received unexpected HTTP status: 503 Service Unavailable", "registry_failed"),
    ("choosing image instance: no image found in image index for arm64", "wrong_platform"),
    ("no matching manifest for linux/arm64/v8 in the manifest list entries", "wrong_platform"),
    ("something nobody has heard of", "pull_failed"),
]


@pytest.mark.parametrize(("words", "code"), SAID)
def test_each_wording_has_its_class_and_keeps_the_words(words: str, code: str) -> None:
    failure = explain("reg.example.org/x:1", words)

    assert failure.code == code
    assert words in failure.sentence
    assert "reg.example.org/x:1" in failure.sentence
    assert failure.cure.endswith(".")


def test_a_registry_without_https_is_not_told_as_one_with_a_bad_certificate() -> None:
    failure = explain("reg.example.org/x:1", "http: server gave HTTP response to HTTPS client")

    assert "plain HTTP" in failure.sentence
    assert "certificate" not in failure.sentence


def test_an_image_that_only_this_machine_could_have_is_told_as_missing_here() -> None:
    failure = explain("localhost/team/ee:1", "dial tcp 127.0.0.1:443: connection refused")

    assert failure.code == "image_not_present"
    assert "Build it or load it" in failure.cure
    assert explain("localhost:5000/x:1", "connection refused").code == "registry_unreachable"


def test_the_name_of_an_image_decides_nothing() -> None:
    image = "reg.example.org/denied/tls-404:1"

    assert explain(image, f"pinging {image}: connection refused").code == "registry_unreachable"


@pytest.mark.parametrize(
    ("image", "asked"),
    [("reg:5000/x", "reg:5000/x:latest"), ("x", "x:latest"), ("reg/x:1", "reg/x:1"),
     ("reg/x@sha256:" + "0" * 64, "reg/x@sha256:" + "0" * 64)],
)  # fmt: skip
def test_no_tag_means_latest(image: str, asked: str) -> None:
    assert with_tag(image) == asked


def test_the_digests_are_those_of_the_repository_asked_for() -> None:
    known = ["other.example.org/x@sha256:cc", "reg:5000/team/x@sha256:aa"]

    assert digests_of("reg:5000/team/x:1", known) == ["sha256:aa"]
    assert digests_of("unknown/x:1", known) == ["sha256:cc", "sha256:aa"]
    assert digests_of("reg:5000/team/x@sha256:" + "c" * 64, known) == ["sha256:" + "c" * 64]
    assert digests_of("x:1", []) == []
