"""Running a job again, whatever kind it is of: from its page, and from a selection in the list."""

from __future__ import annotations

from collections.abc import Mapping

from gantry.base.errors import InvalidInput
from gantry.path.ad_hoc import relaunch_ad_hoc
from gantry.path.launch import relaunch_job
from gantry.path.workflow_again import relaunch_workflow
from gantry.resources.ad_hoc import AdHocCommand
from gantry.resources.jobs import Job, UnifiedJob
from gantry.resources.organizations import User
from gantry.resources.workflows import WorkflowJob


def again(
    job: UnifiedJob,
    *,
    user: User,
    hosts: str = "all",
    passwords: Mapping[str, str] | None = None,
) -> UnifiedJob:
    """`job` is the row of its kind, `hosts` "all", "failed" or "exactly"; "failed"
    of a workflow: its nodes that did not succeed. Raises GantryError."""
    if isinstance(job, AdHocCommand):
        return relaunch_ad_hoc(job, user=user, passwords=passwords or {})
    if isinstance(job, WorkflowJob):
        return relaunch_workflow(job, user=user, from_failed=hosts == "failed")
    if isinstance(job, Job):
        some = "failed" if hosts == "failed" else "all"
        return relaunch_job(
            job, user=user, hosts=some, passwords=passwords or {}, exactly=hosts == "exactly"
        )
    raise InvalidInput(
        f"{job.name} is not run again by itself.",
        cure="Sync its project, update its source or build its environment instead.",
    )
