"""Step 1 for what other jobs need first: syncs of projects, updates of inventory sources, and which
of them a job waits for."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from gantry.base.errors import Forbidden, InvalidInput
from gantry.path.queue import enqueue
from gantry.resources import access
from gantry.resources.inventory_sources import InventorySource, InventoryUpdate, SourceOptions
from gantry.resources.jobs import ACTIVE, Job, ProjectUpdate
from gantry.resources.organizations import User
from gantry.resources.projects import Project, ProjectOptions
from gantry.resources.scm_url import check_url


def update_project(
    project: Project, *, user: User | None, launch_type: str = "manual", branch: str = ""
) -> ProjectUpdate:
    """Sync a project; an update of the same branch that is already waiting serves both."""
    if user is not None and not access.may(user, "update", project):
        raise Forbidden("You do not have permission to perform this action.")
    if not project.synced:
        raise InvalidInput(
            "A project without source control cannot be synced.",
            field="scm_type",
            cure="Set its source control type to Git, Subversion or archive and give its URL.",
        )
    check_url(project.scm_type, project.scm_url)
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        wanted = branch or project.scm_branch
        waiting = ProjectUpdate.objects.filter(
            project=project, status__in=("new", "pending"), scm_branch=wanted,
            scm_type=project.scm_type, scm_url=project.scm_url, credential=project.credential,
            scm_refspec=project.scm_refspec,
        ).first()  # fmt: skip
        # A node of a workflow has one of its own.
        if waiting is not None and launch_type != "workflow":
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


def update_source(
    source: InventorySource, *, user: User | None, launch_type: str = "manual"
) -> InventoryUpdate:
    """Read a source's hosts anew. An update of it that is already waiting serves both; jobs that
    need one are also served by one that runs."""
    if user is not None and not access.may(user, "start", source):
        raise Forbidden("You do not have permission to perform this action.")
    if user is not None and not source.can_update:
        raise InvalidInput(
            f"Inventory source {source.name} cannot be updated.",
            cure="Give it a project and a file of it, or the credential of its cloud.",
        )
    with transaction.atomic():
        InventorySource.objects.select_for_update(of=("self",)).get(pk=source.pk)
        serving = ACTIVE if launch_type == "dependency" else ("new", "pending")
        waiting = source.inventory_updates.filter(status__in=serving).first()
        if waiting is not None and launch_type != "workflow":
            return waiting
        update = InventoryUpdate(
            **{f.name: getattr(source, f.name) for f in SourceOptions._meta.fields},
            kind="inventory_update", name=f"{source.inventory.name} - {source.name}"[:512],
            description=source.description, inventory=source.inventory, inventory_source=source,
            unified_job_template=source, launch_type=launch_type, created_by=user,
            organization=source.inventory.organization, modified_by=user,
            execution_environment=source.execution_environment,
        )  # fmt: skip
        update.save()
        update.credentials.set(source.credentials.all())
        InventorySource.objects.filter(pk=source.pk).update(current_job=update, status="pending")
        if source.source == "scm" and source.source_project is not None:
            update.source_project_update = _project_update_for(
                source.source_project, source.scm_branch
            )
        if update.source_project_update is not None:
            update.dependencies.add(update.source_project_update)
            update.save(update_fields=["source_project_update"])
        enqueue(update)
    return update


def wait_for_content(job: Job) -> None:
    """Have the project's tree and the inventory's hosts there before the job."""
    if job.project is not None:
        update = _project_update_for(job.project, job.scm_branch)
        if update is not None:
            job.dependencies.add(update)
            job.project_update = update
            job.save(update_fields=["project_update"])
    if job.inventory is not None:
        sources = job.inventory.inventory_sources.filter(update_on_launch=True)
        wanted = [found for source in sources if (found := _inventory_update_for(source))]
        job.dependencies.add(*wanted)


def _inventory_update_for(source: InventorySource) -> InventoryUpdate | None:
    """The update that a job of this source's inventory must wait for, made if it must be."""
    latest = source.inventory_updates.last()
    if latest is not None and latest.status in ACTIVE:
        return latest
    if latest is not None and latest.status == "successful" and latest.finished is not None:
        age = (timezone.now() - latest.finished).total_seconds()
        if age <= source.update_cache_timeout:
            return None
    return update_source(source, user=None, launch_type="dependency")


def _project_update_for(project: Project, branch: str) -> ProjectUpdate | None:
    """The sync that a job of this project must wait for: one under way, or a new one. None where
    there is a snapshot that will do."""
    if not project.synced:
        return None
    branch = branch or project.scm_branch
    # Asked before the snapshots: an update keeps its snapshot before it ends, so one of the two
    # questions finds it.
    under_way = _under_way(project, branch)
    snapshot = project.newest(branch)
    stale = project.scm_update_on_launch and (
        snapshot is None
        or (timezone.now() - snapshot.created).total_seconds() >= project.scm_update_cache_timeout
    )
    if snapshot is not None and not stale:
        return None
    if under_way is not None and _serves(under_way, project, snapshot is None):
        return under_way
    return update_project(project, user=None, launch_type="dependency", branch=branch)


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
