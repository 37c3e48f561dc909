"""Where else a registry's images may be asked for: GANTRY_REGISTRY_MIRRORS.

Each entry is `registry[/path]=mirror[:port][/path]`; several for one registry are asked in order,
the one for the longest path first, and the registry itself last.
"""

from __future__ import annotations

from collections.abc import Iterable

from gantry.base.errors import ConfigurationError
from gantry.base.image_reference import ImageReference, InvalidReference, parse_reference

DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


def normalized(image: str) -> ImageReference:
    """With its registry and `library/` written out, and a tag: what a registry is asked for."""
    found = parse_reference(image)
    domain, path = found.registry.lower(), found.path
    if domain in DOCKER_HUB:
        domain = "docker.io"
        path = path if "/" in path else f"library/{path}"
    tag = found.tag if found.tag or found.digest else "latest"
    return ImageReference(domain, path, tag, found.digest)


def places(image: str, mirrors: Iterable[str]) -> list[str]:
    """The references to ask for, in order; the last is the image's own."""
    wanted = normalized(image)
    if wanted.domain == "localhost":
        return [image]
    pairs = [_parsed(entry) for entry in mirrors if entry]
    fitting = [(source, mirror) for source, mirror in pairs if within(wanted.repository, source)]
    fitting.sort(key=lambda pair: -len(pair[0]))
    rest = str(wanted).removeprefix(wanted.repository)
    return [
        *(f"{mirror}{wanted.repository[len(source) :]}{rest}" for source, mirror in fitting),
        image,
    ]


def within(repository: str, prefix: str) -> bool:
    """Whether a repository lies in `host[:port][/path]`; `quay.io/a` is not in `quay.io/ab`."""
    return repository == prefix or repository.startswith(f"{prefix}/")


def place_of(entry: str) -> str:
    """`host[:port][/path]` with Docker Hub under its one name. Raises InvalidReference."""
    found = parse_reference(f"{entry.rstrip('/')}/x")
    if not found.domain:
        raise InvalidReference(entry)
    host = found.domain.lower()
    host = "docker.io" if host in DOCKER_HUB else host
    return f"{host}/{found.path}".removesuffix("/x")


def _parsed(entry: str) -> tuple[str, str]:
    source, equals, mirror = (part.strip() for part in entry.partition("="))
    try:
        if not equals:
            raise InvalidReference(entry)
        return place_of(source), place_of(mirror)
    except InvalidReference as error:
        raise ConfigurationError(
            f"GANTRY_REGISTRY_MIRRORS has {entry!r}, which is no mirror.",
            cure="Write it as `quay.io=mirror.example:5000/quay`, several with commas between.",
        ) from error
