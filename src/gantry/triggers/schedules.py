"""Schedules: what is due is started, once, by whichever controller comes first.

One controller takes a due row with SKIP LOCKED; making the job and moving `next_run` on are one
transaction, so a run is never started twice and never lost. A schedule that cannot start anything
says so on its own row and waits for its next time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import QuerySet, prefetch_related_objects
from django.utils import timezone

from gantry.base.bridge import DATABASE_AWAY, in_thread
from gantry.base.errors import GantryError
from gantry.path.saved_prompts import prompts_of
from gantry.resources.announcing import announce_change
from gantry.resources.jobs import UnifiedJob
from gantry.resources.schedules import Schedule, tell_template
from gantry.resources.templates import JobTemplate, UnifiedJobTemplate
from gantry.triggers.start import start

logger = logging.getLogger(__name__)
PAUSE = 0.5  # seconds: so long a new schedule may go unseen
SHORTEST = 0.02
HANDS = 3
AT_ONCE = 200  # started in one turn; then the loop is asked whether it shall end
LATE = timedelta(seconds=30)  # no controller was there: later than a busy one would be
MOST_COUNTED = 1000
_OWN = ("credentials__credential_type", "labels", "instance_groups")


async def watch() -> None:
    """Until cancelled."""
    watcher = Watcher()
    while True:
        try:
            pause = await in_thread(watcher.turn)()
        except Exception as error:
            logger.warning("schedules could not be looked at: %s", error)
            watcher, pause = Watcher(), PAUSE
        await asyncio.sleep(pause)


class Watcher:
    """One controller's eye on the schedules. What was due while it looked is late at most, however
    long the row of what is due at once; what was due before is missed."""

    def __init__(self) -> None:
        self._nothing_due: datetime | None = None
        self._looked: datetime | None = None

    def turn(self) -> float:
        """Start what is due. The seconds until somebody should look again."""
        now = timezone.now()
        if self._nothing_due is None or self._looked is None or now - self._looked > LATE:
            self._nothing_due = now
        now = timezone.now()
        if fire(now, self._nothing_due) < AT_ONCE:
            self._nothing_due = now
        self._looked = timezone.now()
        return _pause()


def _pause() -> float:
    due = Schedule.objects.filter(enabled=True, next_run__isnull=False).order_by("next_run")
    following = due.values_list("next_run", flat=True).first()
    if following is None:
        return PAUSE
    return min(max((following - timezone.now()).total_seconds(), SHORTEST), PAUSE)


def fire(now: datetime, watched: datetime) -> int:
    """Start what is due at `now`, AT_ONCE at most; how many were. `watched`: since when what became
    due has been waiting for us."""
    due = list(_due(now)[:AT_ONCE])
    # What all of them need is read once.
    prefetch_related_objects(due, *_OWN, "unified_job_template")
    rows = JobTemplate.objects.select_related("project__organization", "inventory")
    wanted = {schedule.unified_job_template_id for schedule in due}
    templates = rows.prefetch_related("labels").in_bulk(wanted) if due else {}

    def several(hand: int) -> None:
        for schedule in due[hand::HANDS]:
            own = templates.get(schedule.unified_job_template_id)
            _fire(schedule, own or schedule.unified_job_template, now, watched)

    if len(due) < HANDS:
        for hand in range(len(due)):
            several(hand)
        return len(due)
    # Of several one waits for the database while another makes its job.
    with ThreadPoolExecutor(HANDS, thread_name_prefix="schedules") as pool:
        hands = [pool.submit(_and_close, several, hand) for hand in range(HANDS)]
    for hand_ in hands:
        hand_.result()
    return len(due)


def _due(now: datetime) -> QuerySet[Schedule]:
    rows = Schedule.objects.filter(enabled=True, next_run__isnull=False, next_run__lte=now)
    return rows.order_by("next_run", "id")


def _and_close(work: Callable[[int], None], hand: int) -> None:
    try:
        work(hand)
    finally:
        connection.close()


def _fire(
    schedule: Schedule, template: UnifiedJobTemplate, now: datetime, watched: datetime
) -> None:
    """Unless another controller has it, or had it, or somebody has changed it since it was read."""
    with transaction.atomic():
        here = Schedule.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
        as_read = {"next_run": schedule.next_run, "modified": schedule.modified, "enabled": True}
        if not here.filter(pk=schedule.pk, **as_read).values_list("pk").order_by():
            return
        rule = _Rule(schedule, now, watched)
        if rule.starts:
            _start(schedule, template)
        else:
            logger.warning("schedule %s (%s): %s", schedule.pk, schedule.name, schedule.missed)
        Schedule.objects.filter(pk=schedule.pk).update(
            next_run=rule.following, missed=schedule.missed, problem=schedule.problem
        )
        tell_template(schedule.unified_job_template_id)
        announce_change("schedule", schedule.pk)


class _Rule:
    """What a due schedule's rule says at this moment: whether to start, and when next."""

    def __init__(self, schedule: Schedule, now: datetime, watched: datetime) -> None:
        assert schedule.next_run is not None
        self.starts = True
        try:
            rule = schedule.recurrence()
            self.following = rule.after(now)
        except ValueError as error:  # read when it was saved, so by another version's rules
            self.starts, self.following = False, None
            schedule.problem = f"Its rule cannot be read: {error}"
            return
        if watched - schedule.next_run <= LATE:
            schedule.missed = ""
            return
        count = 0
        for found in rule.since(schedule.next_run):
            if found > now or count >= MOST_COUNTED:
                break
            count += 1
        self.starts = schedule.missed_runs == "run_once"
        schedule.missed = _missed(count, schedule.next_run, now, self.starts)


def _missed(count: int, first: datetime, now: datetime, started: bool) -> str:
    runs = "One run was" if count == 1 else f"{count} runs were"
    if count >= MOST_COUNTED:
        runs = f"At least {count} runs were"
    done = "one job was started for all" if started else "none was started"
    return (
        f"{runs} missed between {first:%Y-%m-%d %H:%M:%S} and {now:%Y-%m-%d %H:%M:%S} UTC, when no "
        f"controller ran; {done}."
    )


def _start(schedule: Schedule, template: UnifiedJobTemplate) -> None:
    if schedule.missed:
        logger.warning("schedule %s (%s): %s", schedule.pk, schedule.name, schedule.missed)
    try:
        with transaction.atomic():
            prompts = prompts_of(schedule, schedule.open_data())
            job = start(template, prompts, "scheduled")
            # A sync that waited already serves this schedule too, and remains what it was.
            UnifiedJob.objects.filter(pk=job.pk, launch_type="scheduled", schedule=None).update(
                schedule=schedule
            )
        schedule.problem = ""
    except GantryError as error:
        schedule.problem = _problem(error)
        logger.warning("schedule %s (%s): %s", schedule.pk, schedule.name, schedule.problem)
    except DATABASE_AWAY:
        raise  # nothing was started: the next turn does
    except Exception as error:
        schedule.problem = f"Gantry itself failed: {type(error).__name__}: {error}"
        logger.exception("schedule %s (%s) started nothing", schedule.pk, schedule.name)


def _problem(error: GantryError) -> str:
    values = getattr(error, "values", None)
    said = " ".join(values) if values else str(error)
    name = getattr(error, "field", "__all__")
    return said if name == "__all__" else f"{name}: {said}"
