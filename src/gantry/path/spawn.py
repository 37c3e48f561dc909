"""What a workflow starts at one of its nodes: a job of whatever kind, through that kind's own
launch function, with the node's prompts, the workflow's above them, and what its forerunners left.

AWX: WorkflowJobNode.get_job_kwargs. A job that cannot be launched is one that failed, so that the
workflow goes on over the node's failure edges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from gantry.base.errors import GantryError, InvalidInput
from gantry.path import states
from gantry.path.launch import ResourcesNeeded, launch_job, start_secrets
from gantry.path.prompts import Handed
from gantry.path.queue import enqueue
from gantry.path.saved_prompts import launch_body, prompts_of, saved_errors, whole
from gantry.path.system_job import launch_system_job
from gantry.path.updates import update_project, update_source
from gantry.path.workflow import launch_workflow, tell_workflow_of
from gantry.resources.inventory_sources import InventoryUpdate, SourceOptions
from gantry.resources.jobs import Job, ProjectUpdate, UnifiedJob
from gantry.resources.surveys import open_answers, questions
from gantry.resources.system_jobs import SystemJob
from gantry.resources.templates import UnifiedJobTemplate
from gantry.resources.variables import parse_variables
from gantry.resources.workflows import (
    HANDED_ON,
    SLICE,
    WorkflowApproval,
    WorkflowJob,
    WorkflowJobNode,
)

NO_LOG = "_ansible_no_log"  # among artifacts: all of them are secret
NO_RESOURCE = (
    "Job spawned from workflow could not start because it was missing a related resource such as "
    "project or inventory"
)
NOT_READY = (
    "Job spawned from workflow could not start because it was not in the right state or required "
    "manual credentials"
)
RECURSION = (
    "Workflow Job spawned from workflow could not start because it would result in recursion "
    "(spawn order, most recent first: {})"
)


def spawn(node: WorkflowJobNode, workflow: WorkflowJob) -> UnifiedJob:
    """The node's job, pending, or failed where it could not be launched; the node is not saved."""
    template = node.unified_job_template
    assert template is not None, "a node without a template is not ready"
    # Of every kind of node, so that they go past an approval or a sync too.
    node.ancestor_artifacts = artifacts_for(node) or node.ancestor_artifacts
    try:
        with transaction.atomic():
            job = _STARTERS[template.kind](whole(template), node, workflow)
    except ResourcesNeeded as error:
        job = _refused(template, workflow, f"{NO_RESOURCE}: {error}")
    except Recursion as error:
        job = _refused(template, workflow, str(error))
    except GantryError as error:
        job = _refused(template, workflow, f"{NOT_READY}: {error}")
    UnifiedJob.objects.filter(pk=job.pk).update(created_by=workflow.created_by)
    return job


class Recursion(GantryError):
    """A workflow that would start itself, directly or through others."""

    code = "recursion"


def artifacts_for(node: WorkflowJobNode) -> dict[str, Any]:
    """What the jobs before this node left (set_stats), the nearest last."""
    found: dict[str, Any] = {}
    name = "workflowjobnodes"
    parents = [
        getattr(node, f"{name}_{way}").select_related("job", "kept_job")
        for way in ("success", "failure", "always")
    ]
    rows = {parent.pk: parent for some in parents for parent in some}
    for pk in sorted(rows):
        found |= rows[pk].ancestor_artifacts
        if rows[pk].outcome is not None:
            found |= _left_by(rows[pk].outcome, {node.workflow_job_id})
    return found


def _left_by(job: UnifiedJob, seen: set[Any]) -> dict[str, Any]:
    """An inner workflow leaves what its own jobs left, in the order in which they ended."""
    if job.kind == "job":
        kept = Job.objects.filter(pk=job.pk).values_list("artifacts", flat=True).first()
        return kept if isinstance(kept, dict) else {}
    if job.kind != "workflow_job" or job.pk in seen:
        return {}
    found: dict[str, Any] = {}
    inner = UnifiedJob.objects.filter(
        Q(unified_job_node__workflow_job=job.pk) | Q(keeping_nodes__workflow_job=job.pk),
        status__in=("successful", "failed"),
    )
    for one in inner.distinct().order_by("finished", "id"):
        found |= _left_by(one, seen | {job.pk})
    return found


def _handed(left: dict[str, Any], variables: dict[str, Any], secret: set[str]) -> Handed:
    """The workflow's own variables stand above what its jobs left."""
    hidden = set(left) if NO_LOG in left else set()
    left = {name: value for name, value in left.items() if name != NO_LOG}
    return Handed({**left, **variables}, frozenset(secret | hidden))


def _own_variables(workflow: WorkflowJob) -> tuple[dict[str, Any], set[str]]:
    """In the clear, and which of them are secret."""
    found = parse_variables(workflow.extra_vars, field="extra_vars")
    answers = open_answers(workflow)
    return {**found, **answers}, set(workflow.survey_passwords) & set(found)


def _prompts(node: WorkflowJobNode, workflow: WorkflowJob, template: Any) -> dict[str, Any]:
    """What the node was given, with the workflow's above it; what the template refuses of it by
    now is left out, as in AWX."""
    found = prompts_of(node, node.open_data())
    found |= {n: getattr(workflow, n) for n in HANDED_ON if getattr(workflow, n) is not None}
    refused = saved_errors(template, found, whole=False)
    return {name: value for name, value in found.items() if name not in refused}


def _answers(template: Any, handed: Handed) -> dict[str, Any]:
    """What is handed on and answers the template's survey."""
    asked = {question["variable"] for question in questions(template)}
    return {name: value for name, value in handed.variables.items() if name in asked}


