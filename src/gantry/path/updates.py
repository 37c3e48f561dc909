"""Step 1 for what other jobs need first: syncs of projects, and which of them a job waits for."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from gantry.base.errors import Forbidden, InvalidInput
from gantry.path.queue import enqueue
from gantry.resources import access
from gantry.resources.jobs import ACTIVE, Job, ProjectUpdate
from gantry.resources.organizations import User
from gantry.resources.projects import Project, ProjectOptions
from gantry.resources.scm_url import check_git_url


def update_project(
    project: Project, *, user: User | None, launch_type: str = "manual", branch: str = ""
) -> ProjectUpdate:
    """Sync a project; an update of the same branch that is already waiting serves both."""
    if user is not None and not access.may(user, "update", project):
        raise Forbidden("You do not have permission to perform this action.")
    if project.scm_type != "git":
        raise InvalidInput(
            "Only Git projects can be synced.",
            field="scm_type",
            cure="Set the project's source control type to Git and give its URL.",
        )
    check_git_url(project.scm_url)
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        wanted = branch or project.scm_branch
        waiting = ProjectUpdate.objects.filter(
            project=project, status__in=("new", "pending"), scm_branch=wanted
        ).first()
        if waiting is not None:
            return waiting
        update = ProjectUpdate(
            **{f.name: getattr(project, f.name) for f in ProjectOptions._meta.fields}
            | {"scm_branch": wanted},
            kind="project_update", name=project.name, project=project, launch_type=launch_type,
            unified_job_template=project, organization=project.organization,
            created_by=user, modified_by=user,
        )  # fmt: skip
        update.save()
        Project.objects.filter(pk=project.pk).update(current_job=update, status="pending")
        enqueue(update)
    return update


def wait_for_content(job: Job) -> None:
    """Have the project's tree there before the job: a snapshot, or an update to wait for."""
    project = job.project
    if project is None or project.scm_type != "git":
        return
    branch = job.scm_branch or project.scm_branch
    # Asked before the snapshots: an update keeps its snapshot before it ends, so one of the two
    # questions finds it.
    under_way = _under_way(project, branch)
    snapshot = project.snapshots.filter(scm_branch=branch, scm_url=project.scm_url).first()
    stale = project.scm_update_on_launch and (
        snapshot is None
        or (timezone.now() - snapshot.created).total_seconds() >= project.scm_update_cache_timeout
    )
    if snapshot is None or stale:
        serves = under_way is not None and _serves(under_way, project, snapshot is None)
        update = (under_way if serves else None) or update_project(
            project, user=None, launch_type="dependency", branch=branch
        )
        job.dependencies.add(update)
        job.project_update = update
        job.save(update_fields=["project_update"])


def _under_way(project: Project, branch: str) -> ProjectUpdate | None:
    """The newest update of this branch that has not ended, whatever state it is in."""
    return ProjectUpdate.objects.filter(
        project=project, status__in=ACTIVE, scm_branch=branch, scm_url=project.scm_url
    ).last()


def _serves(update: ProjectUpdate, project: Project, never_synced: bool) -> bool:
    """One that waits always does; one that runs where a tree of some seconds ago would do."""
    if update.status in ("new", "pending") or project.scm_update_cache_timeout:
        return True
    return never_synced and not project.scm_update_on_launch
