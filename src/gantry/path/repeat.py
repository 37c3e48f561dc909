"""Step 1, launch: what a job takes over from the one that it repeats exactly.

The same digest, tree, inventory and variables, whatever became of tag, project, inventory and
template since. Credentials are opened as they are now: secrets are not kept with a job.
"""

from __future__ import annotations

from typing import Any

from gantry.base.errors import InvalidInput, JobFailure
from gantry.path.project import has_tree
from gantry.resources.inventories import InventorySnapshot
from gantry.resources.jobs import Job
from gantry.resources.projects import ProjectSnapshot

_PLAINLY = "Relaunch it plainly: it then takes project, inventory and image as they are now."


def why_not_exactly(job: Job) -> str:
    """Why this job cannot be repeated exactly; "" when it can, as far as the database knows.
    Whether the digest can still be had shows when the engine is asked for it."""
    if not job.ee_digest:
        return f"Job {job.pk} never got its image: there is no digest to run again."
    if job.inventory_snapshot is None or job.project_snapshot is None:
        return f"Job {job.pk} did not come so far that its project and inventory were kept."
    return _why_no_tree(job.project_snapshot)


def _why_no_tree(snapshot: ProjectSnapshot) -> str:
    if has_tree(snapshot):
        return ""
    return (
        f"The project's tree at commit {snapshot.revision[:12]} is no longer kept: its project or "
        "its sync was deleted."
    )


def environment_of(job: Job, which: str) -> dict[str, Any]:
    """Fields of the job that relaunches `job`, for its EE: the same one, whatever its image is by
    now (`same`); the one that a new launch would choose (`current`); the very image (`digest`).
    Raises InvalidInput."""
    if which == "current":
        return {"execution_environment": None, "ee_reason": ""}
    same = {
        "execution_environment": job.execution_environment,
        "ee_reason": f"the same as in job {job.pk}, which this one repeats",
    }
    if which == "same":
        return same
    if which != "digest":
        raise InvalidInput(f'"{which}" is not a valid choice.', field="environment")
    if not job.ee_digest:
        raise InvalidInput(
            f"Job {job.pk} never got its image: there is no digest to run again.",
            field="environment", cure="Relaunch it with the same environment.",
        )  # fmt: skip
    return same | {
        "ee_name": job.ee_name, "ee_image": job.ee_image, "ee_wanted_digest": job.ee_digest,
        "ee_reason": f"the digest of job {job.pk}, which this one repeats",
    }  # fmt: skip


def repeated(job: Job) -> dict[str, Any]:
    """Fields of the job that repeats `job` exactly. Raises InvalidInput."""
    reason = why_not_exactly(job)
    if reason:
        raise InvalidInput(reason, field="exactly", cure=_PLAINLY)
    return {
        "repeats": job, "project_snapshot": job.project_snapshot,
        "inventory_snapshot": job.inventory_snapshot, "scm_revision": job.scm_revision,
        "ee_name": job.ee_name, "ee_image": job.ee_image, "ee_wanted_digest": job.ee_digest,
        "ee_reason": f"the digest of job {job.pk}, which this one repeats exactly",
    }  # fmt: skip


def kept_project(job: Job) -> ProjectSnapshot:
    """The tree of a job that repeats one. Raises JobFailure when it went while the job waited."""
    snapshot = job.project_snapshot
    gone = "The project's tree is no longer kept." if snapshot is None else _why_no_tree(snapshot)
    if snapshot is None or gone:
        raise JobFailure(gone, cure=_PLAINLY, code="snapshot_gone")
    return snapshot


def kept_inventory(job: Job) -> InventorySnapshot:
    snapshot = job.inventory_snapshot
    if snapshot is None:
        raise JobFailure(
            "The inventory's snapshot is no longer kept.", cure=_PLAINLY, code="snapshot_gone"
        )
    return snapshot
