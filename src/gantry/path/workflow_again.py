"""Step 1 of a workflow that ran before: as a whole, or from where it failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from gantry.base.errors import Forbidden, GantryError
from gantry.path.workflow import copy_nodes, edges_of
from gantry.path.workflow_graph import Graph, Node
from gantry.path.workflow_nodes import begin_run
from gantry.resources import access
from gantry.resources.host_filter import hosts_of
from gantry.resources.jobs import UnifiedJob
from gantry.resources.organizations import User
from gantry.resources.surveys import open_answers
from gantry.resources.workflows import EDGES, WorkflowJob, WorkflowJobNode, WorkflowOptions

ORPHANED = "Cannot relaunch slice workflow job orphaned from job template."
RUNNING = "This workflow has not ended: nothing of it can be taken up again yet."
NOTHING_FAILED = "Every node of this workflow that ran has succeeded: there is none to go on from."
SLICES_CHANGED = "Cannot relaunch sliced workflow job after slice count has changed."


class NotRelaunched(GantryError):
    """A run that cannot be taken up again as it was."""

    code = "not_relaunched"


def relaunch_workflow(
    job: WorkflowJob, *, user: User | None, from_failed: bool = False
) -> WorkflowJob:
    """The same prompts again, through the workflow as it is now; where its template is gone,
    through the nodes that the run had. `from_failed` goes through the nodes that the run had and
    runs none again that succeeded: what these left is handed on as if they had run now."""
    if user is not None and not access.may(user, "start", job):
        raise Forbidden("You do not have permission to perform this action.")
    if user is not None and job.inventory is not None and job.workflow_job_template is not None:
        brought = job.inventory_id != job.workflow_job_template.inventory_id
        if brought and not access.may(user, "use", job.inventory):
            raise Forbidden("Job was launched with prompts you lack access to.")
    if job.is_sliced_job:
        _check_slices(job)
    kept = _settled(job) if from_failed else {}
    template = job.workflow_job_template
    nodes: Iterable[Any] = job.workflow_job_nodes.all()
    if template is not None and not from_failed:
        nodes = template.workflow_job_template_nodes.all()
    with transaction.atomic():
        again = WorkflowJob(
            **{f.name: getattr(job, f.name) for f in WorkflowOptions._meta.fields},
            kind="workflow_job", name=job.name, description=job.description,
            launch_type="relaunch", workflow_job_template=template, job_template=job.job_template,
            unified_job_template=job.unified_job_template, organization=job.organization,
            is_sliced_job=job.is_sliced_job, is_bulk_job=job.is_bulk_job, created_by=user,
            modified_by=user, survey_passwords=job.survey_passwords,
        )  # fmt: skip
        labels = job.labels.all()
        begin_run(again, open_answers(job), labels, lambda: _copy(nodes, again, kept))
    return again


def _settled(job: WorkflowJob) -> dict[int, UnifiedJob]:
    """The nodes that need not run again, and their jobs: those that succeeded, if that will come
    of all before them again."""
    if job.active:
        raise NotRelaunched(RUNNING)
    rows = job.workflow_job_nodes.select_related("job", "kept_job", "unified_job_template")
    nodes = {node.pk: node for node in rows}
    graph = graph_of(nodes)
    kept = {pk: outcome for pk in graph.settled() if (outcome := nodes[pk].outcome) is not None}
    if all(pk in kept or node.do_not_run for pk, node in graph.nodes.items()):
        raise NotRelaunched(NOTHING_FAILED, cure="Relaunch it as a whole.")
    return kept


def _check_slices(job: WorkflowJob) -> None:
    """The nodes that a run had would no longer be all hosts, each once."""
    if job.job_template is None:
        raise NotRelaunched(ORPHANED)
    wanted = job.job_template.job_slice_count
    nodes = job.workflow_job_nodes.values_list("char_prompts__job_slice_count", flat=True)
    if nodes and nodes[0] is not None:
        wanted = nodes[0]  # this launch said so
    if job.inventory is None or min(hosts_of(job.inventory).count(), wanted) != len(nodes):
        raise NotRelaunched(SLICES_CHANGED)


def _copy(
    nodes: Iterable[Any], job: WorkflowJob, kept: Mapping[int, UnifiedJob] | None = None
) -> None:
    """`kept`: node -> the job that stands for that of its copy."""
    copies = copy_nodes(nodes, lambda: WorkflowJobNode(workflow_job=job))
    for pk, outcome in (kept or {}).items():
        WorkflowJobNode.objects.filter(pk=copies[pk].pk).update(kept_job=outcome)


def graph_of(nodes: dict[int, WorkflowJobNode]) -> Graph:
    made = {
        pk: Node(
            pk, node.outcome.status if node.outcome is not None else "",
            node.unified_job_template_id is not None, node.do_not_run,
            node.all_parents_must_converge,
        )
        for pk, node in nodes.items()
    }  # fmt: skip
    edges = {edge: set(edges_of(WorkflowJobNode, edge, nodes)) for edge in EDGES}
    return Graph(made, edges)
