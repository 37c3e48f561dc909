"""How a run of a workflow begins, and nodes that no template had: slices, jobs of a bulk launch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from gantry.path.prompts import LISTS, ROWS
from gantry.path.queue import enqueue
from gantry.resources.credentials import ENCRYPTED
from gantry.resources.launch_configs import OPTIONS
from gantry.resources.surveys import seal_answers
from gantry.resources.templates import UnifiedJobTemplate
from gantry.resources.workflows import WorkflowJob, WorkflowJobNode, new_identifier


@dataclass(frozen=True)
class Wanted:
    """A node: its template and its prompts ({launch field: value}; rows as rows; `extra_vars` as a
    mapping in the clear, of which those named in `secret` are kept sealed). `left` is what its
    forerunners left, for a node that has none."""

    template: UnifiedJobTemplate
    prompts: Mapping[str, Any]
    secret: frozenset[str] = frozenset()
    identifier: str = field(default_factory=new_identifier)
    converge: bool = False
    left: Mapping[str, Any] = field(default_factory=dict)


def begin_run(
    job: WorkflowJob,
    secret: dict[str, str],
    labels: Iterable[Any],
    make_nodes: Callable[[], object],
) -> None:
    """Save a run and hand it to the controllers; `secret` answers are sealed, `make_nodes` gives
    it its nodes."""
    job.save()
    if secret:
        seal_answers(job, secret)
        job.save(update_fields=["extra_vars"])
    job.labels.set(labels)
    make_nodes()
    if job.unified_job_template_id is not None:
        UnifiedJobTemplate.objects.filter(pk=job.unified_job_template_id).update(
            current_job=job, status="pending"
        )
    enqueue(job)


def add_nodes(workflow: WorkflowJob, wanted: Iterable[Wanted]) -> None:
    """In their order, in a few statements however many they are."""
    every = list(wanted)
    nodes = WorkflowJobNode.objects.bulk_create([_node(workflow, one) for one in every])
    pairs = list(zip(nodes, every, strict=True))
    for node, one in pairs:
        if node.survey_passwords:  # only now: what is sealed is bound to its row
            node.extra_data = dict(one.prompts["extra_vars"])
            node.seal_answers()
            node.save(update_fields=["extra_data"])
    for name in LISTS:
        rows: Any = WorkflowJobNode._meta.get_field(name)
        through = rows.remote_field.through
        through._default_manager.bulk_create(
            through(workflowjobnode=node, **{rows.m2m_reverse_field_name(): row})
            for node, one in pairs
            for row in one.prompts.get(name, ())
        )


def _node(workflow: WorkflowJob, one: Wanted) -> WorkflowJobNode:
    given = one.prompts
    variables = dict(given.get("extra_vars", {}))
    secret = {name: ENCRYPTED for name in one.secret if name in variables}
    kept = {name: value for name, value in variables.items() if name not in secret}
    return WorkflowJobNode(
        workflow_job=workflow, unified_job_template=one.template, identifier=one.identifier,
        all_parents_must_converge=one.converge, ancestor_artifacts=dict(one.left),
        char_prompts={name: given[name] for name in OPTIONS if given.get(name) is not None},
        extra_data=kept, survey_passwords=secret, created=timezone.now(),
        **{name: given[name] for name in ROWS if given.get(name) is not None},
    )  # fmt: skip
