"""How much runs where: the forks that instances have and jobs take, counted as AWX counts them.

A job takes as many forks as it works on hosts at once, and one more (`task_impact`); who controls
it takes another one. An idle instance takes any job, however large. AWX: awx/main/models/ha.py and
awx/main/scheduler/task_manager_models.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from gantry.resources.instances import BUILT_IN, DEFAULT, READY, Instance, InstanceGroup
from gantry.resources.jobs import UnifiedJob

FORKS_PER_CPU = 4
MEMORY_PER_FORK = 100  # MiB
KEPT_BACK = 2 << 30  # bytes, for everything beside jobs
CONTROL_IMPACT = 1
BOUNDLESS = 2**31 - 1
MISSED = 2  # leases without a heartbeat, and an instance counts as lost
HOLDING = ("waiting", "running")


def measure(instance: Instance) -> None:
    """Work out the capacities from `cpu` and `memory`; does not save."""
    instance.cpu_capacity = max(1, int(float(instance.cpu) * FORKS_PER_CPU))
    spare = (instance.memory - KEPT_BACK) // (1 << 20)
    instance.mem_capacity = max(1, spare // MEMORY_PER_FORK)
    set_capacity(instance)


def set_capacity(instance: Instance) -> None:
    """Between the smaller and the larger of both, as the adjustment says; does not save."""
    low, high = sorted((instance.cpu_capacity, instance.mem_capacity))
    adjusted = low + (high - low) * float(instance.capacity_adjustment)
    instance.capacity = int(adjusted) if instance.enabled else 0


def lost_before(lease: int) -> datetime:
    """An instance that was last seen before this does not count."""
    return timezone.now() - timedelta(seconds=MISSED * lease)


@dataclass
class InstanceLoad:
    pk: int
    hostname: str
    holder: object
    able: bool  # enabled, ready and heard of
    capacity: int
    most_jobs: int
    jobs: int = 0
    consumed: int = 0

    def take(self, impact: int) -> None:
        self.jobs += 1
        self.consumed += impact + CONTROL_IMPACT

    @property
    def room(self) -> int:
        """A job fits whose impact is less than this."""
        if not self.able or self.capacity <= 0 or self.jobs >= self.most_jobs:
            return -1
        return BOUNDLESS if self.jobs == 0 else self.capacity - self.consumed


@dataclass
class GroupLoad:
    """`jobs` and `forks` are of the jobs that were given to this group."""

    pk: int
    name: str
    container: bool
    max_jobs: int
    max_forks: int
    members: list[InstanceLoad] = field(default_factory=list)
    jobs: int = 0
    forks: int = 0

    def take(self, impact: int) -> None:
        self.jobs += 1
        self.forks += impact

    @property
    def forks_left(self) -> int:
        """A job fits whose impact is not more than this; -1: none at all."""
        if self.max_jobs and self.jobs >= self.max_jobs:
            return -1
        return self.max_forks - self.forks if self.max_forks else BOUNDLESS

    @property
    def able(self) -> list[InstanceLoad]:
        return [m for m in self.members if m.able]

    @property
    def capacity(self) -> int:
        return self.max_forks if self.container else sum(m.capacity for m in self.able)

    @property
    def consumed(self) -> int:
        return self.forks if self.container else sum(m.consumed for m in self.able)

    def fits(self, impact: int) -> bool:
        if self.forks_left < impact:
            return False
        return self.container or any(m.room > impact for m in self.members)

    def why_not(self, impact: int) -> str:
        """What a job of that impact waits for here."""
        named = f"instance group {self.name}"
        if self.max_jobs and self.jobs >= self.max_jobs:
            return f"{named}: {self.jobs} of at most {self.max_jobs} jobs run in it"
        if self.forks_left < impact:
            return (
                f"{named}: {self.forks} of at most {self.max_forks} forks are taken, "
                f"and this job takes {impact}"
            )
        if not self.able:
            return f"{named}: no instance of it is enabled and ready"
        places = sum(m.most_jobs for m in self.able)
        running = sum(m.jobs for m in self.able)
        if running >= places:
            return f"a place in {named}: {running} of {places} jobs run there"
        return f"a place in {named}: {self.consumed} of {self.capacity} forks are taken"


@dataclass
class Loads:
    instances: dict[int, InstanceLoad]
    groups: dict[int, GroupLoad]

    @property
    def fallback(self) -> list[int]:
        """The groups of jobs for which nobody chose one: default, then controlplane."""
        found = [g for g in self.groups.values() if g.name in BUILT_IN]
        return [g.pk for g in sorted(found, key=lambda g: g.name != DEFAULT)]

    def wanted(self, preferred: Iterable[int]) -> list[GroupLoad]:
        known = [self.groups[pk] for pk in preferred if pk in self.groups]
        return known or [self.groups[pk] for pk in self.fallback]

    def why_not(self, preferred: Iterable[int], impact: int) -> str:
        """What a job waits for; empty where it need not."""
        wanted = self.wanted(preferred)
        if any(group.fits(impact) for group in wanted):
            return ""
        return "; ".join(group.why_not(impact) for group in wanted)


def read_loads(lease: int) -> Loads:
    """Everything at once, in four short queries; `lease` as in Settings."""
    since = lost_before(lease)
    # Plain values: a claim asks for all of this, and rows cost more than the answers.
    seats = Instance.objects.order_by().values_list(
        "pk", "hostname", "holder", "enabled", "node_state", "last_seen", "capacity", "most_jobs"
    )
    instances = {}
    for pk, name, holder, enabled, state, seen, capacity, most_jobs in seats:
        able = enabled and state == READY and seen is not None and seen > since
        instances[pk] = InstanceLoad(pk, name, holder, able, capacity, most_jobs)
    rows = InstanceGroup.objects.order_by().values_list(
        "pk", "name", "is_container_group", "max_concurrent_jobs", "max_forks"
    )
    groups = {values[0]: GroupLoad(*values) for values in rows}
    members = InstanceGroup.instances.through.objects.order_by("instance_id")
    for group, member in members.values_list("instancegroup_id", "instance_id"):
        if group in groups and member in instances:
            groups[group].members.append(instances[member])
    _add_jobs(instances, groups)
    return Loads(instances, groups)


def _add_jobs(instances: dict[int, InstanceLoad], groups: dict[int, GroupLoad]) -> None:
    named = {i.hostname: i for i in instances.values()}
    jobs = UnifiedJob.objects.filter(status__in=HOLDING).order_by()
    for node, group, impact in jobs.values_list("controller_node", "instance_group", "task_impact"):
        if node in named:
            named[node].take(impact)
        if group in groups:
            groups[group].take(impact)
