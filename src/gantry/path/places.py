"""Step 1 for where a job may run: its instance groups, best first, and how many forks it takes.

AWX's order (Job.preferred_instance_groups): what the launch said, else the groups of template,
inventory and organization, one after the other, none after one that prevents it; else those that
every installation has. What runs for Gantry itself runs on the control plane.
"""

from __future__ import annotations

from typing import Any

from gantry.base.errors import InvalidInput
from gantry.resources.host_filter import hosts_of
from gantry.resources.instances import CONTROL_PLANE, InstanceGroup, in_order
from gantry.resources.jobs import NOT_WALKED, UnifiedJob

CONTROL_KINDS = ("project_update", "system_job")
LEVELS = ("job_template", "inventory", "organization")
DEFAULT_FORKS = 5  # ansible's own
SYSTEM_IMPACT = 5


def place(job: UnifiedJob) -> None:
    """Set what a claim goes by; does not save."""
    job.task_impact = _impact(job)
    if not job.prompted_groups:
        job.preferred_groups = [group.pk for group in preferred(job)]


def preferred(job: Any) -> list[InstanceGroup]:
    """Empty where nobody chose any."""
    if job.kind in NOT_WALKED:
        return []
    if job.kind in CONTROL_KINDS:
        return list(InstanceGroup.objects.filter(name=CONTROL_PLANE))
    found: list[InstanceGroup] = []
    for level in LEVELS:
        row = getattr(job, level, None)
        if row is None:
            continue
        found += [group for group in in_order(row) if group not in found]
        if getattr(row, "prevent_instance_group_fallback", False):
            break
    return found


def prompted_groups(job: UnifiedJob) -> list[InstanceGroup]:
    """Those that the job's launch named and that are still there, in its order."""
    if not job.prompted_groups:
        return []
    rows = InstanceGroup.objects.in_bulk(job.preferred_groups)
    return [rows[pk] for pk in job.preferred_groups if pk in rows]


def _impact(job: Any) -> int:
    if job.kind in NOT_WALKED:
        return 0
    if not hasattr(job, "forks"):
        return SYSTEM_IMPACT if job.kind == "system_job" else 1
    forks = job.forks or DEFAULT_FORKS
    if job.launch_type == "callback":
        return min(2, forks) + 1
    if job.inventory_id is None:
        return int(forks) + 1
    hosts = hosts_of(job.inventory).count()
    slices = getattr(job, "job_slice_count", 1) or 1
    if slices > 1:
        hosts = (hosts + slices - job.job_slice_number) // slices
    return min(hosts, forks) + 1


def check_buildable(group: InstanceGroup | None) -> None:
    """Raises InvalidInput for a group in which no image can be built."""
    if group is not None and group.is_container_group:
        raise InvalidInput(
            f"Instance group {group.name} is a Kubernetes cluster, which has no container engine "
            "to build with.",
            field="instance_group",
            cure="Name a group of instances: their container engines build.",
        )
