"""What an installation forgets: old jobs with their output, old changes, ended sessions and tokens.

Each function does it, or with `dry_run` only counts, and says line by line what it did (AWX's
lines, awx/main/management/commands/cleanup_*). They may be broken off and begun again at any point.
Only the controller calls them, for system jobs: control/system_walk.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from gantry.base.config import settings
from gantry.record.partitions import drop_before
from gantry.resources.activity import ActivityStream
from gantry.resources.events import JobEvent
from gantry.resources.inventories import InventorySnapshot
from gantry.resources.jobs import ACTIVE, UnifiedJob
from gantry.resources.notifications import Notification
from gantry.resources.projects import Project, ProjectSnapshot
from gantry.resources.templates import UnifiedJobTemplate
from gantry.resources.tokens import OAuth2AccessToken, OAuth2Code, OAuth2RefreshToken
from gantry.resources.webhooks import WebhookDelivery

DEFAULT_DAYS = 90  # AWX's
BATCH = 500
_LOCK_NOT_AVAILABLE = "55P03"
# AWX's word for each kind of job that it clears away.
KINDS = {
    "job": "jobs", "ad_hoc_command": "ad hoc commands", "project_update": "project updates",
    "inventory_update": "inventory updates", "system_job": "management jobs",
    "workflow_job": "workflow jobs", "environment_build": "environment builds",
}  # fmt: skip


@dataclass(frozen=True)
class Orders:
    days: int = DEFAULT_DAYS
    dry_run: bool = False
    itself: int = 0  # the job that does it

    @property
    def cutoff(self) -> datetime:
        # Further back than there is a year nothing is old.
        return timezone.now() - timedelta(days=min(self.days, 365 * 1000))


def cleanup_jobs(orders: Orders) -> Iterator[str]:
    """Jobs that ended and are older, with their events: whole months of events are dropped, the
    rest is deleted in batches. The newest update of a project stays, as in AWX."""
    if not orders.dry_run:
        yield from _drop_months(orders)
    present = set(UnifiedJob.objects.order_by().values_list("kind", flat=True).distinct())
    for kind in [*KINDS, *sorted(present - set(KINDS))]:
        name = KINDS.get(kind, kind)
        all_of_it = UnifiedJob.objects.filter(kind=kind).exclude(pk=orders.itself)
        total = all_of_it.count()
        old = _old(all_of_it, orders.cutoff)
        if orders.dry_run:
            count = old.count()
            yield f"{name}: {count} would be deleted, {total - count} would be skipped."
            continue
        deleted = 0
        for deleted in _delete_jobs(old):
            if deleted % (20 * BATCH) == 0:
                yield f"{name}: {deleted} deleted so far."
        yield f"{name}: {deleted} deleted, {max(total - deleted, 0)} skipped."
    told = Notification.objects.all()
    yield _cleanup_records("notifications", orders, told, told.exclude(status="pending"))
    received = WebhookDelivery.objects.order_by()
    yield _cleanup_records("webhook deliveries", orders, received, received)
    if not orders.dry_run:
        _unused_inventories(orders.cutoff).delete()


def _cleanup_records(name: str, orders: Orders, rows: QuerySet[Any], old: QuerySet[Any]) -> str:
    total = rows.count()
    old = old.filter(created__lt=orders.cutoff)
    if orders.dry_run:
        count = old.count()
        return f"{name}: {count} would be deleted, {total - count} would be skipped."
    deleted = old.delete()[0]
    return f"{name}: {deleted} deleted, {max(total - deleted, 0)} skipped."


def _old(rows: QuerySet[UnifiedJob], cutoff: datetime) -> QuerySet[UnifiedJob]:
    newest = UnifiedJobTemplate.objects.exclude(kind="job_template").exclude(last_job=None)
    updates = Q(kind__in=("project_update", "inventory_update"))
    return (
        rows.filter(created__lt=cutoff)
        .exclude(status__in=ACTIVE)
        .exclude(updates & Q(pk__in=newest.values("last_job")))
        .exclude(pk__in=_needed_trees().values("update"))
        # What an exact repetition reads, and what a job waits for.
        .exclude(as_job__repetitions__status__in=ACTIVE)
        .exclude(dependents__status__in=ACTIVE)
        .order_by("pk")
    )


def _needed_trees() -> QuerySet[ProjectSnapshot]:
    """A tree lies with the update that brought it: the newest of each branch, which a launch may
    use without another update, and those that jobs and builds were made from."""
    place = ("project_id", "scm_url", "scm_branch")
    newest = ProjectSnapshot.objects.order_by(*place, "-created").distinct(*place)
    used = Q(jobs__isnull=False) | Q(builds__isnull=False)
    current = Q(pk__in=Project.objects.exclude(snapshot=None).values("snapshot"))
    return ProjectSnapshot.objects.filter(
        used | current | Q(pk__in=newest.values("pk")), update__isnull=False
    ).order_by()


def _unused_inventories(cutoff: datetime) -> QuerySet[InventorySnapshot]:
    """But for the newest of each, which a job that starts just now may find."""
    newest = InventorySnapshot.objects.order_by("inventory_id", "-created").distinct("inventory_id")
    old = InventorySnapshot.objects.filter(jobs=None, created__lt=cutoff)
    return old.exclude(pk__in=newest.values("pk"))


def _delete_jobs(rows: QuerySet[UnifiedJob]) -> Iterator[int]:
    """How many have gone so far, after each batch."""
    gone = after = 0
    while True:
        batch = list(rows.filter(pk__gt=after).values_list("pk", "created")[:BATCH])
        if not batch:
            return
        ids, created = [pk for pk, _ in batch], [when for _, when in batch]
        after = ids[-1]
        with transaction.atomic():
            # Both keys, so that PostgreSQL looks only into the months that these jobs are of.
            JobEvent.objects.filter(
                job_id__in=ids, job_created__range=(min(created), max(created))
            ).delete()
            ProjectSnapshot.objects.filter(update__in=ids).delete()
            UnifiedJob.objects.filter(pk__in=ids).delete()
        gone += len(ids)
        yield gone


def _drop_months(orders: Orders) -> Iterator[str]:
    """Months of events that are wholly past, in which every job goes."""
    stays = UnifiedJob.objects.exclude(pk__in=_old(UnifiedJob.objects.all(), orders.cutoff))
    oldest = stays.exclude(pk=orders.itself).order_by("created").values_list("created", flat=True)
    first = min([orders.cutoff, *oldest[:1]])
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # Whoever reads events now is not waited for long: all others would wait behind us.
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            dropped = drop_before(connection, first)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
            raise
        yield "Whole months of events are in use: they are deleted job by job."
        return
    if dropped:
        yield f"Dropping event partition(s) {','.join(dropped)}"


def cleanup_activitystream(orders: Orders) -> Iterator[str]:
    old = ActivityStream.objects.filter(timestamp__lt=orders.cutoff)
    if orders.dry_run:
        yield f"{old.count()} items would be removed"
        return
    removed = 0
    while True:
        batch = list(old.order_by("pk").values_list("pk", flat=True)[:BATCH])
        if not batch:
            break
        removed += ActivityStream.objects.filter(pk__in=batch).delete()[0]
    yield f"Removed {removed} items"


def cleanup_sessions(orders: Orders) -> Iterator[str]:
    ended = Session.objects.filter(expire_date__lt=timezone.now())
    if orders.dry_run:
        yield f"Expired Sessions that would be deleted {ended.count()}"
        return
    yield f"Expired Sessions deleted {ended.delete()[0]}"


def cleanup_tokens(orders: Orders) -> Iterator[str]:
    """Access tokens that have ended, but for those that a refresh token may still renew."""
    now = timezone.now()
    lives = timedelta(seconds=settings().refresh_token_expires)
    refresh = OAuth2RefreshToken.objects.filter(
        Q(revoked__isnull=False, revoked__lt=now - lives) | Q(created__lt=now - lives)
    )
    access = OAuth2AccessToken.objects.filter(expires__lt=now).exclude(
        pk__in=OAuth2RefreshToken.objects.exclude(pk__in=refresh.values("pk"))
        .exclude(access_token=None)
        .values("access_token")
    )
    counts = access.count(), refresh.count()
    if not orders.dry_run:
        with transaction.atomic():
            refresh.delete()
            access.delete()
            OAuth2Code.objects.filter(expires__lt=now).delete()
    said = "that would be deleted" if orders.dry_run else "deleted"
    yield f"Expired OAuth 2 Access Tokens {said}: {counts[0]}"
    yield f"Expired OAuth 2 Refresh Tokens {said}: {counts[1]}"


DOES: dict[str, Callable[[Orders], Iterator[str]]] = {
    "cleanup_jobs": cleanup_jobs,
    "cleanup_activitystream": cleanup_activitystream,
    "cleanup_sessions": cleanup_sessions,
    "cleanup_tokens": cleanup_tokens,
}
