"""Manifests and indexes as registries keep them: OCI's and Docker's, plain values.

https://github.com/opencontainers/image-spec (manifest.md, image-index.md).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
ACCEPT = ", ".join((INDEX, MANIFEST, DOCKER_LIST, DOCKER_MANIFEST))


@dataclass(frozen=True)
class Manifest:
    """As it was sent; `digest` is that of these very bytes."""

    digest: str
    media_type: str
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """Raises ValueError when the bytes are no JSON object."""
        try:
            document = json.loads(self.body)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        if not isinstance(document, dict):
            raise ValueError("a manifest is a JSON object")
        return document

    @property
    def is_index(self) -> bool:
        return self.media_type in (INDEX, DOCKER_LIST) or "manifests" in self.document


@dataclass(frozen=True)
class Platform:
    """One variant of an image: `os/architecture[/variant]` and the digest of its manifest."""

    name: str
    digest: str


def digest_of(data: bytes, like: str = "sha256:") -> str:
    """The digest of bytes, by the algorithm of the digest `like`. Raises ValueError for one that
    OCI does not register."""
    algorithm = like.partition(":")[0]
    if algorithm not in ("sha256", "sha512"):
        raise ValueError(f"{algorithm} is no algorithm of OCI digests")
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def objects(value: Any) -> list[dict[str, Any]]:
    """The JSON objects of a list; a registry may send anything."""
    return [e for e in value if isinstance(e, dict)] if isinstance(value, list) else []


def platform_name(parts: dict[str, Any]) -> str:
    """Of an index's `platform` or an image's configuration."""
    return "/".join(str(parts[key]) for key in ("os", "architecture", "variant") if parts.get(key))


def platforms_of(index: dict[str, Any]) -> list[Platform]:
    """What an index lists; attestations (platform `unknown/unknown`) are no images."""
    listed = [
        Platform(platform_name(platform), str(each.get("digest") or ""))
        for each in objects(index.get("manifests"))
        for platform in objects([each.get("platform")])
    ]
    return [p for p in listed if p.name and not p.name.startswith("unknown/")]


def fits(platform: str, engine: str) -> bool:
    """Whether an image for `platform` is for an engine of that platform; a variant that one of
    them leaves out decides nothing."""
    ours, theirs = platform.split("/"), engine.split("/")
    return all(a == b for a, b in zip(ours, theirs, strict=False))
