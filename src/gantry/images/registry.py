"""What registries say of images: digests, manifests, platforms, tags, referrers, blobs.

The OCI distribution API (github.com/opencontainers/distribution-spec). Mirrors are asked first and
the registry itself last; how one host is reached is `registry_host`'s business. All errors are
those of a pull: a class, a sentence, a cure.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import quote

from gantry.base.config import settings
from gantry.base.errors import JobFailure
from gantry.base.image_reference import ImageReference
from gantry.images.ecr import current_login
from gantry.images.manifests import (
    ACCEPT,
    INDEX,
    Manifest,
    Platform,
    digest_of,
    objects,
    platform_name,
    platforms_of,
)
from gantry.images.mirrors import normalized, places
from gantry.images.pull_errors import explain, no_registry
from gantry.images.registry_host import Refused, RegistryHost, Sleep
from gantry.pods.contract import RegistryLogin

MOST_MANIFEST = 4 << 20  # the specification's own limit
MOST_TAGS = 100_000
T = TypeVar("T")


class RegistryClient:
    """`async with RegistryClient(login, ca) as registry`. `ca` is PEM, trusted beside the system's
    authorities. The login goes to the host that it names and to nobody else."""

    def __init__(
        self,
        login: RegistryLogin | None = None,
        ca: str = "",
        *,
        mirrors: Iterable[str] | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._login, self._ca, self._sleep = login, ca, sleep
        self._mirrors = settings().registry_mirrors if mirrors is None else tuple(mirrors)
        self._hosts: dict[str, RegistryHost] = {}

    async def __aenter__(self) -> RegistryClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        for host in self._hosts.values():
            await host.close()

    async def digest(self, image: str) -> str:
        """What the image's tag means now: the digest of its index, where it has one."""
        return await self._anywhere(image, self._digest)

    async def manifest(self, image: str) -> Manifest:
        """The index or manifest of a tag or digest. A body of another digest is refused."""
        return await self._anywhere(image, self._manifest)

    async def platforms(self, image: str) -> list[Platform]:
        """The platforms an image has variants for, in the index's order."""
        return await self._anywhere(image, self._platforms)

    async def tags(self, image: str) -> list[str]:
        """The tags of the image's repository, as the registry orders them."""
        return await self._anywhere(image, self._tags)

    async def referrers(
        self, image: str, digest: str, artifact_type: str = ""
    ) -> list[dict[str, Any]]:
        """The descriptors of what refers to this digest: signatures, SBOMs. [] for nothing."""
        return await self._anywhere(
            image, lambda host, at: self._referrers(host, at, digest, artifact_type)
        )

    async def blob(self, image: str, digest: str, limit: int = MOST_MANIFEST) -> bytes:
        """A blob of the image's repository, checked against its digest; at most `limit` bytes."""
        return await self._anywhere(
            image,
            lambda host, at: self._checked(host, f"{_base(at)}/blobs/{digest}", digest, limit),
        )

    async def _anywhere(
        self, image: str, ask: Callable[[RegistryHost, ImageReference], Awaitable[T]]
    ) -> T:
        """The first mirror's answer, else the registry's; raises what the registry itself said."""
        if normalized(image).domain == "localhost":
            raise no_registry(image)
        failure: JobFailure | None = None
        for place in places(image, self._mirrors):
            at = normalized(place)
            try:
                return await ask(await self._host(place, at, own=place == image), at)
            except Refused as refused:
                failure = explain(image, refused.words, unknown="The registry gave no answer")
                failure.__cause__ = refused
        assert failure is not None
        raise failure

    async def _host(self, place: str, at: ImageReference, *, own: bool) -> RegistryHost:
        if at.domain not in self._hosts:
            login = await current_login(place, self._login, own=own)
            self._hosts[at.domain] = RegistryHost(at.domain, login, self._ca, self._sleep)
        return self._hosts[at.domain]

    async def _digest(self, host: RegistryHost, at: ImageReference) -> str:
        if at.digest:
            return at.digest
        answer = await host.ask("HEAD", f"{_base(at)}/manifests/{at.tag}", accept=ACCEPT)
        told = str(answer.headers.get("Docker-Content-Digest", ""))
        return told or (await self._manifest(host, at)).digest

    async def _manifest(self, host: RegistryHost, at: ImageReference) -> Manifest:
        path = f"{_base(at)}/manifests/{at.digest or at.tag}"
        answer = await host.ask("GET", path, accept=ACCEPT, limit=MOST_MANIFEST)
        told = at.digest or answer.headers.get("Docker-Content-Digest", "")
        digest = _verified(path, answer.body, told or "sha256:")
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        return Manifest(digest, media_type, answer.body)

    async def _platforms(self, host: RegistryHost, at: ImageReference) -> list[Platform]:
        manifest = await self._manifest(host, at)
        document = _document(manifest.body)
        if manifest.is_index:
            return platforms_of(document)
        (described,) = objects([document.get("config")]) or [{}]
        config = str(described.get("digest") or "")
        path = f"{_base(at)}/blobs/{config}"
        said = _document(await self._checked(host, path, config, MOST_MANIFEST))
        return [Platform(platform_name(said), manifest.digest)]

    async def _tags(self, host: RegistryHost, at: ImageReference) -> list[str]:
        found: list[str] = []
        path = f"{_base(at)}/tags/list"
        while path and len(found) < MOST_TAGS:
            answer = await host.ask("GET", path, limit=MOST_MANIFEST)
            tags = _document(answer.body).get("tags")
            found += [str(tag) for tag in tags] if isinstance(tags, list) else []
            path = answer.next_page
        return found

    async def _referrers(
        self, host: RegistryHost, at: ImageReference, digest: str, artifact_type: str
    ) -> list[dict[str, Any]]:
        query = f"?artifactType={quote(artifact_type, safe='')}" if artifact_type else ""
        path = f"{_base(at)}/referrers/{digest}{query}"
        try:
            body = (await host.ask("GET", path, accept=INDEX, limit=MOST_MANIFEST)).body
        except Refused as refused:
            if refused.status not in (400, 404, 405):
                raise
            body = await self._referrers_tag(host, at, digest)
        listed = objects(_document(body).get("manifests"))
        return [d for d in listed if not artifact_type or d.get("artifactType") == artifact_type]

    async def _referrers_tag(self, host: RegistryHost, at: ImageReference, digest: str) -> bytes:
        """Registries without the call keep the same list under a tag."""
        path = f"{_base(at)}/manifests/{digest.replace(':', '-')}"
        try:
            return (await host.ask("GET", path, accept=INDEX, limit=MOST_MANIFEST)).body
        except Refused as refused:
            if refused.status == 404:
                return b"{}"
            raise

    async def _checked(self, host: RegistryHost, path: str, digest: str, limit: int) -> bytes:
        body = (await host.ask("GET", path, limit=limit)).body
        _verified(path, body, digest)
        return body


def _base(at: ImageReference) -> str:
    return f"/v2/{at.path}"


def _verified(path: str, body: bytes, wanted: str) -> str:
    """The body's digest, which is the wanted one where that is more than an algorithm."""
    try:
        found = digest_of(body, wanted)
    except ValueError as error:
        raise Refused(f"{path}: {error}") from error
    if wanted.partition(":")[2] and found != wanted:
        raise Refused(f"{path} was asked for, its content has the digest {found}")
    return found


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refused(f"the answer is no JSON: {body[:80]!r}") from error
    if not isinstance(document, dict):
        raise Refused(f"the answer is no JSON object: {body[:80]!r}")
    return document
