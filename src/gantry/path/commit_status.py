"""What a Git service is told of a job that its webhook started: written down in the transaction of
the job's change, sent by control/outbox.py.

AWX: WebhookMixin.update_webhook_status. It posts while the job waits, once, and forgets.
"""

from __future__ import annotations

from gantry.path.notifiers.commit_status import STATES
from gantry.resources.jobs import Job, UnifiedJob
from gantry.resources.webhooks import CommitStatus
from gantry.resources.workflows import WorkflowJob


def status_of(job: UnifiedJob, status: str) -> CommitStatus | None:
    """The row to be written for a move to `status`; one query, and only for a webhook's job."""
    if job.launch_type != "webhook":
        return None
    kinds: dict[str, type[Job | WorkflowJob]] = {"job": Job, "workflow_job": WorkflowJob}
    model = kinds.get(job.kind)
    if model is None:
        return None
    rows = model._default_manager.filter(pk=job.pk, webhook_credential__isnull=False)
    found = rows.exclude(webhook_status_api="").values_list(
        "webhook_service", "webhook_credential", "webhook_status_api"
    )
    for service, credential, api in found:
        if status in STATES.get(service, {}):
            return CommitStatus(
                unified_job=job, service=service, credential_id=credential, status_api=api,
                state=status,
            )  # fmt: skip
    return None


def write_down(row: CommitStatus) -> None:
    """The same change again is told once."""
    CommitStatus.objects.bulk_create([row], ignore_conflicts=True)
