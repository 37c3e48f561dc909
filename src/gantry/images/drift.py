"""What state an EE is in: whether its tag still means what runs. A pure decision over its row.

`registry_digest` is what the tag meant when its registry was last asked (the engine, for an image
that no registry has); `last_digest` what a job got last; `accepted_digest` what a person, or the
first run under `warn` and `hold`, accepted.
"""

from __future__ import annotations

from dataclasses import dataclass

from gantry.base.image_reference import parse_reference
from gantry.resources.environments import ExecutionEnvironment


@dataclass(frozen=True)
class Drift:
    """`state` is `pinned`, `in step`, `drifted`, `held` or `unknown`; `moved` whether the tag means
    another digest than the one that is compared with it."""

    state: str
    sentence: str
    moved: bool = False


def decide(row: ExecutionEnvironment) -> Drift:
    """The state, and the sentence that a person reads. Asks nobody."""
    found = _decide(row)
    if row.registry_error and row.registry_digest:
        # What was known before a registry went away is still the best that is known.
        again = f" It could not be asked again: {row.registry_error}"
        return Drift(found.state, found.sentence + again, found.moved)
    return found


def _decide(row: ExecutionEnvironment) -> Drift:
    if row.fixed_digest:
        return _pinned(row)
    means = short(row.registry_digest)
    if not row.registry_digest:
        return Drift("unknown", _unknown(row))
    baseline = row.accepted_digest if row.drift_policy in ("warn", "hold") else ""
    baseline = baseline or row.last_digest
    if not baseline:
        return Drift("in step", f"Its tag means {means}; no job has run in it yet.")
    if baseline == row.registry_digest:
        return Drift("in step", f"Its tag means {means}, which its jobs run.")
    before = short(baseline)
    if row.drift_policy == "hold":
        return Drift(
            "held",
            f"Its tag means {means} now. Its jobs go on with {before} until a person accepts the "
            "new digest.",
            True,
        )
    return Drift("drifted", _moved(row, means, before), True)


def _pinned(row: ExecutionEnvironment) -> Drift:
    fixed = row.fixed_digest
    sentence = f"Its jobs run {short(fixed)}, whatever its tag means."
    if row.own_digest and not row.pinned_digest:
        sentence = f"Its image is the digest {short(fixed)} itself."
    moved = bool(row.registry_digest) and not row.own_digest and row.registry_digest != fixed
    if moved:
        sentence += f" The tag means {short(row.registry_digest)} now."
    return Drift("pinned", sentence, moved)


def _unknown(row: ExecutionEnvironment) -> str:
    if row.registry_error:
        return f"What its tag means is not known: {row.registry_error}"
    return "Its registry has not been asked yet what the tag means."


def _moved(row: ExecutionEnvironment, means: str, before: str) -> str:
    if row.drift_policy == "warn" and row.accepted_digest:
        return (
            f"Its tag means {means} now; {before} was accepted. Jobs run what the tag means, with "
            "a warning, until a person accepts it."
        )
    if row.pull == "always":
        return f"Its tag means {means} now; its last job ran {before}. The next job pulls it."
    return (
        f"Its tag means {means} now; its jobs run the engine's copy, {before}, since its pull "
        f"policy is `{row.pull or 'missing'}`."
    )


def warning(row: ExecutionEnvironment, digest: str) -> str:
    """What a job that got `digest` is told under the policy `warn`; "" for nothing."""
    if row.drift_policy != "warn" or row.fixed_digest:
        return ""
    if row.accepted_digest and digest != row.accepted_digest:
        return (
            f"The tag of {row.name} has moved: this job got {short(digest)}, accepted was "
            f"{short(row.accepted_digest)}."
        )
    if row.registry_digest and digest != row.registry_digest:
        return (
            f"The tag of {row.name} means {short(row.registry_digest)} in its registry; this job "
            f"got the engine's older copy, {short(digest)}."
        )
    return ""


def has_registry(image: str) -> bool:
    """Whether there is a registry to ask: `localhost` without a port names the engine's own."""
    return parse_reference(image).domain != "localhost"


def short(digest: str) -> str:
    """As much of a digest as people compare."""
    algorithm, _, value = digest.partition(":")
    return f"{algorithm}:{value[:12]}" if value else digest
