"""Between resolve and pull, and between pull and start: may this organization's job run this image?

Which registries images may come from is asked before anything is fetched; whether the digest that
will run is signed by one of the organization's keys, when it is known. Both hold for every image
but the control plane's, which the installation's administrator chooses. Why the engine's own
policy.json is not used: docs/decisions/0012-signatures.md.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gantry.base.errors import InvalidInput, JobFailure
from gantry.base.image_reference import parse_reference
from gantry.images.allowed import allowed
from gantry.images.public_keys import PublicKey, load_keys
from gantry.images.registry import RegistryClient
from gantry.images.signatures import Checked, Signature, check_signatures
from gantry.path.pull import PullRequest
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.organizations import Organization

# JSON: `digest`, `key` (the fingerprint of the one that signed), `identity` (under what name), and
# `keys`, the fingerprint of all keys that were accepted.
Proof = dict[str, Any]
# An earlier job's proof of a digest and a set of keys.
Earlier = Callable[[str, str], Awaitable[Proof | None]]


@dataclass(frozen=True)
class Trust:
    """What one organization demands. `name` is the organization's, for sentences."""

    name: str = ""
    registries: tuple[str, ...] = ()
    keys: tuple[PublicKey, ...] = ()
    ca: str = ""

    @property
    def fingerprint(self) -> str:
        """Of the set of keys: another set asks anew."""
        joined = "\n".join(sorted(key.fingerprint for key in self.keys))
        return hashlib.sha256(joined.encode()).hexdigest()


def trust_of(organization: Organization | None, environment: ExecutionEnvironment) -> Trust:
    """What holds for a job of this organization in this EE. Raises JobFailure."""
    if organization is None or environment.managed:
        return Trust()
    try:
        keys = tuple(load_keys(organization.signature_keys))
    except InvalidInput as error:
        raise JobFailure(
            f"The signature keys of organization {organization.name} cannot be used: "
            f"{error.sentence}",
            cure=error.cure,
            code="signature_keys",
        ) from error
    return Trust(
        organization.name, tuple(organization.allowed_registries), keys, organization.ca_bundle
    )


def check_registry(trust: Trust, request: PullRequest) -> PullRequest:
    """The request, without the places that are not allowed. Raises JobFailure when its own image is
    in such a place."""
    if not allowed(request.image, trust.registries):
        raise JobFailure(
            f"Organization {trust.name} does not allow images from "
            f"{parse_reference(request.image).registry}: {request.image} is not in "
            f"{', '.join(trust.registries)}.",
            cure="Choose an execution environment of an allowed registry, or add this one to the "
            "organization's allowed registries.",
            code="registry_not_allowed",
        )
    elsewhere = tuple(r for r in request.elsewhere if allowed(r, trust.registries))
    return replace(request, elsewhere=elsewhere)


class SignatureChecker:
    """Asks registries for signatures; what was proved once is never asked again."""

    def __init__(self) -> None:
        self._proved: dict[tuple[str, str], Proof] = {}

    async def check(
        self, trust: Trust, request: PullRequest, digest: str, earlier: Earlier
    ) -> Proof | None:
        """The proof that the digest is signed, None where the organization demands none. Raises
        JobFailure with class, sentence and cure."""
        if not trust.keys:
            return None
        asked = (digest, trust.fingerprint)
        proof = self._proved.get(asked) or await earlier(*asked)
        if proof is None:
            signature = await self._ask(trust, request, digest)
            proof = {**dataclasses.asdict(signature), "keys": trust.fingerprint}
        self._proved[asked] = proof
        return proof

    async def _ask(self, trust: Trust, request: PullRequest, digest: str) -> Signature:
        why_not: list[str] = []
        failure: JobFailure | None = None
        for place in dict.fromkeys((request.image, *request.elsewhere)):
            if parse_reference(place).domain == "localhost":
                continue
            try:
                checked = await self._ask_one(trust, request, place, digest)
            except JobFailure as error:
                failure = failure or error
                continue
            if checked.good is not None:
                return checked.good
            why_not += checked.why_not
        raise _refusal(trust, request.image, digest, why_not, failure)

    async def _ask_one(
        self, trust: Trust, request: PullRequest, place: str, digest: str
    ) -> Checked:
        async with RegistryClient(request.login, trust.ca) as registry:
            return await check_signatures(registry, place, digest, trust.keys)


def _refusal(
    trust: Trust, image: str, digest: str, why_not: Sequence[str], failure: JobFailure | None
) -> JobFailure:
    named = f"{image} ({digest})"
    if why_not:
        return JobFailure(
            f"No signature of {named} is by a key of organization {trust.name}: "
            f"{'; '.join(dict.fromkeys(why_not))}.",
            cure="Sign the image with one of the organization's keys, or add the signer's public "
            "key to them.",
            code="signature_wrong",
        )
    if failure is not None:
        return JobFailure(
            f"Whether {named} is signed could not be found out: {failure.sentence}",
            cure=failure.cure,
            code=failure.code,
        )
    where = ""
    if parse_reference(image).domain == "localhost":
        where = " An image of this machine has no registry that could keep a signature."
    return JobFailure(
        f"{named} is not signed, and organization {trust.name} runs only images that one of its "
        f"keys has signed.{where}",
        cure=f"Sign it: `cosign sign --key cosign.key {parse_reference(image).repository}"
        f"@{digest}`, or choose another execution environment.",
        code="signature_missing",
    )
