"""The Engine over the Docker-compatible API (podman, Docker) by aiodocker.

`docker_client` has the connection, `docker_images` what jobs do not do with images. What was
measured of podman 4.3 is in docs/decisions/0003-docker-api.md; every deviation from the plain API
says why where it stands.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aiohttp
from aiodocker.containers import DockerContainer
from aiodocker.exceptions import DockerError
from aiodocker.stream import Stream

from gantry.base.errors import EngineError, EngineUnreachable
from gantry.pods import docker_user
from gantry.pods.complaints import Complaints
from gantry.pods.contract import (
    LABEL_INSTANCE,
    LABEL_JOB,
    FoundPod,
    Image,
    PodSpec,
    PodState,
    PullProgress,
    RegistryLogin,
)
from gantry.pods.docker_client import (
    LIBPOD,
    NOBODY_THERE,
    TIMEOUT,
    DockerClient,
    engine_words,
    not_there,
    unreachable,
)
from gantry.pods.image_words import auth_header, digests_of, take_progress

# The beginning of podman's answer to `images/NAME/tree`.
_TREE = re.compile(r"Image ID: ([0-9a-f]{12,64})\b")

STDERR = 2


class DockerStream:
    """A hijacked connection; stdout is the agent's frames, stderr its complaints."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._complaints = Complaints()

    async def write(self, data: bytes) -> None:
        try:
            for at in range(0, len(data), 1 << 20):
                await self._stream.write_in(data[at : at + (1 << 20)])
        except (aiohttp.ClientError, OSError, RuntimeError, AssertionError) as error:
            # After the other side closed, aiohttp has no connection left, which aiodocker asserts.
            raise EngineUnreachable("The stream to the pod was cut.") from error

    async def read(self) -> bytes:
        try:
            while (message := await self._stream.read_out()) is not None:
                if message.stream != STDERR:
                    return bytes(message.data)
                self._complaints.add(message.data)
        except (aiohttp.ClientError, OSError) as error:
            raise EngineUnreachable("The stream to the pod was cut.") from error
        return b""

    @property
    def complaints(self) -> str:
        return self._complaints.text()

    async def close(self) -> None:
        with contextlib.suppress(Exception):
            await self._stream.close()


