"""When a digest can no longer be had: say so, and what comes nearest to it."""

from __future__ import annotations

from gantry.base.errors import JobFailure
from gantry.images.drift import short
from gantry.path.pull import PullRequest, at_digest
from gantry.pods.contract import Engine

# The answers that mean "nobody has it"; others (a login refused, a registry that is down) are told
# as they are.
GONE = ("image_unknown", "image_not_present")
MOST = 5


async def digest_gone(
    engine: Engine, request: PullRequest, failure: JobFailure, known: list[str]
) -> JobFailure:
    """The failure that a person reads instead of `failure`. `known` are the EE's other digests,
    newest first; those that the engine still holds can be run at once."""
    gone = failure.code in GONE
    held = [d for d in known if await engine.image_by_digest(d) is not None][:MOST]
    sentence = failure.sentence
    if gone:
        sentence = (
            f"{at_digest(request.image, request.digest)} can no longer be had: the engine does not "
            f"hold it, and {failure.sentence[:1].lower()}{failure.sentence[1:]}"
        )
    return JobFailure(
        sentence, cure=_nearest(failure, known, held, gone=gone),
        code="digest_gone" if gone else failure.code,
    )  # fmt: skip


def _nearest(failure: JobFailure, known: list[str], held: list[str], *, gone: bool) -> str:
    parts = [] if gone else [failure.cure]
    if held:
        parts.append(f"The engine still holds {', '.join(map(short, held))} of the same EE.")
    if known:
        parts.append(
            f"The EE's newest digest is {short(known[0])}: relaunch plainly to run what it means "
            "now, or pin one of those that it has."
        )
    else:
        parts.append("Relaunch plainly to run what the EE means now, or unpin it.")
    return " ".join(parts)
