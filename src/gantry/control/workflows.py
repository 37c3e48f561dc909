"""Workflows under way, moved on: part of every turn of the controller's loop, no pod and no lease.

Each step is a transaction that holds the run's row: it reads how its jobs ended, and starts one
node's job, or marks what will not run, or ends the run. Of two controllers that come at the same
moment one finds the row locked and passes by; one that is killed leaves all of a step or nothing.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import Any

from django.db import OperationalError, transaction
from django.utils import timezone

from gantry.base.bridge import DATABASE_AWAY
from gantry.path import states
from gantry.path.launch import NotCancelable, cancel_job
from gantry.path.spawn import spawn
from gantry.path.workflow import tell_workflow_of
from gantry.path.workflow_again import graph_of
from gantry.path.workflow_graph import NO_WAY_ON, Graph
from gantry.resources.jobs import ACTIVE, UnifiedJob
from gantry.resources.templates import UnifiedJobTemplate
from gantry.resources.workflows import WorkflowApproval, WorkflowJob, WorkflowJobNode

logger = logging.getLogger(__name__)
LONGEST_TURN = 0.5  # seconds; the loop has other things to do


def advance_workflows() -> bool:
    """Take every step that can be taken; whether some are left because time was up."""
    expire_approvals()
    runs = UnifiedJob.objects.filter(kind="workflow_job", status__in=ACTIVE).order_by("pk")
    until = time.monotonic() + LONGEST_TURN
    moved = True
    while moved:  # a step of one may have made another, or ended one that another waits for
        moved = False
        for pk in list(runs.values_list("pk", flat=True)):
            while _step_safely(pk):
                moved = True
                if time.monotonic() > until:
                    return True
    return False


def expire_approvals() -> None:
    """Questions that nobody answered in time."""
    late = WorkflowApproval.objects.filter(
        status="pending", cancel_flag=False, expires__lte=timezone.now()
    )
    for approval in late:
        with transaction.atomic():
            row = _locked(approval.pk)
            if row is None or row.status != "pending" or row.cancel_flag:
                continue
            WorkflowApproval.objects.filter(pk=row.pk).update(timed_out=True)
            tell_workflow_of(approval, "timed_out")
            states.end(
                row, status="failed", failure_class="timed_out",
                job_explanation=f"The approval node {row.name} ({row.pk}) has expired after "
                f"{approval.timeout} seconds.",
            )  # fmt: skip


def _step_safely(pk: int) -> bool:
    try:
        return step(pk)
    except (*DATABASE_AWAY, OperationalError) as error:
        logger.warning("workflow job %s: to be tried again: %s", pk, error)
    except Exception as error:
        logger.exception("workflow job %s: the controller failed", pk)
        _give_up(pk, error)
    return False


def _give_up(pk: int, error: Exception) -> None:
    with contextlib.suppress(Exception), transaction.atomic():
        row = _locked(pk)
        if row is not None:
            states.end(
                row, status="error", failure_class="internal",
                job_explanation=f"Gantry itself failed: {type(error).__name__}: {error}",
                failure_cure="This is a bug of Gantry; the controller's log has the traceback.",
            )  # fmt: skip


def _locked(pk: int) -> UnifiedJob | None:
    """None when it has ended, or when another controller has it."""
    rows = UnifiedJob.objects.select_for_update(skip_locked=True)
    return rows.filter(pk=pk, status__in=ACTIVE).first()


def step(pk: int) -> bool:
    """One step of one run; whether there was any to take."""
    with transaction.atomic():
        row = _locked(pk)
        if row is None:
            return False
        if row.status == "pending":
            return not row.cancel_flag and _start(row)
        if row.status == "waiting":
            states.move(row, status="running", stage="running", started=timezone.now())
            return True
        workflow = WorkflowJob.objects.select_related("organization", "created_by").get(pk=pk)
        nodes = list(
            workflow.workflow_job_nodes.select_related("job", "kept_job", "unified_job_template")
        )  # fmt: skip
        if row.cancel_flag:
            return _cancel(row, nodes)
        return _go_on(row, workflow, {node.pk: node for node in nodes})


def _start(row: UnifiedJob) -> bool:
    """Unless another run of the same workflow is under way, which its template may allow."""
    allowed = WorkflowJob.objects.filter(pk=row.pk).values_list("allow_simultaneous", flat=True)
    if row.unified_job_template_id is not None and not allowed[0]:
        # Two runs may be looked at in the same moment.
        template = UnifiedJobTemplate.objects.select_for_update()
        template.filter(pk=row.unified_job_template_id).first()
        runs = UnifiedJob.objects.filter(unified_job_template=row.unified_job_template_id)
        earlier = runs.filter(status="pending", cancel_flag=False, pk__lt=row.pk)
        if runs.filter(status__in=("waiting", "running")).exists() or earlier.exists():
            reason = "an earlier run of the same template"
            UnifiedJob.objects.filter(pk=row.pk).exclude(waiting_for=reason).update(
                waiting_for=reason
            )
            return False
    states.move(row, status="waiting", waiting_for="")
    return True


def _cancel(row: UnifiedJob, nodes: list[WorkflowJobNode]) -> bool:
    """Nothing is started any more; the run ends when the last of its jobs has."""
    WorkflowJobNode.objects.filter(
        workflow_job=row.pk, do_not_run=False, job=None
    ).update(do_not_run=True)  # fmt: skip
    active = [node.job for node in nodes if node.job is not None and node.job.active]
    for job in active:
        if not job.cancel_flag:
            with contextlib.suppress(NotCancelable):
                cancel_job(job, user=None)
    if active:
        return False
    states.end(
        row, status="canceled", failure_class="canceled", job_explanation="The job was canceled."
    )
    return True


def _go_on(row: UnifiedJob, workflow: WorkflowJob, nodes: dict[int, Any]) -> bool:
    graph = graph_of(nodes)
    marked = graph.mark()
    if marked:
        WorkflowJobNode.objects.filter(pk__in=marked).update(do_not_run=True)
    if graph.done:
        _end(row, graph)
        return True
    ready = graph.ready()
    if not ready:
        return False
    node = nodes[ready[0]]
    node.job = spawn(node, workflow)
    node.save(update_fields=["job", "ancestor_artifacts", "modified"])
    return True


def _end(row: UnifiedJob, graph: Graph) -> None:
    stuck = graph.without_way_on()
    if not stuck:
        states.end(row, status="successful")
        return
    names = WorkflowJobNode.objects.filter(pk__in=stuck).values_list("pk", "job__name", "job")
    said = ", ".join(
        f"{pk} ({name}, job {job})" if job else f"{pk} (its template was deleted)"
        for pk, name, job in names
    )
    states.end(
        row, status="failed", failure_class="no_way_on", job_explanation=NO_WAY_ON,
        failure_cure=f"See what failed at node {said}; or lead on from there with a failure or an "
        "always edge.",
    )  # fmt: skip