class DockerEngine(DockerClient):
    """Jobs' pods, and the images they run."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._first_digests: dict[tuple[str, ...], str] = {}  # (image id, its digests...) ->

    # -- images ---------------------------------------------------------------------------------

    async def image(self, reference: str) -> Image | None:
        found = await self.look_at_image(reference)
        if found is None:
            return None
        digests = digests_of(reference, found.get("RepoDigests") or [])
        if len(digests) > 1 and await self.is_podman():
            # Sorted by value. Its first manifest may be the one it was built with here, which no
            # registry knows, or one platform's of an index; any other came by a pull.
            first = await self._first_digest(found)
            digests = [d for d in digests if d != first] or digests
        digest = digests[0] if digests else ""
        identity = found["Id"] if ":" in found["Id"] else f"sha256:{found['Id']}"
        platform = "/".join(
            filter(None, [found.get("Os"), found.get("Architecture"), found.get("Variant")])
        )
        known = {d.partition("@")[2] for d in found.get("RepoDigests") or []}
        return Image(identity, digest or identity, platform, tuple(sorted(known)))

    async def image_by_digest(self, digest: str) -> Image | None:
        # Each engine finds an image by its id in full, which is what a local image's digest is;
        # podman has a field for the digest of one that lost its names, Docker keeps the names.
        if await self.has(digest):
            found = await self.image(digest)
            return found and replace(found, digest=digest)
        for each in await self.all_images():
            known = [d.partition("@")[2] for d in each.get("RepoDigests") or []]
            identity = each["Id"] if ":" in each["Id"] else f"sha256:{each['Id']}"
            if digest in (identity, each.get("Digest"), *known):
                found = await self.image(identity)
                return found and replace(found, digest=digest)
        return None

    async def _first_digest(self, found: dict[str, Any]) -> str:
        """Asked once for an image with these digests: a look at an image costs podman several
        milliseconds, and every launch looks."""
        known = (found["Id"], *found["RepoDigests"])
        if known not in self._first_digests:
            path = f"{LIBPOD}/images/{found['Id']}/json"
            async with (
                engine_words(f"look at image {found['Id']}"),
                self._docker._query(path, versioned_api=False) as response,
            ):
                self._first_digests[known] = str((await response.json()).get("Digest") or "")
        return self._first_digests[known]

    async def has(self, image_id: str) -> bool:
        if not await self.is_podman():
            return await self.look_at_image(image_id) is not None
        # A tenth of the time of a look: podman reads nothing of the image's layers.
        path = f"{LIBPOD}/images/{image_id}/exists"
        try:
            async with (
                engine_words(f"find image {image_id}"),
                self._docker._query(path, versioned_api=False),
            ):
                return True
        except EngineError as error:
            if not_there(error):
                return False
            raise

    async def meant(self, reference: str) -> str | None:
        if not await self.is_podman():
            found = await self.look_at_image(reference)
            return str(found["Id"]) if found is not None else None
        # A tenth of the time of a look, for which podman counts the size and searches the parent.
        # Not by its history: that names whichever image the uppermost layer was met with first.
        path = f"{LIBPOD}/images/{reference}/tree"
        try:
            async with (
                engine_words(f"find image {reference}"),
                self._docker._query(path, versioned_api=False) as response,
            ):
                told = _TREE.match((await response.json())["Tree"])
        except EngineError as error:
            if not_there(error):
                return None
            raise
        return told[1] if told else ""

    async def pull(
        self,
        reference: str,
        login: RegistryLogin | None,
        on_progress: Callable[[PullProgress], None],
    ) -> None:
        path, params = "images/create", {"fromImage": reference}
        headers = {}
        if login is not None and (login.username or login.password):
            headers["X-Registry-Auth"] = auth_header(login)
        own = login is not None and not login.verify_ssl and await self.is_podman()
        if own:
            # Docker has it in its own configuration only, and so have podman's Docker-compatible
            # calls before 4.4; those of libpod tell bytes since 4.4 too, when asked for compatMode.
            path = f"{LIBPOD}/images/pull"
            params = {"reference": reference, "tlsVerify": "false", "policy": "always",
                      "compatMode": "true"}  # fmt: skip
        layers: dict[str, tuple[int, int]] = {}
        try:
            async with self._docker._query(
                path, "POST", params=params, headers=headers, timeout=TIMEOUT,
                versioned_api=not own,
            ) as response:  # fmt: skip
                async for line in response.content:
                    if line.strip():
                        take_progress(json.loads(line), layers, on_progress)
        except DockerError as error:
            if error.status == NOBODY_THERE:
                raise unreachable(f"pull {reference}", error) from error
            raise EngineError(error.message, code="pull") from error
        except (aiohttp.ClientError, OSError) as error:
            raise unreachable(f"pull {reference}", error) from error

    # -- pods -----------------------------------------------------------------------------------

    async def create(self, spec: PodSpec) -> str:
        try:
            async with engine_words(f"create pod {spec.name}"):
                made = await self._docker.containers.create(container_config(spec), name=spec.name)
                if not await self.is_podman():
                    made = await self._with_user(made, spec)
                return str(made.id)
        except EngineUnreachable:
            raise
        except EngineError:
            # Made before? Docker answers 409 then, podman 4.3 answers 500.
            with contextlib.suppress(EngineError):
                async with engine_words(f"find pod {spec.name}"):
                    return str((await self._docker.containers.get(spec.name)).id)
            raise

    async def _with_user(self, made: DockerContainer, spec: PodSpec) -> DockerContainer:
        """Docker's pods: the same one, or another whose /etc/passwd knows the user.

        Docker writes into no read-only image; a pod that is not root can write little there.
        """
        text = await docker_user.passwd(made)
        if docker_user.knows(text, spec.user):
            return made
        await made.delete(force=True, v=True)
        config = container_config(spec)
        config["HostConfig"]["ReadonlyRootfs"] = False
        made = await self._docker.containers.create(config, name=spec.name)
        await docker_user.add(made, text, spec.user)
        return made

    async def ready(self, pod: str, tell: Callable[[str], None]) -> None:
        """At once: a container waits for nothing."""

    async def start(self, pod: str) -> DockerStream:
        async with engine_words("start the pod"):
            container = self._docker.containers.container(pod)
            stream = container.attach(stdin=True, stdout=True, stderr=True, logs=False)
            await stream._init()
            try:
                await container.start()
            except BaseException:
                await stream.close()
                raise
            return DockerStream(stream)

    async def reach(self, pod: str, bridge: tuple[str, ...]) -> DockerStream:
        async with engine_words("reach the running pod"):
            container = self._docker.containers.container(pod)
            process = await container.exec(list(bridge), stdin=True, stdout=True, stderr=True)
            stream = process.start(detach=False)
            await stream._init()
            return DockerStream(stream)

    async def inspect(self, pod: str) -> PodState:
        try:
            async with engine_words("look at the pod"):
                shown = await self._docker.containers.container(pod).show()
        except EngineError as error:
            if not_there(error):
                return PodState("gone")
            raise
        state = shown["State"]
        running = state.get("Running") or state.get("Status") in ("running", "paused", "stopping")
        fresh = state.get("Status") in ("created", "configured", "initialized")
        word = "running" if running else "created" if fresh and not state.get("Pid") else "exited"
        return PodState(
            word, state.get("ExitCode"), bool(state.get("OOMKilled")), state.get("Error") or "",
            {"started": state.get("StartedAt"), "finished": state.get("FinishedAt")},
        )  # fmt: skip

    async def stop(self, pod: str, grace: int) -> None:
        with contextlib.suppress(EngineError):
            async with engine_words("stop the pod"):
                await self._docker.containers.container(pod).stop(t=grace)

    async def remove(self, pod: str) -> None:
        try:
            async with engine_words("remove the pod"):
                # Podman waits out a grace of 10 s for a running pod; a kill first is immediate.
                with contextlib.suppress(DockerError):
                    await self._docker.containers.container(pod).kill()
                await self._docker.containers.container(pod).delete(force=True, v=True)
        except EngineError as error:
            cause = error.__cause__
            status = cause.status if isinstance(cause, DockerError) else 0
            if status == 404 or (status == 409 and await self._gone_soon(pod)):
                return
            raise

    async def _gone_soon(self, pod: str) -> bool:
        """Docker answers 409 while another's removal of the same pod is under way."""
        for _ in range(50):
            if (await self.inspect(pod)).gone:
                return True
            await asyncio.sleep(0.1)
        return False

    async def events(self, pod: str, since: float) -> list[str]:
        params = {
            "since": str(int(since) - 1),
            "until": str(int(time.time()) + 1),
            "filters": json.dumps({"container": [pod]}),
        }
        said: list[str] = []
        async with (
            engine_words("list its events"),
            self._docker._query("events", params=params) as response,
        ):
            async for line in response.content:
                if line.strip():
                    said.append(_event_sentence(json.loads(line)))
        return [s for s in said if s]

    async def find(self, instance: str) -> list[FoundPod]:
        async with engine_words("list its pods"):
            found = await self._docker.containers.list(
                all=True, filters=json.dumps({"label": [f"{LABEL_INSTANCE}={instance}"]})
            )
        return [
            FoundPod(
                c.id, c["Names"][0].lstrip("/"), int(c["Labels"].get(LABEL_JOB, 0)), c["State"]
            )
            for c in found
        ]