def _job(template: Any, node: WorkflowJobNode, workflow: WorkflowJob) -> UnifiedJob:
    prompts = _prompts(node, workflow, template)
    piece = _piece(node, workflow)
    left = {} if piece is not None else node.ancestor_artifacts
    own, secret = _own_variables(workflow)
    given = prompts.get("extra_vars", {})
    if workflow.is_bulk_job:  # nobody who made the template let a workflow have its way
        given, own = {**given, **own}, {}
    handed = _handed(left, own, secret)
    answers = {**given, **_answers(template, handed)}
    body = launch_body(template, {**prompts, "extra_vars": answers})
    return launch_job(
        template, user=None, prompts=body, launch_type="workflow", handed=handed,
        passwords=start_secrets(workflow), piece=piece,
    ).job  # fmt: skip


def _piece(node: WorkflowJobNode, workflow: WorkflowJob) -> tuple[int, int] | None:
    if not workflow.is_sliced_job or SLICE not in node.ancestor_artifacts:
        return None
    return node.ancestor_artifacts[SLICE], workflow.workflow_job_nodes.count()


def _workflow(template: Any, node: WorkflowJobNode, workflow: WorkflowJob) -> UnifiedJob:
    _refuse_recursion(template, workflow)
    prompts = _prompts(node, workflow, template)
    variables, secret = _own_variables(workflow)
    # Its variables are held to what the inner workflow asks for; secrets among them stay sealed.
    asked = {question["variable"] for question in questions(template)}
    taken = set(variables) if template.ask_variables_on_launch else asked
    sealed = {k: v for k, v in variables.items() if k in secret & taken}
    handed = _handed(node.ancestor_artifacts, sealed, secret)
    plain = {k: v for k, v in variables.items() if k not in sealed}
    given = {**prompts.get("extra_vars", {}), **plain, **_answers(template, handed)}
    body = launch_body(template, {**prompts, "extra_vars": given})
    return launch_workflow(
        template, user=None, prompts=body, launch_type="workflow", handed=handed
    ).job  # fmt: skip


def _refuse_recursion(template: Any, workflow: WorkflowJob) -> None:
    above: list[WorkflowJob] = []
    at: WorkflowJob | None = workflow
    while at is not None and at not in above:
        above.append(at)
        node = WorkflowJobNode.objects.filter(job=at.pk).select_related("workflow_job").first()
        at = node.workflow_job if node is not None else None
    if any(run.unified_job_template_id == template.pk for run in above):
        names = ", ".join(f"<{name}>" for name in (template.name, *(run.name for run in above)))
        raise Recursion(RECURSION.format(names))


def _project(template: Any, node: WorkflowJobNode, workflow: WorkflowJob) -> UnifiedJob:
    return update_project(template, user=None, launch_type="workflow")


def _source(template: Any, node: WorkflowJobNode, workflow: WorkflowJob) -> UnifiedJob:
    if not template.can_update:
        raise InvalidInput(f"Inventory source {template.name} cannot be updated.")
    return update_source(template, user=None, launch_type="workflow")


def _system(template: Any, node: WorkflowJobNode, workflow: WorkflowJob) -> UnifiedJob:
    return launch_system_job(
        template, user=None, variables=node.open_data(), launch_type="workflow"
    )


def _approval(template: Any, node: WorkflowJobNode, workflow: WorkflowJob) -> UnifiedJob:
    approval = WorkflowApproval(
        kind="workflow_approval", name=template.name, description=template.description,
        timeout=template.timeout, workflow_approval_template=template, launch_type="workflow",
        unified_job_template=template, organization=workflow.organization, started=timezone.now(),
    )  # fmt: skip
    approval.save()
    UnifiedJobTemplate.objects.filter(pk=template.pk).update(current_job=approval, status="pending")
    WorkflowJobNode.objects.filter(pk=node.pk).update(job=approval)
    enqueue(approval)
    tell_workflow_of(approval, "running")
    return approval


_STARTERS: dict[str, Callable[[Any, WorkflowJobNode, WorkflowJob], UnifiedJob]] = {
    "job_template": _job,
    "workflow_job_template": _workflow,
    "project": _project,
    "inventory_source": _source,
    "system_job_template": _system,
    "workflow_approval_template": _approval,
}


def _refused(template: UnifiedJobTemplate, workflow: WorkflowJob, sentence: str) -> UnifiedJob:
    """The job that could not be, as a row that says why."""
    row: Any = whole(template)
    common: dict[str, Any] = {
        "name": template.name, "description": template.description, "launch_type": "workflow",
        "unified_job_template": template, "organization": workflow.organization,
        "status": "pending", "created_by": workflow.created_by,
    }  # fmt: skip
    job: UnifiedJob
    if template.kind == "project":
        job = ProjectUpdate(kind="project_update", project=row, **common)
    elif template.kind == "inventory_source":
        options = {f.name: getattr(row, f.name) for f in SourceOptions._meta.fields}
        job = InventoryUpdate(
            kind="inventory_update", inventory_source=row, inventory=row.inventory,
            **options, **common,
        )  # fmt: skip
    elif template.kind == "system_job_template":
        job = SystemJob(kind="system_job", system_job_template=row, **common)
    elif template.kind == "workflow_job_template":
        job = WorkflowJob(kind="workflow_job", workflow_job_template=row, **common)
    else:
        job = Job(
            kind="job", job_template=row, project=row.project, inventory=row.inventory,
            playbook=row.playbook, **common,
        )  # fmt: skip
    job.save()
    states.end(job, status="failed", job_explanation=sentence, failure_class="not_spawned")
    return job
