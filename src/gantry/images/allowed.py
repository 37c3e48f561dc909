"""Which registries an organization lets its images come from: `host[:port][/path]` entries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from gantry.base.errors import InvalidInput
from gantry.base.image_reference import InvalidReference
from gantry.images.mirrors import normalized, place_of, within


def allowed(image: str, registries: Iterable[str]) -> bool:
    """Whether the image lies in one of these places; no entries mean any. `localhost` stands for
    images that were built or loaded on the engine's machine."""
    places = [place_of(each) for each in registries]
    repository = normalized(image).repository
    return not places or any(within(repository, place) for place in places)


def check_registries(entries: Any) -> list[str]:
    """The entries, each once. Raises InvalidInput (field `allowed_registries`)."""
    if not isinstance(entries, list):
        raise _invalid("Expected a list of registries.")
    for entry in entries:
        try:
            if not isinstance(entry, str):
                raise InvalidReference(str(entry))
            place_of(entry)
        except InvalidReference as error:
            raise _invalid(f"{entry!r} is no registry.") from error
    return list(dict.fromkeys(entries))


def _invalid(sentence: str) -> InvalidInput:
    return InvalidInput(
        sentence,
        field="allowed_registries",
        cure="Write each as a host, a host and port, or either with a path: `quay.io`, "
        "`registry.example:5000`, `quay.io/acme`.",
    )
