"""Which registries are allowed: prefixes of repositories, part by part."""

from __future__ import annotations

import pytest

from gantry.base.errors import ConfigurationError, InvalidInput
from gantry.images.allowed import allowed, check_registries
from gantry.images.mirrors import places


@pytest.mark.parametrize(
    ("image", "registry", "may"),
    [
        ("quay.io/acme/ee:1", "quay.io", True),
        ("quay.io/acme/ee:1", "quay.io/acme", True),
        ("quay.io/acme/ee:1", "quay.io/acme/ee", True),
        ("quay.io/acme/ee-evil:1", "quay.io/acme/ee", False),
        ("quay.io/acmeevil/ee:1", "quay.io/acme", False),
        ("quay.io.evil.example/acme/ee:1", "quay.io", False),
        ("quay.io:444/acme/ee:1", "quay.io", False),
        ("evil.example/quay.io/acme/ee:1", "quay.io", False),
        ("debian", "docker.io", True),
        ("debian", "index.docker.io/library", True),
        ("acme/ee", "docker.io/library", False),
        ("localhost/gantry/ee", "localhost", True),
        ("localhost/gantry/ee", "quay.io", False),
        ("localhost:5000/ee", "localhost", False),
    ],
)
def test_an_image_lies_in_an_allowed_place_or_not(image: str, registry: str, may: bool) -> None:
    assert allowed(image, [registry]) is may
    assert allowed(image, ["other.example", registry]) is may


def test_no_entries_allow_every_registry() -> None:
    assert allowed("anything.example/x", [])


def test_entries_are_kept_each_once() -> None:
    assert check_registries(["quay.io", "localhost", "quay.io"]) == ["quay.io", "localhost"]


@pytest.mark.parametrize(
    "entries", ["quay.io", ["quay"], ["https://quay.io"], ["quay.io/a:1"], [""], [7], None]
)
def test_what_is_no_registry_is_refused(entries: object) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_registries(entries)

    assert refused.value.field == "allowed_registries"


def test_mirrors_are_asked_longest_path_first_and_the_registry_last() -> None:
    mirrors = ["quay.io=m.example/all", "quay.io/acme=m.example/acme", "docker.io=hub.example"]
    digest = "@sha256:" + "a" * 64

    assert places("quay.io/acme/ee:1", mirrors) == [
        "m.example/acme/ee:1", "m.example/all/acme/ee:1", "quay.io/acme/ee:1",
    ]  # fmt: skip
    assert places("quay.io/x/ee", mirrors) == ["m.example/all/x/ee:latest", "quay.io/x/ee"]
    assert places(f"quay.io/x/ee{digest}", mirrors)[0] == f"m.example/all/x/ee{digest}"
    assert places("debian:12", mirrors) == ["hub.example/library/debian:12", "debian:12"]
    assert places("quay.io.example/x", mirrors) == ["quay.io.example/x"]
    assert places("localhost/x", ["localhost=m.example"]) == ["localhost/x"]


@pytest.mark.parametrize("entry", ["quay.io", "quay.io=", "=m.example", "quay=m.example"])
def test_a_mirror_that_is_none_is_refused_by_name(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="GANTRY_REGISTRY_MIRRORS"):
        places("quay.io/x", [entry])
