"""Step 2, resolve: which execution environment, the sentence that says why this one, and the digest
that must run where one is wanted.

AWX's order of precedence (awx/main/models/mixins.py, ExecutionEnvironmentMixin); the answer is
written on the job, so that nothing later has to ask again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Value

from gantry.base.config import settings
from gantry.base.errors import JobFailure
from gantry.pods.contract import Image
from gantry.resources.ad_hoc import AdHocCommand
from gantry.resources.environments import EnvironmentDigest, ExecutionEnvironment
from gantry.resources.images import ImageContents
from gantry.resources.inventories import Inventory
from gantry.resources.inventory_sources import InventorySource, InventoryUpdate
from gantry.resources.jobs import Installation, Job, ProjectUpdate, UnifiedJob
from gantry.resources.organizations import Organization
from gantry.resources.projects import Project
from gantry.resources.templates import JobTemplate

Running = Job | ProjectUpdate | InventoryUpdate | AdHocCommand
Candidate = tuple[ExecutionEnvironment | None, str]
Row = Running | JobTemplate | Project | InventorySource


@dataclass(frozen=True)
class Resolution:
    """`image` and `digest` ("": whatever the image's tag means) are what runs; `elsewhere` other
    references under which the digest was seen, `known` the images that had it on an engine. The
    environment of a job that repeats one exactly is a row without id when it was deleted since."""

    environment: ExecutionEnvironment
    reason: str
    digest: str = ""
    image: str = ""
    elsewhere: tuple[str, ...] = ()
    known: tuple[Image, ...] = ()


def resolve_environment(row: Row) -> Resolution:
    """The EE of a job, or of a template's next job. Raises JobFailure when there is none."""
    # A wanted digest is there before anything was resolved where a relaunch said so.
    if isinstance(row, Job) and (row.repeats_id is not None or row.ee_wanted_digest):
        return _repeated(row)
    for environment, reason in candidates(row):
        if environment is not None:
            return _with_digest(environment, reason)
    raise JobFailure(
        "Job could not start because no Execution Environment could be found.",
        cure="Choose an execution environment on the template, or a default one on the project or "
        "the organization, or make a global one.",
        code="no_execution_environment",
    )


def _with_digest(environment: ExecutionEnvironment, reason: str) -> Resolution:
    digest = environment.wanted_digest
    elsewhere, known = _seen(environment, digest)
    return Resolution(environment, reason, digest, environment.image, elsewhere, known)


def _repeated(job: Job) -> Resolution:
    """What an earlier job ran: launch copied it, and nothing that was changed since counts."""
    environment, digest = job.execution_environment, job.ee_wanted_digest
    elsewhere, known = _seen(environment, digest)
    if environment is None:
        environment = ExecutionEnvironment(name=job.ee_name, image=job.ee_image)
    else:
        elsewhere = (environment.image, *elsewhere)
    return Resolution(environment, job.ee_reason, digest, job.ee_image, elsewhere, known)


def _seen(
    environment: ExecutionEnvironment | None, digest: str
) -> tuple[tuple[str, ...], tuple[Image, ...]]:
    """Under which references this EE meant the digest, and which images had it for any EE."""
    if not digest:
        return (), ()
    # One question for both: every launch asks.
    of_this = EnvironmentDigest.objects.filter(environment=environment, digest=digest)
    of_any = ImageContents.objects.filter(digest=digest).exclude(image_id="")
    rows = of_this.order_by().values_list("reference", Value(""), Value("")).union(
        of_any.order_by().values_list(Value(""), "image_id", "platform")
    )  # fmt: skip
    found = list(rows)
    return (
        tuple(reference for reference, _, _ in found if reference),
        tuple(Image(image, digest, where, (digest,)) for _, image, where in found if image),
    )


def candidates(row: Row) -> Iterator[Candidate]:
    """What each level chose, None where it chose nothing, in the order in which they are asked:
    the first EE is the answer. Pages show them all."""
    if isinstance(row, ProjectUpdate | Project):
        yield _control_plane(), "control plane environment: every project sync runs in it"
        return
    if isinstance(row, InventorySource | InventoryUpdate):
        yield from _of_source(row)
        return
    if isinstance(row, AdHocCommand):
        yield row.execution_environment, row.ee_reason or "chosen for this command"
        yield from _of_inventory(row.inventory)
        yield from _global()
        return
    if isinstance(row, Job):
        # Launch copied the template's EE, or the prompt's, and then said so in ee_reason.
        yield row.execution_environment, row.ee_reason or f"job template {row.name}"
    else:
        yield row.execution_environment, f"job template {row.name}"
    project = row.project
    if project is not None:
        yield project.default_environment, f"default of project {project.name}"
        yield _default_of(row.organization or project.organization, "")
    elif row.organization is not None:
        yield _default_of(row.organization, "")
    yield from _of_inventory(row.inventory)
    yield from _global()


def _of_source(row: InventorySource | InventoryUpdate) -> Iterator[Candidate]:
    inventory = row.inventory
    if inventory is not None and inventory.kind == "constructed":
        yield _control_plane(), "control plane environment: constructed inventories are made in it"
        return
    source = row.inventory_source if isinstance(row, InventoryUpdate) else row
    # Launch copied the source's EE; once resolved, the update knows why it has its own.
    known = row.ee_reason if isinstance(row, InventoryUpdate) else ""
    yield row.execution_environment, known or f"inventory source {source.name}"
    yield from _of_inventory(inventory)
    yield from _global()


def _of_inventory(inventory: Inventory | None) -> Iterator[Candidate]:
    if inventory is not None:
        yield _default_of(inventory.organization, f", owner of inventory {inventory.name}")


def _default_of(organization: Organization | None, detail: str) -> Candidate:
    if organization is None:
        return None, ""
    return (
        organization.default_environment,
        f"organization default of {organization.name}{detail}",
    )


def _global() -> Iterator[Candidate]:
    installation = Installation.objects.select_related("default_environment").first()
    chosen = installation.default_environment if installation else None
    yield chosen, "global default of this installation"
    unmanaged = ExecutionEnvironment.objects.filter(organization=None, managed=False)
    listed = unmanaged.filter(image=settings().global_image).order_by("-created").first()
    yield listed, "global default: the image that GANTRY_GLOBAL_IMAGE names"
    yield unmanaged.order_by("-created").first(), "newest global execution environment"


def _control_plane() -> ExecutionEnvironment | None:
    managed = ExecutionEnvironment.objects.filter(organization=None, managed=True)
    return managed.order_by("-created").first()


def to_resolve(job: UnifiedJob) -> tuple[Running, bool]:
    """The child row with all that resolving most often asks for, in one question and without what
    only later steps read; and whether a job that it depends on did not succeed."""
    model: type[Any] = {
        "job": Job, "project_update": ProjectUpdate, "inventory_update": InventoryUpdate,
        "ad_hoc_command": AdHocCommand,
    }[job.kind]  # fmt: skip
    only = ("name", "organization", "instance_group", "execution_environment")
    of_jobs = ("inventory", "repeats", "ee_name", "ee_image", "ee_reason", "ee_wanted_digest")
    of_updates = ("inventory", "inventory_source", "ee_reason")
    more: dict[type[Any], tuple[str, ...]] = {
        Job: ("project", *of_jobs), ProjectUpdate: ("project",), InventoryUpdate: of_updates,
        AdHocCommand: ("inventory", "ee_reason"),
    }  # fmt: skip
    dependencies = UnifiedJob.dependencies.through._default_manager
    unsuccessful = dependencies.filter(from_unifiedjob=OuterRef("pk")).exclude(
        to_unifiedjob__status="successful"
    )
    rows = model.objects.only(*only, *more[model])
    related = ("organization", "instance_group", "execution_environment__credential")
    row = rows.select_related(*related).annotate(held_up=Exists(unsuccessful)).get(pk=job.pk)
    return row, row.held_up


def specific(job: UnifiedJob) -> Running:
    """The child row of a unified job."""
    if job.kind == "job":
        return Job.objects.get(pk=job.pk)
    if job.kind == "project_update":
        return ProjectUpdate.objects.get(pk=job.pk)
    if job.kind == "inventory_update":
        return InventoryUpdate.objects.get(pk=job.pk)
    if job.kind == "ad_hoc_command":
        return AdHocCommand.objects.get(pk=job.pk)
    raise ValueError(f"job {job.pk} is a {job.kind}")
