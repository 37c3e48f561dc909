"""The instance that a controller works from: taken at its start, kept by its heartbeat.

What people set for an instance outlives its controller, so the next one on this machine takes the
same seat. Several on one machine take one each: `host`, `host-2`, ...
"""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from gantry import __version__
from gantry.base.config import settings
from gantry.record.pace import PACE
from gantry.resources.actor import silently
from gantry.resources.capacity import lost_before, measure
from gantry.resources.instances import READY, UNAVAILABLE, Instance
from gantry.resources.jobs import UnifiedJob
from gantry.resources.policies import apply_policies, lock

_HERE: set[uuid.UUID] = set()  # the holders of this process
_GONE = {"node_state": UNAVAILABLE, "capacity": 0, "cpu_capacity": 0, "mem_capacity": 0}


@dataclass(frozen=True)
class Size:
    """Of the machine that runs the pods: cores and bytes."""

    cpu: float
    memory: int

    @classmethod
    def here(cls) -> Size:
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return cls(len(os.sched_getaffinity(0)), pages)


def machine() -> str:
    return settings().node or socket.gethostname()


@transaction.atomic
@silently()
def take_seat(holder: uuid.UUID, size: Size, *, lease: int, most_jobs: int) -> str:
    """The name of the instance that is `holder`'s from now on, a new one if need be."""
    lock()
    # One whose seat was taken while it slept does not take it back: the other one lives.
    starting = holder not in _HERE
    _HERE.add(holder)
    rows = list(Instance.objects.filter(machine=machine()).order_by("pk"))
    own = (r for r in rows if r.holder == holder)
    free = (r for r in rows if _free(r, lost_before(lease), ask_pid=starting))
    row = next(own, None) or next(free, None)
    made = row is None
    if row is None:
        row = Instance(hostname=_new_name(), machine=machine())
    row.holder, row.pid, row.most_jobs = holder, os.getpid(), most_jobs
    row.last_seen, row.node_state, row.errors = timezone.now(), READY, ""
    _apply(row, size)
    row.save()
    if made:
        apply_policies()
    return row.hostname


def _apply(row: Instance, size: Size) -> None:
    row.version, row.last_health_check = __version__, timezone.now()
    row.cpu, row.memory = Decimal(f"{size.cpu:.1f}"), size.memory
    measure(row)


def _free(row: Instance, lost: datetime, *, ask_pid: bool) -> bool:
    if row.holder is None or row.last_seen is None or row.last_seen < lost:
        return True
    if not ask_pid or row.holder in _HERE:
        return False
    return row.pid == os.getpid() or not _alive(row.pid)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _new_name() -> str:
    name, number = machine(), 1
    while Instance.objects.filter(hostname=name).exists():
        number += 1
        name = f"{machine()}-{number}"
    return name


def beat(holder: uuid.UUID, *, lease: int) -> bool:
    """The heartbeat; False when the seat must be taken anew, since another has it or it counts as
    lost. Also tells of others whose heartbeat has ceased."""
    own = Instance.objects.filter(holder=holder, node_state=READY)
    events, lag = PACE.read()
    kept = own.update(
        last_seen=timezone.now(), events_recorded=F("events_recorded") + events, event_lag=lag
    )
    lost = Instance.objects.filter(node_state=READY, last_seen__lt=lost_before(lease))
    if kept:
        lost.update(**_GONE, errors="Its controller has not been heard of.")
    return bool(kept)


@transaction.atomic
@silently()
def weigh(holder: uuid.UUID, size: Size) -> None:
    """Once a minute: what the machine has may have changed, and so what fits on it."""
    row = Instance.objects.select_for_update().filter(holder=holder).first()
    if row is not None:
        _apply(row, size)
        row.save()


def leave(holder: uuid.UUID) -> None:
    """At a graceful stop: whoever comes next need not wait for the leases to run out."""
    UnifiedJob.objects.filter(lease_owner=holder).update(lease_expires=timezone.now())
    Instance.objects.filter(holder=holder).update(
        **_GONE, holder=None, errors="Its controller was stopped."
    )
    _HERE.discard(holder)


def release_dead(pid: int) -> None:
    """A supervisor that saw its controller die says so: its jobs need not wait for their leases."""
    for row in Instance.objects.filter(machine=machine(), pid=pid).exclude(holder=None):
        assert row.holder is not None
        leave(row.holder)
