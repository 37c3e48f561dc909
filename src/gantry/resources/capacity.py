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
from gantry.resources.jobs import NOT_WALKED, UnifiedJob
from gantry.resources.organizations import Organization

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
class Limited:
    """What may have a limit for all jobs in it (0: none), and what is taken of it."""

    pk: int
    name: str
    max_jobs: int = 0
    max_forks: int = 0
    jobs: int = 0
    forks: int = 0

    def take(self, impact: int) -> None:
        self.jobs += 1
        self.forks += impact

    @property
    def jobs_left(self) -> int:
        return self.max_jobs - self.jobs if self.max_jobs else BOUNDLESS

    @property
    def forks_left(self) -> int:
        """A job fits whose impact is not more than this; -1: none at all."""
        if self.jobs_left <= 0:
            return -1
        return self.max_forks - self.forks if self.max_forks else BOUNDLESS

    def over(self, named: str, impact: int) -> str:
        """Which limit keeps a job of that impact out; empty where none does."""
        if self.jobs_left <= 0:
            return f"{named}: {self.jobs} of at most {self.max_jobs} jobs run in it"
        if self.forks_left < impact:
            return (
                f"{named}: {self.forks} of at most {self.max_forks} forks are taken, "
                f"and this job takes {impact}"
            )
        return ""


class OrganizationLoad(Limited):
    def fits(self, impact: int) -> bool:
        return self.forks_left >= impact

    def why_not(self, impact: int) -> str:
        return self.over(f"organization {self.name}", impact)


@dataclass
class GroupLoad(Limited):
    """`jobs` and `forks` are of the jobs that were given to this group."""

    container: bool = False
    members: list[InstanceLoad] = field(default_factory=list)

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
        if over := self.over(named, impact):
            return over
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
    organizations: dict[int, OrganizationLoad] = field(default_factory=dict)

    def line(self, organization: int) -> OrganizationLoad:
        """The organization's load; 0 is that of the jobs that belong to none."""
        own = OrganizationLoad(organization, "")
        return self.organizations.setdefault(organization, own)

    @property
    def fallback(self) -> list[int]:
        """The groups of jobs for which nobody chose one: default, then controlplane."""
        found = [g for g in self.groups.values() if g.name in BUILT_IN]
        return [g.pk for g in sorted(found, key=lambda g: g.name != DEFAULT)]

    def wanted(self, preferred: Iterable[int]) -> list[GroupLoad]:
        known = [self.groups[pk] for pk in preferred if pk in self.groups]
        return known or [self.groups[pk] for pk in self.fallback]

    def why_not(self, preferred: Iterable[int], impact: int, organization: int = 0) -> str:
        """What a job waits for; empty where it need not."""
        if organization in self.organizations:
            over = self.organizations[organization].why_not(impact)
            if over:
                return over
        wanted = self.wanted(preferred)
        if any(group.fits(impact) for group in wanted):
            return ""
        return "; ".join(group.why_not(impact) for group in wanted)


def read_loads(lease: int) -> Loads:
    """Everything at once, in five short queries; `lease` as in Settings."""
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
        "pk", "name", "max_concurrent_jobs", "max_forks", "is_container_group"
    )
    groups = {
        pk: GroupLoad(pk, name, jobs, forks, container=container)
        for pk, name, jobs, forks, container in rows
    }
    members = InstanceGroup.instances.through.objects.order_by("instance_id")
    for group, member in members.values_list("instancegroup_id", "instance_id"):
        if group in groups and member in instances:
            groups[group].members.append(instances[member])
    limited = Organization.objects.exclude(max_concurrent_jobs=0, max_forks=0).order_by()
    most = limited.values_list("pk", "name", "max_concurrent_jobs", "max_forks")
    organizations = {row[0]: OrganizationLoad(*row) for row in most}
    loads = Loads(instances, groups, organizations)
    _add_jobs(loads)
    return loads


def _add_jobs(loads: Loads) -> None:
    named = {i.hostname: i for i in loads.instances.values()}
    jobs = UnifiedJob.objects.filter(status__in=HOLDING).exclude(kind__in=NOT_WALKED).order_by()
    names = ("controller_node", "instance_group", "task_impact", "organization")
    for node, group, impact, organization in jobs.values_list(*names):
        if node in named:
            named[node].take(impact)
        if group in loads.groups:
            loads.groups[group].take(impact)
        loads.line(organization or 0).take(impact)