def container_config(spec: PodSpec) -> dict[str, Any]:
    """The create call's body. Nothing of the job is in it but its number."""
    limits = spec.limits
    host: dict[str, Any] = {
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "ReadonlyRootfs": True,
        "LogConfig": {"Type": "none"},  # no copy of the output on the engine's machine
        "Tmpfs": {p: f"rw,exec,nosuid,nodev,mode=1777,size={s}" for p, s in spec.tmpfs.items()},
        "RestartPolicy": {"Name": "no"},
        "AutoRemove": False,  # removal is a step of the path, with evidence taken first
    }
    if limits.memory:
        # Memory and swap alike: a pod that swaps would write secrets to the machine's disk.
        host |= {"Memory": limits.memory, "MemorySwap": limits.memory}
    if limits.cpus:
        host["NanoCpus"] = int(limits.cpus * 1e9)
    if limits.pids:
        host["PidsLimit"] = limits.pids
    if limits.nofile and limits.nproc:
        # Both or none: podman fills the missing one with a value that a service without
        # CAP_SYS_RESOURCE may not set.
        host["Ulimits"] = [
            {"Name": name, "Soft": value, "Hard": value}
            for name, value in (("nofile", limits.nofile), ("nproc", limits.nproc))
        ]
    if spec.network:
        host["NetworkMode"] = spec.network
    return {
        "Image": spec.image,
        "Entrypoint": list(spec.command[:1]),
        "Cmd": list(spec.command[1:]),
        "User": spec.user,
        "Env": [f"{k}={v}" for k, v in spec.environment.items()],
        "Labels": spec.labels,
        # Not the home: a runtime gives a tmpfs the mode of a directory that is there already.
        "WorkingDir": "/",
        "OpenStdin": True,
        "StdinOnce": False,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": False,
        "Volumes": {path: {} for path in spec.disk},
        "HostConfig": host,
    }


def _event_sentence(event: dict[str, Any]) -> str:
    action = event.get("Action") or event.get("status") or ""
    attributes = (event.get("Actor") or {}).get("Attributes") or {}
    exit_code = attributes.get("exitCode") or attributes.get("containerExitCode")
    if action in ("die", "died"):
        return f"died with exit code {exit_code}" if exit_code is not None else "died"
    return action if action in ("oom", "kill", "start", "stop", "remove", "create") else ""
