"""When a digest can no longer be had: say so, and what comes nearest to it."""

from __future__ import annotations

from dataclasses import dataclass

from gantry.base.errors import JobFailure
from gantry.images.drift import short
from gantry.path.pull import PullRequest, at_digest
from gantry.pods.contract import Engine

# The answers that mean "nobody has it"; others (a login refused, a registry that is down) are told
# as they are.
GONE = ("image_unknown", "image_not_present")
MOST = 5


@dataclass(frozen=True)
class Around:
    """What is known around a digest: the EE's other digests, newest first, and whether the job
    wants it because it repeats another one exactly, not because its EE is pinned or held."""

    known: list[str]
    repeats: bool


async def digest_gone(
    engine: Engine, request: PullRequest, failure: JobFailure, around: Around
) -> JobFailure:
    """The failure that a person reads instead of `failure`; what of the EE's other digests the
    engine still holds can be run at once."""
    gone = failure.code in GONE
    held = [d for d in around.known if await engine.image_by_digest(d) is not None][:MOST]
    sentence = failure.sentence
    if gone:
        sentence = (
            f"{at_digest(request.image, request.digest)} can no longer be had: the engine does not "
            f"hold it, and {failure.sentence[:1].lower()}{failure.sentence[1:]}"
        )
    parts = [] if gone else [failure.cure]
    if held:
        parts.append(f"The engine still holds {', '.join(map(short, held))} of the same EE.")
    parts.append(_nearest(around))
    return JobFailure(sentence, cure=" ".join(parts), code="digest_gone" if gone else failure.code)


def _nearest(around: Around) -> str:
    newest = f"The EE's newest digest is {short(around.known[0])}. " if around.known else ""
    if around.repeats:
        return f"{newest}Relaunch plainly to run what the EE means now."
    return (
        f"{newest}Pin or accept a digest that can be had (`gantry ee history` lists those the EE "
        "had), or unpin it."
    )
