"""What is known of an image, as plain values: the same with and without a database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

KINDS = ("collection", "python", "deb", "rpm")
Package = dict[str, Any]


class HasContents(Protocol):
    """A `Contents`, or a row of ImageContents."""

    digest: str
    platform: str
    reference: str
    ansible_core: str
    ansible_runner: str
    python: str
    distribution: str
    packages: list[Package]


@dataclass
class Contents:
    """The fields of `resources.images.ImageContents` that an inspection fills.

    `packages` are {"kind", "name", "version"} and, where told, "path", "licence", "arch",
    "manifest_sha256", "requires_ansible", "requires_python" (requirement lines), "shadowed"; sorted
    by kind (in the order of KINDS) and name. `error` and `cure` are set when nothing but the
    engine's part could be had.
    """

    reference: str
    digest: str = ""
    platform: str = ""
    image_id: str = ""
    user: str = ""
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    size: int = 0
    layers: list[str] = field(default_factory=list)
    created: datetime | None = None
    ansible_core: str = ""
    ansible_runner: str = ""
    python: str = ""
    distribution: str = ""
    packages: list[Package] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    error: str = ""
    cure: str = ""
    seconds: float = 0.0
