"""What a running job needs is not deleted under it: AWX's 409, and 403 for the job itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Model, Q
from rest_framework import status
from rest_framework.exceptions import APIException, PermissionDenied

from gantry.resources.jobs import ACTIVE
from gantry.resources.models import (
    Group,
    Host,
    InstanceGroup,
    Inventory,
    InventorySource,
    JobTemplate,
    Organization,
    Project,
    UnifiedJob,
    WorkflowApprovalTemplate,
    WorkflowJobTemplate,
)


class Busy(APIException):
    status_code = status.HTTP_409_CONFLICT

    def __init__(self, jobs: list[tuple[int, str]]) -> None:
        super().__init__("Resource is being used by running jobs.")
        body: Any = {
            "error": "Resource is being used by running jobs.",
            "active_jobs": [{"id": pk, "type": kind} for pk, kind in jobs],
        }
        self.detail = body


def _of_inventory(row: Any) -> Q:
    names = ("as_job", "as_inventory_update", "as_ad_hoc_command")
    return Q(*((f"{name}__inventory", row) for name in names), _connector=Q.OR)


# Which jobs need a row of a kind.
_NEEDING: dict[type[Model], Callable[[Any], Q]] = {
    Organization: lambda row: Q(organization=row),
    Project: lambda row: Q(as_project_update__project=row) | Q(as_job__project=row),
    InstanceGroup: lambda row: Q(instance_group=row),
    Inventory: _of_inventory,
    InventorySource: lambda row: Q(as_inventory_update__inventory_source=row),
    Host: lambda row: _of_inventory(row.inventory_id),
    Group: lambda row: _of_inventory(row.inventory_id),
    **dict.fromkeys(
        (JobTemplate, WorkflowJobTemplate, WorkflowApprovalTemplate),
        lambda row: Q(unified_job_template=row.pk),
    ),
}


def _users_of(row: Any) -> Q | None:
    for kind, needing in _NEEDING.items():
        if isinstance(row, kind):
            return needing(row)
    return Q(as_job__repeats=row.pk) if isinstance(row, UnifiedJob) else None


def refuse_if_busy(row: Any) -> None:
    if isinstance(row, UnifiedJob) and row.active:
        raise PermissionDenied("Cannot delete running job resource.")
    needing = _users_of(row)
    if needing is None:
        return
    jobs = UnifiedJob.objects.filter(needing, status__in=ACTIVE).order_by("pk")
    found = list(jobs.values_list("pk", "kind")[:100])
    if found:
        raise Busy(found)
