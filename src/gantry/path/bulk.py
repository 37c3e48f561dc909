"""Step 1 for many jobs at once: a workflow job that no template has, a node for each.

AWX: BulkJobLaunchSerializer.create. One difference: variables of the whole reach the templates that
ask for variables, or for these in their survey; in AWX they get past what a template allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from gantry.path.prompts import dump_variables
from gantry.path.workflow_nodes import Wanted, add_nodes, begin_run
from gantry.resources.organizations import Organization, User
from gantry.resources.workflows import WorkflowJob


def launch_bulk(
    nodes: Iterable[Wanted],
    *,
    user: User | None,
    name: str,
    description: str = "",
    organization: Organization | None = None,
    prompts: Mapping[str, Any],
) -> WorkflowJob:
    """Make the pending workflow job. `prompts` are those of WORKFLOW_PROMPTS for all nodes that ask
    for them, labels apart; whether the user may do all this, the caller has asked."""
    values = {**prompts, "extra_vars": dump_variables(prompts.get("extra_vars") or {})}
    with transaction.atomic():
        job = WorkflowJob(
            **values, kind="workflow_job", name=name, description=description,
            launch_type="manual", organization=organization, is_bulk_job=True, created_by=user,
            modified_by=user,
        )  # fmt: skip
        begin_run(job, {}, (), lambda: add_nodes(job, nodes))
    return job
