"""Who is told when a job starts or ends: pending notifications, in the transaction of the change.

Here they are only written down, in one look and one insert; control/notify.py finds their words and
sends them, so that no receiver is ever waited for by a job. Who is told is AWX's: the template's
own, those of a job's project, and the organization's, each once.
"""

from __future__ import annotations

import contextlib
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from gantry.base.config import settings
from gantry.resources.jobs import FINISHED, Job, UnifiedJob
from gantry.resources.notifications import Notification, NotificationTemplate
from gantry.resources.organizations import Organization
from gantry.resources.templates import UnifiedJobTemplate


def occasion_of(job: UnifiedJob, status: str) -> str:
    """What a move to `status` is to those who follow the job; "" when it is nothing."""
    if status == job.status or job.kind == "workflow_approval":
        return ""  # an approval tells by itself: tell_approval
    if status == "running":
        return "started"
    if status not in FINISHED or (status == "canceled" and job.status != "running"):
        return ""  # as in AWX: what was cancelled before it began has troubled nobody
    return "success" if status == "successful" else "error"


def followers(job: UnifiedJob, occasion: str) -> list[NotificationTemplate]:
    """One query, usually for an empty answer."""
    name = f"notification_templates_{occasion}"
    own = getattr(UnifiedJobTemplate, name).through.objects.filter(
        Q(unifiedjobtemplate=job.unified_job_template_id)
        | Q(unifiedjobtemplate__in=Job.objects.filter(pk=job.pk).values("project"))
    )
    above = getattr(Organization, name).through.objects.filter(organization=job.organization_id)
    return list(_any_of(own, above))


def _any_of(*rows: Any) -> QuerySet[NotificationTemplate]:
    told = Q(pk__in=[])
    for through in rows:
        told |= Q(pk__in=through.values("notificationtemplate"))
    return NotificationTemplate.objects.filter(told)


def write_down(
    templates: list[NotificationTemplate], job: UnifiedJob | None, occasion: str,
    told: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    rows = [
        Notification(
            notification_template=template, notification_type=template.notification_type,
            recipients=template.recipients, unified_job=job, occasion=occasion, told=told,
        )
        for template in templates
    ]  # fmt: skip
    # One that is deleted at this very moment must not keep a job from ending.
    with contextlib.suppress(IntegrityError), transaction.atomic():
        Notification.objects.bulk_create(rows, ignore_conflicts=True)


def tell_approval(
    approval: UnifiedJob, template: UnifiedJobTemplate | None, standing: str, *, node: str,
    workflow: int,
) -> None:  # fmt: skip
    """That a node of a workflow asks for approval, or has been answered. Call it in the transaction
    of that change. `template` is the workflow job's, `standing` one of APPROVALS in
    notification_kinds.py, `workflow` the id of the workflow job."""
    if template is None:
        return
    name = "notification_templates_approvals"
    own = getattr(UnifiedJobTemplate, name).through.objects.filter(unifiedjobtemplate=template.pk)
    above = getattr(Organization, name).through.objects.filter(
        organization=template.organization_id
    )
    told = {
        "approval_status": standing, "approval_node_name": node,
        "workflow_url": f"{settings().public_url}/jobs/{workflow}/",
    }  # fmt: skip
    write_down(list(_any_of(own, above)), approval, f"approval:{standing}", told)


def send_test(template: NotificationTemplate) -> Notification:
    """A message that says it is a test, to be sent as all others. AWX: NotificationTemplateTest."""
    url = settings().public_url
    words = f"Test Notification {template.pk} {url}"
    body: Any = {"body": words}
    if template.notification_type in ("email", "pagerduty"):
        body = words
    elif template.notification_type in ("webhook", "grafana"):
        body = f'{{"body": "{words}"}}'
    return Notification.objects.create(
        notification_template=template, notification_type=template.notification_type,
        recipients=template.recipients, body=body,
        subject=f"Notification Test {template.pk} {url}",
    )  # fmt: skip
