"""The Engine over Kubernetes: one pod of the cluster for one job, its stream by websocket.

A cluster keeps its images itself and tells nobody without a pod which it has. So an image is looked
at and pulled by a short pod of its own, on the nodes where the job's would run; what such a look
found is remembered for a while. The log API is no transport (../docs/decisions/0002): the agent's
stream is, attached to first and reached by exec ever after.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

from gantry.base.errors import EngineBusy, EngineError, EngineUnreachable
from gantry.base.image_reference import parse_reference
from gantry.pods.contract import (
    LABEL_INSTANCE,
    FoundPod,
    Image,
    Limits,
    PodSpec,
    PodState,
    PullProgress,
    RegistryLogin,
)
from gantry.pods.kubernetes_client import (
    CONFLICT,
    FORBIDDEN,
    MISSING,
    Cluster,
    KubernetesClient,
    Refused,
    docker_config,
)
from gantry.pods.kubernetes_pod import CONTAINER, job_of, manifest
from gantry.pods.kubernetes_stream import KubernetesStream
from gantry.pods.kubernetes_words import (
    container,
    died,
    event_sentence,
    hindrance,
    pod_state,
    unplaced,
    waits_for,
)

LABEL_LOOK = "gantry.look"  # the pods of images; they are no job's and no sweep's
SEEN_FOR = 600.0
ROOM_WITHIN = 10.0  # long enough for what adds nodes to notice a pod that needs one
LOOKS = 300.0  # seconds that a look or a pull may take
GONE_WITHIN = 45.0
PULL_LOGIN = "gantry-pull-"


class KubernetesEngine(KubernetesClient):
    """Jobs' pods in one namespace of one cluster, made as one container group says."""

    def __init__(self, cluster: Cluster, override: dict[str, Any] | None = None) -> None:
        super().__init__(cluster)
        self._override = override or {}
        self._seen: dict[str, tuple[float, Image]] = {}
        self._logins: dict[str, RegistryLogin] = {}

    # -- images ---------------------------------------------------------------------------------

    async def image(self, reference: str) -> Image | None:
        if (known := self._known(reference)) is not None:
            return known
        try:
            return await self._look(reference, "Never", lambda _: None)
        except (EngineUnreachable, EngineBusy):
            raise
        except EngineError as error:
            if error.code == "pull":
                return None
            raise

    async def image_by_digest(self, digest: str) -> Image | None:
        for reference in list(self._seen):
            known = self._known(reference)
            if known is not None and digest in (known.digest, known.id):
                return known
        return None

    async def has(self, image_id: str) -> bool:
        return any(
            known.id == image_id for r in list(self._seen) if (known := self._known(r)) is not None
        )

    async def meant(self, reference: str) -> str | None:
        known = self._known(reference)
        return known.id if known is not None else ""

    async def pull(
        self,
        reference: str,
        login: RegistryLogin | None,
        on_progress: Callable[[PullProgress], None],
    ) -> None:
        if login is not None and (login.username or login.password):
            self._logins[reference] = login
        else:
            self._logins.pop(reference, None)
        await self._look(reference, "Always", lambda said: on_progress(PullProgress(0, 0, said)))

    async def tag(self, reference: str, name: str) -> None:
        """A cluster's images have the names they were pulled by; here a name is remembered."""
        known = await self.image(reference)
        if known is not None:
            self._seen[name] = (time.monotonic(), known)

    def _known(self, reference: str) -> Image | None:
        at, image = self._seen.get(reference, (0.0, None))
        if image is None or time.monotonic() - at > SEEN_FOR:
            self._seen.pop(reference, None)
            return None
        return image

    async def _look(self, reference: str, policy: str, tell: Callable[[str], None]) -> Image:
        """Have a pod begin with the image, which says what it is. Raises EngineError (code "pull")
        in the registry's words."""
        name = f"gantry-look-{uuid4().hex[:16]}"
        spec = PodSpec(
            name=name, image=reference, command=("true",), labels={LABEL_LOOK: "1"},
            user="1000:0", tmpfs={}, limits=Limits(),
        )  # fmt: skip
        body = manifest(spec, self._override, policy)
        body["spec"]["activeDeadlineSeconds"] = int(LOOKS)  # it ends, whoever is killed meanwhile
        try:
            await self._make(body, self._logins.get(reference))
            async with asyncio.timeout(LOOKS):
                found = await self._until(name, _image_of, tell, room_within=ROOM_WITHIN)
        except TimeoutError as error:
            raise EngineError(f"The cluster could not get {reference} in {LOOKS:.0f} s.") from error
        finally:
            await self._delete(name)
        image = _as_image(reference, found)
        self._seen[reference] = (time.monotonic(), image)
        return image

    # -- pods -----------------------------------------------------------------------------------

    async def create(self, spec: PodSpec) -> str:
        await self._make(manifest(spec, self._override, "IfNotPresent"), self._login_of(spec.image))
        return spec.name

    def _login_of(self, image: str) -> RegistryLogin | None:
        wanted = parse_reference(image).repository
        for reference, login in self._logins.items():
            if parse_reference(reference).repository == wanted:
                return login
        return None

    async def _make(self, body: dict[str, Any], login: RegistryLogin | None) -> None:
        """The pod, and before it the Secret with which its node may pull; the pod owns the Secret,
        so that the cluster removes both."""
        name = body["metadata"]["name"]
        if login is not None:
            secrets = body["spec"].setdefault("imagePullSecrets", [])
            secrets.append({"name": f"{PULL_LOGIN}{name}"})
            await self._keep_login(name, login)
        try:
            made = await self.ask("POST", "pods", body)
        except Refused as error:
            if error.status == CONFLICT:
                return
            if error.status == FORBIDDEN:
                error.cure = "Check the rights of the account and the policies of the namespace."
            raise
        if login is not None:
            owner = {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": name,
                "uid": made["metadata"]["uid"],
            }
            await self.ask(
                "PATCH", f"secrets/{PULL_LOGIN}{name}",
                {"metadata": {"ownerReferences": [owner]}}, kind="application/merge-patch+json",
            )  # fmt: skip

    async def _keep_login(self, pod: str, login: RegistryLogin) -> None:
        body = {
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
            "metadata": {"name": f"{PULL_LOGIN}{pod}", "labels": {LABEL_LOOK: "1"}},
            "data": {".dockerconfigjson": docker_config(login)},
        }  # fmt: skip
        try:
            await self.ask("POST", "secrets", body)
        except Refused as error:
            if error.status != CONFLICT:
                raise

    async def ready(self, pod: str, tell: Callable[[str], None]) -> None:
        await self._until(pod, _runs, tell)

    async def start(self, pod: str) -> KubernetesStream:
        await self._until(pod, _runs, lambda _: None)
        return await self._stream(pod, "attach", [])

    async def reach(self, pod: str, bridge: tuple[str, ...]) -> KubernetesStream:
        return await self._stream(pod, "exec", [("command", part) for part in bridge])

    async def _stream(self, pod: str, how: str, more: list[tuple[str, str]]) -> KubernetesStream:
        wanted = [(channel, "1") for channel in ("stdin", "stdout", "stderr")]
        query = [("container", CONTAINER), *wanted, *more]
        return KubernetesStream(await self.socket(f"pods/{pod}/{how}", query))

    async def inspect(self, pod: str) -> PodState:
        try:
            return pod_state(await self.ask("GET", f"pods/{pod}"))
        except Refused as error:
            if error.status == MISSING:
                return PodState("gone")
            raise

    async def stop(self, pod: str, grace: int) -> None:
        """A cluster knows no end of a pod but its removal."""
        await self._delete(pod, grace)

    async def remove(self, pod: str) -> None:
        await self._delete(pod)
        # The object stays until its node says that the container is gone: that is the proof.
        deadline = time.monotonic() + GONE_WITHIN
        while not (await self.inspect(pod)).gone and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        await self._forget_login(pod)

    async def _delete(self, pod: str, grace: int = 1) -> None:
        body = {"gracePeriodSeconds": grace, "propagationPolicy": "Background"}
        try:
            await self.ask("DELETE", f"pods/{pod}", body)
        except Refused as error:
            if error.status != MISSING:
                raise

    async def _forget_login(self, pod: str) -> None:
        """The cluster's own collection does it too, later."""
        try:
            await self.ask("DELETE", f"secrets/{PULL_LOGIN}{pod}")
        except Refused:
            return  # there was none, or the account may not touch secrets

    async def events(self, pod: str, since: float) -> list[str]:
        listed = await self.ask("GET", "events", fieldSelector=f"involvedObject.name={pod}")
        said = [event_sentence(e) for e in listed.get("items", [])]
        if end := died(await self.inspect(pod)):
            said.append(end)
        return said

    async def find(self, instance: str) -> list[FoundPod]:
        listed = await self.ask("GET", "pods", labelSelector=f"{LABEL_INSTANCE}={instance}")
        return [
            FoundPod(p["metadata"]["name"], p["metadata"]["name"], job_of(p), pod_state(p).state)
            for p in listed.get("items", [])
        ]

    # -- waiting --------------------------------------------------------------------------------

    async def _until(
        self,
        pod: str,
        done: Callable[[dict[str, Any]], str],
        tell: Callable[[str], None],
        room_within: float = float("inf"),
    ) -> str:
        """Watch the pod until `done` says a word of it; raises EngineError when it never will, and
        EngineBusy when no node takes it in so many seconds."""
        told, deadline = "", time.monotonic() + room_within
        while True:
            try:
                now = await self.ask("GET", f"pods/{pod}")
            except Refused as error:
                if error.status == MISSING:
                    raise EngineError(f"Pod {pod} was removed before it began.") from error
                raise
            if word := done(now):
                return word
            if (never := hindrance(now)) is not None:
                raise never
            if (words := waits_for(now)) != told:
                told = words
                tell(words)
            if unplaced(now) and time.monotonic() > deadline:
                raise EngineBusy(words)
            await self._change(pod, now["metadata"]["resourceVersion"])

    async def _change(self, pod: str, version: str) -> None:
        """Return when the pod has changed, or soon anyhow: a watch may end at any time."""
        async with self.watch(
            "pods", 10, fieldSelector=f"metadata.name={pod}", resourceVersion=version
        ) as changes:
            async for _ in changes:
                return
        await asyncio.sleep(0.1)


def _runs(pod: dict[str, Any]) -> str:
    return "running" if pod_state(pod).state == "running" else ""


def _image_of(pod: dict[str, Any]) -> str:
    """The image's own name, which the kubelet writes down once the container has begun."""
    status = container(pod)
    begun = {"running", "terminated"} & set(status.get("state") or {})
    return str(status.get("imageID") or "") if begun else ""


def _as_image(reference: str, image_id: str) -> Image:
    """`image_id` is `repository@sha256:...`, or a bare `sha256:...` of an image that was loaded
    into the node and never saw a registry; that one can only be named as it was."""
    named = image_id.removeprefix("docker-pullable://")
    _, at, digest = named.partition("@")
    if not at:
        return Image(reference, named, "", (named,))
    found = Image(named, digest, "", (digest,))
    wanted = parse_reference(reference).digest
    return replace(found, digest=wanted, digests=(digest, wanted)) if wanted else found
