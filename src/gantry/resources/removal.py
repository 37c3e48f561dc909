"""Deleting a row: what a running job needs stays, and what belongs to the row goes with it.

Who may is asked before, by access.py. AWX: the 409 of its UnifiedJobDeletionMixin and
ResourceInUse, and `perform_destroy` of its views.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Model, Q
from django.utils import timezone

from gantry.base.errors import Forbidden, GantryError
from gantry.resources.announcing import announce_gone
from gantry.resources.credentials import CredentialType
from gantry.resources.events import JobEvent
from gantry.resources.group_tree import only_below
from gantry.resources.instances import InstanceGroup
from gantry.resources.inventories import Group, Host, Inventory
from gantry.resources.inventory_sources import InventorySource
from gantry.resources.jobs import ACTIVE, UnifiedJob
from gantry.resources.notifications import NotificationTemplate
from gantry.resources.organizations import Organization, User
from gantry.resources.policies import apply_policies
from gantry.resources.projects import Project
from gantry.resources.templates import JobTemplate
from gantry.resources.workflows import WorkflowApprovalTemplate, WorkflowJobTemplate

PENDING_FOR = timedelta(hours=8)  # what is pending longer never keeps its template from going
NOT_ALLOWED = "You do not have permission to perform this action."


class Busy(GantryError):
    """`jobs` are (id, kind) of those that need the row, at most a hundred."""

    code = "busy"

    def __init__(self, jobs: list[tuple[int, str]]) -> None:
        super().__init__("Resource is being used by running jobs.")
        self.jobs = jobs


class Telling(GantryError):
    """A notification template whose messages are on their way."""

    code = "telling"


def remove(row: Any, *, by: User) -> None:
    """Delete it. Raises Busy, Telling, or Forbidden with AWX's words."""
    refuse_removal(row, by=by)
    with transaction.atomic():
        for kind, go in _GOING.items():
            if isinstance(row, kind):
                go(row)
                return
        row.delete()


def refuse_removal(row: Any, *, by: User) -> None:
    """What `remove` would raise."""
    for kind, refuse in _REFUSED.items():
        if isinstance(row, kind):
            refuse(row, by)
    refuse_if_busy(row)


def refuse_if_busy(row: Any) -> None:
    if isinstance(row, UnifiedJob) and row.active:
        raise Forbidden("Cannot delete running job resource.")
    needing = _users_of(row)
    if needing is None:
        return
    jobs = UnifiedJob.objects.filter(needing, status__in=ACTIVE).order_by("pk")
    found = list(jobs.values_list("pk", "kind")[:100])
    if found:
        raise Busy(found)


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


def _not_oneself_nor_the_last(row: User, by: User) -> None:
    supers = User.objects.filter(is_superuser=True).count()
    if row.pk == by.pk or (row.is_superuser and supers == 1):
        raise Forbidden(NOT_ALLOWED)


def _not_in_use(row: CredentialType, by: User) -> None:
    if row.credentials.exists():
        raise Forbidden("Credential types that are in use cannot be deleted")


def _not_while_telling(row: NotificationTemplate, by: User) -> None:
    young = timezone.now() - PENDING_FOR
    if row.notifications.filter(status="pending", created__gt=young).exists():
        raise Telling("Delete not allowed while there are pending notifications")


_REFUSED: dict[type[Model], Callable[[Any, User], None]] = {
    User: _not_oneself_nor_the_last,
    CredentialType: _not_in_use,
    NotificationTemplate: _not_while_telling,
}


def _job_with_its_events(job: UnifiedJob) -> None:
    """No database constraint joins them; both keys, so that PostgreSQL looks into one partition."""
    JobEvent.objects.filter(job_id=job.pk, job_created=job.created).delete()
    job.delete()


def _group_with_what_was_only_in_it(row: Group) -> None:
    """AWX's delete_recursive."""
    gone = only_below(row.pk)
    inside = Group.hosts.through.objects.filter(group__in=gone).values_list("host", flat=True)
    hosts = set(inside)
    elsewhere = Group.hosts.through.objects.filter(host__in=hosts).exclude(group__in=gone)
    hosts -= set(elsewhere.values_list("host", flat=True))
    Host.objects.filter(pk__in=hosts).delete()
    Group.objects.filter(pk__in=gone).delete()


def _group_of_instances(row: InstanceGroup) -> None:
    row.delete()
    apply_policies()


def _inventory(row: Inventory) -> None:
    pk, organization = row.pk, row.organization_id
    row.delete()
    if organization is not None:
        announce_gone(pk, organization)


_GOING: dict[type[Model], Callable[[Any], None]] = {
    Inventory: _inventory,
    UnifiedJob: _job_with_its_events,
    Group: _group_with_what_was_only_in_it,
    InstanceGroup: _group_of_instances,
}
