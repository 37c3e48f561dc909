"""What a running job needs is not deleted under it: AWX's 409, and 403 for the job itself."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from rest_framework import status
from rest_framework.exceptions import APIException, PermissionDenied

from gantry.resources.jobs import ACTIVE
from gantry.resources.models import (
    Group,
    Host,
    InstanceGroup,
    Inventory,
    JobTemplate,
    Organization,
    Project,
    UnifiedJob,
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


def _users_of(row: Any) -> Q | None:
    """Which jobs need this row."""
    columns: dict[type[Any], str] = {
        Organization: "organization",
        Inventory: "as_job__inventory",
        InstanceGroup: "instance_group",
    }
    if type(row) in columns:
        return Q(**{columns[type(row)]: row})
    match row:
        case Project():
            return Q(as_project_update__project=row) | Q(as_job__project=row)
        case Host() | Group():
            return Q(as_job__inventory=row.inventory_id)
        case JobTemplate():
            return Q(unified_job_template=row.pk)
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
