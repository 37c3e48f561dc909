"""Which images an engine holds, what they are to Gantry, and which may go.

Gantry's own are those whose digest it ran, built, imported or was told; whatever else the engine
holds is somebody else's and stays. Of its own it keeps what is used or could be asked for next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Max, Q
from django.db.models.functions import Coalesce

from gantry.base.bridge import in_thread
from gantry.base.config import settings
from gantry.base.errors import EngineError, EngineUnreachable
from gantry.base.image_reference import InvalidReference
from gantry.images.mirrors import normalized, places
from gantry.pods.image_store import HeldImage, ImageStore
from gantry.resources.builds import EnvironmentBuild
from gantry.resources.environments import EnvironmentDigest, ExecutionEnvironment
from gantry.resources.jobs import ACTIVE, UnifiedJob


@dataclass(frozen=True)
class CachedImage:
    """`ours`: Gantry had something to do with it. `kept` says why it may not go; "" when it may."""

    image: HeldImage
    ours: bool
    last_used: datetime | None
    kept: str

    @property
    def may_go(self) -> bool:
        return self.ours and not self.kept


@dataclass(frozen=True)
class Policy:
    """What goes: images not used for `days`, then the longest unused until all of Gantry's together
    are not more than `size` bytes (layers that images share counted for each). 0: no such rule."""

    days: float = 0
    size: int = 0


@dataclass(frozen=True)
class Pruned:
    """An image that went, or the engine's words why it did not."""

    cached: CachedImage
    error: str = ""


@dataclass
class _Facts:
    used: dict[str, datetime] = field(default_factory=dict)  # digest -> when last
    needed: dict[str, str] = field(default_factory=dict)  # digest, id or name -> why
    names: set[str] = field(default_factory=set)  # that Gantry asked for
    repositories: set[str] = field(default_factory=set)  # of those names

    def use(self, digest: str, at: datetime) -> None:
        self.used[digest] = max(at, self.used.get(digest, at))

    def need(self, what: str, why: str) -> None:
        if what:
            self.needed.setdefault(what, why)

    def call(self, name: str) -> None:
        self.names.add(name)
        self.repositories.add(_repository(name))

    def gave(self, name: str) -> bool:
        """podman keeps `repository@digest` as a name of what was pulled by digest."""
        return name in self.names or ("@" in name and _repository(name) in self.repositories)


def known(images: Sequence[HeldImage]) -> list[CachedImage]:
    """The images with what Gantry knows of them, the longest unused first."""
    facts = _Facts()
    keys = sorted({key for image in images for key in _digests(image)})
    _from_history(facts, keys)
    _from_jobs(facts, keys)
    _from_environments(facts)
    found = [_look(image, facts) for image in images]
    return sorted(found, key=lambda c: c.last_used.timestamp() if c.last_used else 0.0)


def to_go(images: Iterable[CachedImage], policy: Policy, now: datetime) -> list[CachedImage]:
    """Which of these go, the longest unused first. Asks nobody."""
    ours = sorted(
        (c for c in images if c.ours),
        key=lambda c: c.last_used.timestamp() if c.last_used else 0.0,
    )
    oldest = now - timedelta(days=policy.days)
    total = sum(c.image.size for c in ours)
    going = []
    for cached in ours:
        old = bool(policy.days) and (cached.last_used or now) < oldest
        if not cached.kept and (old or (policy.size and total > policy.size)):
            going.append(cached)
            total -= cached.image.size
    return going


async def prune(
    store: ImageStore, policy: Policy, now: datetime, tell: Callable[[Pruned], None]
) -> None:
    """Remove what the policy says. Each image is looked at again right before it goes: a job may
    want it by now; one that a pod stands on the engine itself refuses to remove."""
    images = await in_thread(known)(await store.held())
    for cached in to_go(images, policy, now):
        (again,) = await in_thread(known)([cached.image])
        if again.kept:
            continue
        try:
            for name in cached.image.names or (cached.image.id,):
                await store.delete(name)
        except EngineUnreachable:
            raise
        except EngineError as error:
            tell(Pruned(cached, error.sentence))
        else:
            tell(Pruned(cached))


