"""The software bill of materials of an image: CycloneDX 1.6 JSON by the field's own library.

Package URLs by the purl specification: pypi, deb, rpm and oci are its types; for Ansible
collections it has none, so they are `pkg:generic/NAMESPACE/NAME`. SPDX is not offered:
cyclonedx-python-lib does not write it. The same contents give the same document.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from gantry import __version__
from gantry.base.image_reference import InvalidReference, parse_reference
from gantry.images.diff import normalized
from gantry.images.inspect.contents import HasContents, Package

if TYPE_CHECKING:
    from cyclonedx.model.component import Component
    from cyclonedx.model.license import License
    from packageurl import PackageURL

MEDIA_TYPE = "application/vnd.cyclonedx+json; version=1.6"
# First word of a distribution's name -> its namespace in package URLs.
_VENDORS = {"red": "redhat", "centos": "centos", "fedora": "fedora", "rocky": "rocky",
            "almalinux": "almalinux", "oracle": "oracle", "opensuse": "opensuse",
            "amazon": "amazon", "debian": "debian", "ubuntu": "ubuntu"}  # fmt: skip


def cyclonedx(contents: HasContents, when: datetime | None, *, indent: int | None = None) -> str:
    """The document as text. `when` the image was looked into, None for now. A second or so
    for 1,000 packages."""
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.dependency import Dependency
    from cyclonedx.model.tool import ToolRepository
    from cyclonedx.output.json import JsonV1Dot6

    image = Component(
        name=contents.reference or contents.digest, version=contents.digest or None,
        type=ComponentType.CONTAINER, bom_ref="image", purl=_image_purl(contents),
    )  # fmt: skip
    gantry = Component(name="gantry", version=__version__, type=ComponentType.APPLICATION,
                       bom_ref="gantry")  # fmt: skip
    named = f"{contents.digest} {contents.platform} {contents.reference}"
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, named),
        components=_components(contents),
        metadata=BomMetaData(
            component=image, tools=ToolRepository(components=[gantry]), timestamp=when
        ),
    )
    # Not by register_dependency, whose time grows with the square of the components.
    parts = [Dependency(component.bom_ref) for component in bom.components]
    bom.dependencies = [Dependency(image.bom_ref, dependencies=parts)]
    return JsonV1Dot6(bom).output_as_string(indent=indent)


def _components(contents: HasContents) -> Iterable[Component]:
    seen: dict[str, int] = {}
    for package in contents.packages:
        purl = package_purl(package, contents.distribution)
        ref = purl.to_string()
        seen[ref] = seen.get(ref, 0) + 1
        yield _component(package, purl, ref if seen[ref] == 1 else f"{ref}#{seen[ref]}")


def _component(package: Package, purl: PackageURL, ref: str) -> Component:
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component

    group, _, name = package["name"].rpartition(".")
    collection = package["kind"] == "collection"
    licence = package.get("licence")
    told = ("kind", "path", "manifest_sha256", "requires_ansible", "shadowed")
    return Component(
        name=name if collection else package["name"],
        group=group if collection else None,
        version=package["version"] or None,
        bom_ref=ref,
        purl=purl,
        licenses=[_license(licence)] if licence else None,
        properties=[
            Property(name=f"gantry:{key}", value=str(package[key]))
            for key in told
            if key in package
        ],
    )


@lru_cache(maxsize=1024)
def _license(words: str) -> License:
    """An SPDX id or expression where the words are one, else a licence of that name."""
    from cyclonedx.contrib.license.factories import LicenseFactory

    return LicenseFactory().make_from_string(words)


def package_purl(package: Package, distribution: str) -> PackageURL:
    from packageurl import PackageURL

    kind, name, version = package["kind"], package["name"], package["version"] or None
    if kind == "python":
        return PackageURL("pypi", None, normalized(name), version)
    if kind == "collection":
        namespace, _, name = name.rpartition(".")
        return PackageURL("generic", namespace, name, version)
    vendor = _vendor(distribution)
    number = re.search(r"\b\d+(?:\.\d+)?", distribution)
    qualifiers = {"arch": package.get("arch", "")}
    if vendor and number:
        qualifiers["distro"] = f"{vendor}-{number[0]}"
    if kind == "rpm" and version and ":" in version:
        qualifiers["epoch"], _, version = version.partition(":")
    return PackageURL(
        kind, vendor or ("debian" if kind == "deb" else None), name, version,
        {k: v for k, v in qualifiers.items() if v},
    )  # fmt: skip


def _vendor(distribution: str) -> str:
    words = distribution.split()
    return _VENDORS.get(words[0].lower(), "") if words else ""


def _image_purl(contents: HasContents) -> PackageURL | None:
    from packageurl import PackageURL

    try:
        parsed = parse_reference(contents.reference)
    except InvalidReference:
        return None
    if not contents.digest:
        return None
    name = parsed.repository.rpartition("/")[2].lower()
    qualifiers = {
        "repository_url": parsed.repository, "tag": parsed.tag or "",
        "arch": contents.platform.partition("/")[2],
    }  # fmt: skip
    return PackageURL(
        "oci", None, name, contents.digest, {k: v for k, v in qualifiers.items() if v}
    )
