"""Step 1 of a workflow: the one function that makes a run, with its nodes as they are now.

control/workflows.py goes on: it starts the nodes' jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import transaction

from gantry.base.errors import Forbidden, GantryError
from gantry.path.notify import tell_approval
from gantry.path.prompts import Handed, Prompted, checked, hand_on, merge_variables
from gantry.path.queue import tell_controllers
from gantry.path.saved_prompts import prompts_of, saved_errors, whole
from gantry.path.states import end
from gantry.path.workflow_nodes import begin_run
from gantry.resources import access
from gantry.resources.credentials import ENCRYPTED
from gantry.resources.instances import in_order
from gantry.resources.jobs import UnifiedJob
from gantry.resources.organizations import User
from gantry.resources.surveys import password_variables, questions
from gantry.resources.variables import parse_variables
from gantry.resources.workflows import (
    EDGES,
    WORKFLOW_PROMPTS,
    WorkflowApproval,
    WorkflowJob,
    WorkflowJobNode,
    WorkflowJobTemplate,
    WorkflowNode,
    WorkflowOptions,
)

_COPIED = (
    "unified_job_template_id", "inventory_id", "execution_environment_id", "char_prompts",
    "survey_passwords", "all_parents_must_converge", "identifier",
)  # fmt: skip


class NotWaiting(GantryError):
    """An approval that was answered already, or whose workflow was canceled."""

    code = "not_waiting"


@dataclass(frozen=True)
class LaunchedWorkflow:
    job: WorkflowJob
    ignored_fields: dict[str, Any] = field(default_factory=dict)


def launch_workflow(
    template: WorkflowJobTemplate,
    *,
    user: User | None,
    prompts: Mapping[str, Any],
    launch_type: str = "manual",
    handed: Handed | None = None,
) -> LaunchedWorkflow:
    """Make a pending run. `prompts` is a launch request's body. Raises Forbidden, InvalidInput."""
    if user is not None and not access.may(user, "start", template):
        raise Forbidden("You do not have permission to perform this action.")
    merged = _merge(template, prompts, user)
    secret = {**merged.passwords, **hand_on(merged.values, handed)}
    with transaction.atomic():
        job = WorkflowJob(
            **merged.values, kind="workflow_job", name=template.name,
            description=template.description, launch_type=launch_type,
            workflow_job_template=template, unified_job_template=template,
            organization=template.organization, created_by=user, modified_by=user,
            survey_passwords=dict.fromkeys({*password_variables(template), *secret}, ENCRYPTED),
        )  # fmt: skip
        parse_variables(job.extra_vars, field="extra_vars")
        nodes = template.workflow_job_template_nodes.all()
        make = partial(copy_nodes, nodes, partial(WorkflowJobNode, workflow_job=job))
        begin_run(job, secret, merged.labels, make)
    return LaunchedWorkflow(job, merged.ignored)


def workflow_preview(template: WorkflowJobTemplate) -> dict[str, Any]:
    """What a launch asks for, and which nodes it would not start: GET of AWX's launch endpoint."""
    nodes = list(template.workflow_job_template_nodes.select_related("unified_job_template"))
    needed = [q["variable"] for q in questions(template) if q["required"]]
    return {
        "can_start_without_user_input": not needed,
        "variables_needed_to_start": needed,
        "survey_enabled": template.survey_enabled and "spec" in template.survey_spec,
        "node_templates_missing": [n.pk for n in nodes if n.unified_job_template is None],
        "node_prompts_rejected": [n.pk for n in nodes if _rejected(n)],
        **{flag: getattr(template, flag) for flag in WORKFLOW_PROMPTS.values()},
    }


def answer_approval(approval: WorkflowApproval, *, user: User, approved: bool) -> None:
    """Raises Forbidden, and NotWaiting when somebody was faster."""
    if not access.may(user, "approve", approval):
        raise Forbidden("User does not have permission to approve or deny this workflow.")
    with transaction.atomic():
        row = UnifiedJob.objects.select_for_update().get(pk=approval.pk)
        if row.status != "pending" or row.cancel_flag:
            raise NotWaiting("This workflow step has already been approved or denied.")
        WorkflowApproval.objects.filter(pk=row.pk).update(approved_or_denied_by=user)
        tell_workflow_of(approval, "approved" if approved else "denied")
        said = "" if approved else f"Denied by {user.username}."
        end(
            row, status="successful" if approved else "failed", job_explanation=said,
            failure_class="" if approved else "denied",
        )  # fmt: skip
        tell_controllers(f"answered:{row.pk}")


def tell_workflow_of(approval: WorkflowApproval, standing: str) -> None:
    """Whom the workflow's template says to tell of its approvals."""
    node = WorkflowJobNode.objects.filter(job=approval.pk).select_related("workflow_job").first()
    if node is not None and node.workflow_job is not None:
        template = node.workflow_job.unified_job_template
        tell_approval(
            approval, template, standing, node=approval.name, workflow=node.workflow_job.pk
        )


def _merge(template: WorkflowJobTemplate, prompts: Mapping[str, Any], user: Any) -> Prompted:
    values = {f.name: getattr(template, f.name) for f in WorkflowOptions._meta.fields}
    merged = Prompted(values, [], list(template.labels.all()))
    for name, flag in WORKFLOW_PROMPTS.items():
        if name == "extra_vars":
            merge_variables(template, merged, prompts.get(name))
            continue
        if prompts.get(name) is None:
            continue
        value = checked(name, prompts[name], user)
        if not getattr(template, flag):
            if name == "labels" or values[name] != value:
                merged.ignored[name] = prompts[name]
        elif name == "labels":
            merged.labels += value
        else:
            values[name] = value
    inventory = values["inventory"]
    brought = inventory is not None and inventory.pk != template.inventory_id
    if user is not None and brought and not access.may(user, "use", inventory):
        raise Forbidden("You do not have permission to perform this action.")
    return merged


def copy_nodes(nodes: Iterable[Any], make: Any) -> dict[int, Any]:
    """Copies of nodes and of how they hang together: id -> copy. `make()` is an empty node where
    the copies belong; secret answers are sealed anew."""
    old = list(nodes)
    new: dict[int, Any] = {}
    for node in old:
        new[node.pk] = copy = make()
        for name in _COPIED:
            setattr(copy, name, getattr(node, name))
        data = node.open_data()
        if getattr(getattr(node, "workflow_job", None), "is_sliced_job", False):
            copy.ancestor_artifacts = node.ancestor_artifacts  # which slice it is
        copy.extra_data = {k: v for k, v in data.items() if k not in node.survey_passwords}
        copy.save()
        if node.survey_passwords:
            copy.extra_data = data
            copy.seal_answers()
            copy.save()
        copy.credentials.set(node.credentials.all())
        copy.labels.set(node.labels.all())
        for group in in_order(node):
            copy.instance_groups.add(group)
    for edge in EDGES if old else ():
        for before, after in edges_of(type(old[0]), edge, new):
            getattr(new[before], edge).add(new[after])
    return new


def edges_of(model: type[WorkflowNode], edge: str, ids: Iterable[int]) -> list[tuple[int, int]]:
    through = getattr(model, edge).through
    one, other = (f"{way}_{model._meta.model_name}_id" for way in ("from", "to"))
    rows = through.objects.filter(**{f"{one}__in": list(ids)}).order_by("id")
    return list(rows.values_list(one, other))


def _rejected(node: Any) -> bool:
    template = node.unified_job_template
    if template is None:
        return False
    return bool(saved_errors(whole(template), prompts_of(node, node.open_data()), whole=False))