def _digests(image: HeldImage) -> list[str]:
    """An image that never saw a registry has its own id for a digest."""
    return [image.id, *(d.rpartition("@")[2] for d in image.digests)]


def _name(reference: str) -> str:
    try:
        return str(normalized(reference))
    except InvalidReference:
        return reference


def _repository(reference: str) -> str:
    try:
        return normalized(reference).repository
    except InvalidReference:
        return reference


def _look(image: HeldImage, facts: _Facts) -> CachedImage:
    digests = _digests(image)
    times = [facts.used[d] for d in digests if d in facts.used]
    ours = bool(times)
    return CachedImage(image, ours, max(times, default=None), _kept(image, digests, facts, ours))


def _kept(image: HeldImage, digests: list[str], facts: _Facts, ours: bool) -> str:
    if image.containers:
        pods = "pod stands" if image.containers == 1 else "pods stand"
        return f"{image.containers} {pods} on it"
    names = {_name(name): name for name in image.names}
    for key in (*digests, *names):
        if key in facts.needed:
            return facts.needed[key]
    if not ours:
        return "this installation never ran, built or imported it"
    strange = [name for key, name in names.items() if not facts.gave(key)]
    return f"it is also {strange[0]}, a name that Gantry did not give" if strange else ""


def _from_history(facts: _Facts, keys: list[str]) -> None:
    rows = EnvironmentDigest.objects.filter(digest__in=keys)
    for digest, reference, at in rows.values_list(
        "digest", "reference", Coalesce("last_run", "last_seen")
    ):
        facts.use(digest, at)
        _called(facts, reference)
    builds = EnvironmentBuild.objects.filter(
        Q(result_digest__in=keys) | Q(result_image_id__in=keys)
    )
    for build in builds.only("result_digest", "result_image_id", "image", "finished", "created"):
        for key in filter(None, (build.result_digest, build.result_image_id)):
            facts.use(key, build.finished or build.created)
        _called(facts, build.image)


def _from_jobs(facts: _Facts, keys: list[str]) -> None:
    rows = UnifiedJob.objects.filter(ee_digest__in=keys).order_by()
    at = Max(Coalesce("finished", "started", "created"))
    for digest, identity, image, last in rows.values_list(
        "ee_digest", "ee_image_id", "ee_image"
    ).annotate(at=at):
        facts.use(digest, last)
        if identity:
            facts.use(identity, last)
        _called(facts, image)
    for job in UnifiedJob.objects.filter(status__in=ACTIVE):
        why = f"job {job.pk} wants it"
        for wanted in (job.ee_digest, job.ee_wanted_digest, job.ee_image_id):
            facts.need(wanted, why)
        if job.ee_image:
            facts.need(_name(job.ee_image), why)
    for build in EnvironmentBuild.objects.filter(status__in=ACTIVE):
        facts.need(_name(build.image), f"build {build.pk} makes it")


def _from_environments(facts: _Facts) -> None:
    newest = EnvironmentDigest.objects.order_by("environment", "-first_seen")
    newest_of = dict(newest.distinct("environment").values_list("environment", "digest"))
    for row in ExecutionEnvironment.objects.all():
        facts.need(row.pinned_digest, f"{row.name} is pinned to it")
        facts.need(row.accepted_digest, f"it is what was accepted for {row.name}")
        facts.need(row.last_digest, f"it is what {row.name} ran last")
        facts.need(row.registry_digest, f"it is what the tag of {row.name} means")
        facts.need(newest_of.get(row.pk, ""), f"it is the newest of {row.name}")
        facts.need(_name(row.image), f"it is the image of {row.name}")
        _called(facts, row.image)


def _called(facts: _Facts, reference: str) -> None:
    facts.call(_name(reference))
    try:
        for place in places(reference, settings().registry_mirrors):
            facts.call(_name(place))
    except InvalidReference:
        return
