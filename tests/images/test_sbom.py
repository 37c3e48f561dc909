"""The bill of materials: valid by the library's own strict validator, and with the right words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from gantry.images.inspect.contents import Contents
from gantry.images.sbom import cyclonedx
from tests.images.inspect.conftest import STARTER, Look, ee_image, engine, engine_url, look_into

__all__ = ["ee_image", "engine", "engine_url", "look_into"]
WHEN = datetime(2026, 11, 24, 12, tzinfo=UTC)
DIGEST = "sha256:" + "a" * 64


def document(*packages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A document that is valid, or the test fails."""
    given = {"reference": "quay.io/org/my-ee:1", "digest": DIGEST, "platform": "linux/arm64"}
    text = cyclonedx(Contents(packages=list(packages), **(given | fields)), WHEN)
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.mark.parametrize(
    ("package", "distribution", "purl"),
    [
        ({"kind": "python", "name": "Ruamel.YAML", "version": "1"}, "", "pkg:pypi/ruamel-yaml@1"),
        ({"kind": "collection", "name": "amazon.aws", "version": "10.1.2"}, "",
         "pkg:generic/amazon/aws@10.1.2"),
        ({"kind": "deb", "name": "libc6", "version": "1:2.36-9+deb12u1", "arch": "amd64"},
         "Debian GNU/Linux 12 (bookworm)",
         "pkg:deb/debian/libc6@1:2.36-9%2Bdeb12u1?arch=amd64&distro=debian-12"),
        ({"kind": "deb", "name": "tar", "version": "1.35", "arch": "arm64"}, "Ubuntu 24.04.1 LTS",
         "pkg:deb/ubuntu/tar@1.35?arch=arm64&distro=ubuntu-24.04"),
        ({"kind": "rpm", "name": "openssl-libs", "version": "1:3.2.2-6.el9", "arch": "x86_64"},
         "Red Hat Enterprise Linux 9.4 (Plow)",
         "pkg:rpm/redhat/openssl-libs@3.2.2-6.el9?arch=x86_64&distro=redhat-9.4&epoch=1"),
        ({"kind": "rpm", "name": "bash", "version": "5-1", "arch": "noarch"}, "Somebody's own",
         "pkg:rpm/bash@5-1?arch=noarch"),
        ({"kind": "collection", "name": "a.b", "version": ""}, "", "pkg:generic/a/b"),
    ],
)  # fmt: skip
def test_package_urls(package: dict[str, Any], distribution: str, purl: str) -> None:
    (component,) = document(package, distribution=distribution)["components"]
    assert component["purl"] == purl


def test_the_image_is_what_the_document_is_of() -> None:
    found = document()
    image = found["metadata"]["component"]
    assert (image["type"], image["version"]) == ("container", DIGEST)
    assert image["purl"].startswith("pkg:oci/my-ee@sha256")
    assert "arch=arm64" in image["purl"]
    assert found["metadata"]["timestamp"] == "2026-11-24T12:00:00+00:00"
    assert found["metadata"]["tools"]["components"][0]["name"] == "gantry"


@pytest.mark.parametrize(
    ("words", "licence"),
    [
        ("MIT", {"license": {"id": "MIT"}}),
        ("Apache-2.0 OR BSD-3-Clause", {"expression": "Apache-2.0 OR BSD-3-Clause"}),
        ("Our own (see text)", {"license": {"name": "Our own (see text)"}}),
    ],
)
def test_licences_are_spdx_where_they_can_be(words: str, licence: dict[str, Any]) -> None:
    row = {"kind": "python", "name": "a", "version": "1", "licence": words}
    (component,) = document(row)["components"]
    assert component["licenses"] == [licence]


def test_the_same_package_twice_is_two_components() -> None:
    row = {"kind": "python", "name": "a", "version": "1"}
    found = document({**row, "path": "/x"}, {**row, "path": "/y"}, {**row, "path": "/y"})
    assert len({c["bom-ref"] for c in found["components"]}) == len(found["components"]) == 3


def test_words_of_a_hostile_image_make_no_invalid_document() -> None:
    names = {"python": "_.._", "deb": "a+~", "rpm": "0", "collection": "a._"}
    odd = "\u00e4 @/?#%&=:;,\\\"'<>"
    document(
        *({"kind": k, "name": n, "version": odd, "arch": odd, "licence": odd, "path": odd}
          for k, n in names.items()),
        distribution=odd, reference=odd,
    )  # fmt: skip


def test_the_same_contents_give_the_same_document() -> None:
    row = {"kind": "python", "name": "a", "version": "1"}
    assert document(row) == document(row)


async def test_the_starter_ee(look_into: Look) -> None:
    found = await look_into(STARTER)
    found.reference = STARTER
    text = cyclonedx(found, WHEN)

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    components = json.loads(text)["components"]
    assert len(components) == len(found.packages)
    assert {c["purl"].split(":")[1].split("/")[0] for c in components} == {"generic", "pypi", "deb"}
