"""What an EE's pages say: how it stands to its tag, and which digest its next job would run.

Pure functions from rows to plain values; the views of gantry.web show them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gantry.base.image_reference import InvalidReference, parse_reference
from gantry.images.diff import diff
from gantry.images.drift import decide
from gantry.images.inspect.known import contents_of
from gantry.resources.environments import EnvironmentDigest, ExecutionEnvironment
from gantry.resources.images import ImageContents

HEAVY = ("packages", "layers", "labels", "unknown")  # read only where they are shown


@dataclass(frozen=True)
class Mark:
    """How an EE stands to its tag. `look` is a colour role of gantry.css."""

    look: str
    icon: str
    word: str
    sentence: str


# state of images.drift -> (colour role, icon, word)
LOOKS = {
    "pinned": ("info", "pin", "Pinned"),
    "in step": ("success", "circle-check", "In step"),
    "drifted": ("warning", "triangle-alert", "Drifted"),
    "held": ("warning", "circle-pause", "Held"),
    "unknown": ("neutral", "circle-dashed", "Not checked"),
}


def mark(row: ExecutionEnvironment) -> Mark:
    drift = decide(row)
    look, icon, word = LOOKS[drift.state]
    if drift.state == "unknown" and row.registry_error:
        look, icon, word = "danger", "unplug", "Not reached"
    elif drift.state == "pinned" and drift.moved:
        word = "Pinned, tag moved"
    return Mark(look, icon, word, drift.sentence)


@dataclass(frozen=True)
class NextRun:
    """What a job that starts now would run. `digest` is "" where only the engine can tell;
    `certain` says that it cannot be another one."""

    reference: str
    digest: str
    platform: str
    certain: bool


def next_run(row: ExecutionEnvironment, seen: Iterable[EnvironmentDigest]) -> NextRun:
    digest = row.wanted_digest
    if not digest and row.pull == "always":
        digest = row.registry_digest
    digest = digest or row.last_digest or row.registry_digest
    platforms = {s.digest: s.platform for s in seen}
    return NextRun(
        at_digest(row.image, digest), digest, platforms.get(digest, ""), bool(row.wanted_digest)
    )


def at_digest(image: str, digest: str) -> str:
    """`repository@digest`: what names these bytes and no others."""
    if not digest:
        return image
    try:
        return f"{parse_reference(image).repository}@{digest}"
    except InvalidReference:
        return image


def known_contents(digests: Iterable[str]) -> dict[str, ImageContents]:
    """digest -> what is known of it, without its packages. An inspected platform goes first."""
    wanted = {d for d in digests if d}
    rows = ImageContents.objects.filter(digest__in=wanted).defer(*HEAVY)
    found: dict[str, ImageContents] = {}
    for row in rows:
        if row.digest not in found or row.state == "inspected":
            found[row.digest] = row
    return found


@dataclass(frozen=True)
class Listed:
    """One line of the list of EEs."""

    row: ExecutionEnvironment
    mark: Mark
    digest: str
    contents: ImageContents | None


def drift_words(before: str, after: str) -> str:
    """How many packages differ; "" unless both have been looked into."""
    old, new = contents_of(before), contents_of(after)
    if old is None or new is None or not old.state == new.state == "inspected":
        return ""
    return diff(old, new).sentence()


def listed(rows: Iterable[ExecutionEnvironment]) -> list[Listed]:
    pairs = [(row, next_run(row, ()).digest) for row in rows]
    known = known_contents(digest for _, digest in pairs)
    return [Listed(row, mark(row), digest, known.get(digest)) for row, digest in pairs]
