"""What a pod is and what an engine must do with it, neutral between containers and Kubernetes.

`gantry.path.pod` builds a PodSpec; `docker_api` and `kubernetes_api` obey Engine. Plain values
in and out: nothing here knows Ansible, Django or a job row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

LABEL_JOB = "gantry.job"
LABEL_INSTANCE = "gantry.instance"
LABEL_ATTEMPT = "gantry.attempt"


@dataclass(frozen=True)
class Limits:
    """Bytes, processors, counts; 0 means no limit."""

    memory: int = 0
    cpus: float = 0.0
    pids: int = 0
    nofile: int = 0
    nproc: int = 0


@dataclass(frozen=True)
class PodSpec:
    """One pod for one job. No host mounts, no secrets, no environment of the job: those go in by
    the stream. `tmpfs` maps a path to its size in bytes; `disk` are paths on the pod's own disk."""

    name: str
    image: str
    command: tuple[str, ...]
    labels: dict[str, str]
    user: str
    tmpfs: dict[str, int]
    environment: dict[str, str] = field(default_factory=dict)
    disk: tuple[str, ...] = ()
    limits: Limits = Limits()
    network: str = ""


@dataclass(frozen=True)
class Image:
    """What a reference means on an engine now. `digest` is the registry's manifest digest, or the
    image's own id when it never saw a registry, so that it is never empty. `digests` are all under
    which the engine knows it: an index's and a platform's, say, which it may not tell apart."""

    id: str
    digest: str
    platform: str
    digests: tuple[str, ...] = ()


@dataclass(frozen=True)
class PullProgress:
    """Bytes so far and in all (0: not known yet), and the engine's own words."""

    current: int
    total: int
    message: str


@dataclass(frozen=True)
class RegistryLogin:
    host: str
    username: str
    password: str
    verify_ssl: bool = True

    def __repr__(self) -> str:
        return f"RegistryLogin({self.host!r}, {self.username!r})"


@dataclass(frozen=True)
class PodState:
    """What the engine says of a pod: `running`, `exited`, `created` or `gone`."""

    state: str
    exit_code: int | None = None
    oom_killed: bool = False
    error: str = ""
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def gone(self) -> bool:
        return self.state == "gone"


@dataclass(frozen=True)
class FoundPod:
    """A pod of this installation, found by its labels."""

    id: str
    name: str
    job: int
    state: str


class PodStream(Protocol):
    """Both directions of a running agent's stream, bytes as they come."""

    async def write(self, data: bytes) -> None:
        """Raises EngineUnreachable when the stream is cut."""

    async def read(self) -> bytes:
        """The next bytes of the agent's output; b"" when the stream has ended."""

    @property
    def complaints(self) -> str:
        """The tail of what the pod wrote on stderr: the agent's own last words."""

    async def close(self) -> None: ...


class Engine(Protocol):
    """Fifteen verbs. Each may be called twice with the same effect; each raises EngineError (or
    its subclass EngineUnreachable, the only one worth a retry) with the engine's own words."""

    name: str

    async def image(self, reference: str) -> Image | None:
        """1. What the reference means here, None when it is not present. Never pulls."""

    async def pull(
        self,
        reference: str,
        login: RegistryLogin | None,
        on_progress: Callable[[PullProgress], None],
    ) -> None:
        """2. Get the image from its registry, telling progress in bytes."""

    async def create(self, spec: PodSpec) -> str:
        """3. Create, not start. The same name again gives the same pod's id. Raises EngineBusy
        when there is no room for it now."""

    async def start(self, pod: str) -> PodStream:
        """4. Attach, then start, so that not a byte of output is missed."""

    async def reach(self, pod: str, bridge: tuple[str, ...]) -> PodStream:
        """5. A new stream into a running pod, through the command `bridge` run beside the agent."""

    async def inspect(self, pod: str) -> PodState:
        """6. State and evidence. A pod that is not there is `gone`, not an error."""

    async def stop(self, pod: str, grace: int) -> None:
        """7. Ask the process to end, kill it after `grace` seconds."""

    async def remove(self, pod: str) -> None:
        """8. Kill if need be and remove with its volumes. Gone already is fine."""

    async def events(self, pod: str, since: float) -> list[str]:
        """9. What the engine recorded about the pod (died, oom, ...), one sentence each."""

    async def find(self, instance: str) -> list[FoundPod]:
        """10. All pods, running or not, that carry this installation's label."""

    async def image_by_digest(self, digest: str) -> Image | None:
        """11. The image here that has this digest, under whatever name or none; None when no
        image has. Never pulls. The image's own id counts as its digest."""

    async def tag(self, reference: str, name: str) -> None:
        """12. Give an image that is here one more name."""

    async def has(self, image_id: str) -> bool:
        """13. Whether the image with this id is here: the quickest question about an image."""

    async def meant(self, reference: str) -> str | None:
        """14. A word for the image that the reference means here, another one for each image: what
        an engine tells quicker than `image`. None when it is not present, "" when it has none."""

    async def ready(self, pod: str, tell: Callable[[str], None]) -> None:
        """15. Return when a created pod can be started; until then tell what it waits for."""

    async def close(self) -> None: ...
