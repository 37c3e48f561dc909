"""Sends what was written down to be told: a part of the controller's regular work, in threads of
its own.

One at a time in each lane (a receiver, a job), so that a server that does not answer takes one
thread and delays none but its own; what fails for a reason that may pass is tried again, and every
outcome stands on its row. A controller that dies in between leaves a row that another takes when
its time is over: what had just been sent may then arrive twice, and nothing is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min, Q
from django.utils import timezone

from gantry.base.bridge import in_thread
from gantry.base.redact import Redactor
from gantry.path.notifiers import Message, SendFailed
from gantry.resources.outgoing import Outgoing

logger = logging.getLogger(__name__)
PAUSE = 0.5
AT_ONCE = 32
LEASE = timedelta(seconds=240)  # longer than any message is given, notifiers/contract.py
# Before each further try.
PAUSES = (timedelta(seconds=10), timedelta(seconds=60), timedelta(seconds=300))


@dataclass(frozen=True)
class Prepared:
    kind: str
    message: Message
    secrets: list[str] = field(repr=False)
    left_out: str = ""  # why it cannot be sent at all


@dataclass(frozen=True)
class Outcome:
    sent: int
    error: str = ""
    again: bool = False


@dataclass(frozen=True)
class Outbox:
    """One kind of row. `lane`: its foreign key to what is served one at a time; `prepare(id)`: the
    message, None for what is not to be sent any more; `keep(row, outcome)`: sets what else the row
    remembers and names it; `lasting(row)`: whether it is worth another try."""

    model: type[Outgoing]
    lane: str
    senders: Mapping[str, Callable[[Message], int]]
    prepare: Callable[[int], Prepared | None]
    keep: Callable[[Any, Outcome], list[str]]
    lasting: Callable[[Any], bool]

    @property
    def name(self) -> str:
        return str(self.model._meta.verbose_name)


async def send_pending(outbox: Outbox) -> None:
    """Until cancelled."""
    sender = Sender(outbox)
    while True:
        try:
            await sender.turn()
        except Exception as error:
            logger.warning("%s: could not be looked at: %s", outbox.name, error)
        await asyncio.sleep(PAUSE)


class Sender:
    """One controller's. `turn` starts what there is a thread for; tests turn it by hand."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.sending: dict[int, asyncio.Task[None]] = {}  # by lane

    async def turn(self) -> None:
        self.sending = {pk: task for pk, task in self.sending.items() if not task.done()}
        room = AT_ONCE - len(self.sending)
        if room > 0:
            for pk, lane in await in_thread(take)(self.outbox, room, list(self.sending)):
                self.sending[lane] = asyncio.create_task(_deliver(self.outbox, pk))

    async def settle(self) -> None:
        await asyncio.gather(*self.sending.values())


def take(outbox: Outbox, most: int, busy: list[int]) -> list[tuple[int, int]]:
    """The oldest due of each lane that is not `busy`: its id and the lane's. Nobody else takes
    them for as long as LEASE."""
    now = timezone.now()
    rows = outbox.model._default_manager
    due = rows.filter(Q(next_try=None) | Q(next_try__lte=now), status="pending")
    due = due.exclude(**{f"{outbox.lane}__in": busy})
    first = due.order_by().values(outbox.lane).annotate(first=Min("pk"))
    ids = list(first.order_by("first").values_list("first", flat=True)[:most])
    if not ids:
        return []
    with transaction.atomic():
        taken = list(due.filter(pk__in=ids).select_for_update(skip_locked=True, no_key=True))
        for row in taken:
            row.attempts += 1
            row.next_try = now + LEASE
        rows.bulk_update(taken, ["attempts", "next_try"])
    return [(row.pk, getattr(row, f"{outbox.lane}_id")) for row in taken]


async def _deliver(outbox: Outbox, pk: int) -> None:
    try:
        prepared = await in_thread(outbox.prepare)(pk)
        if prepared is not None:
            outcome = await _beside(lambda: send(outbox, prepared))
            await in_thread(keep)(outbox, pk, outcome)
    except Exception as error:
        # Whatever it is, its row is taken again when the lease is over.
        logger.warning("%s %s: %s", outbox.name, pk, type(error).__name__)


def send(outbox: Outbox, prepared: Prepared) -> Outcome:
    """Blocking, without the database."""
    if prepared.left_out:
        return Outcome(prepared.message.done, prepared.left_out)
    try:
        return Outcome(outbox.senders[prepared.kind](prepared.message))
    except SendFailed as failed:
        words = Redactor(prepared.secrets).text(failed.reason)
        return Outcome(max(failed.sent, prepared.message.done), words, failed.again)
    except Exception as error:
        # A configuration of nonsense types, say: its words may quote what it choked on.
        logger.warning("%s, %s: %s", outbox.name, prepared.kind, type(error).__name__)
        return Outcome(prepared.message.done, f"It could not be sent ({type(error).__name__}).")


def keep(outbox: Outbox, pk: int, outcome: Outcome) -> None:
    row: Any = outbox.model._default_manager.get(pk=pk)
    row.next_try = None
    if not outcome.error:
        row.status = "successful"
    else:
        row.error = outcome.error.replace("\0", "")
        if outcome.again and outbox.lasting(row) and row.attempts <= len(PAUSES):
            row.next_try = timezone.now() + PAUSES[row.attempts - 1]
        else:
            row.status = "failed"
    more = outbox.keep(row, outcome)
    row.save(update_fields=["next_try", "status", "error", "modified", *more])


async def _beside(work: Callable[[], Outcome]) -> Outcome:
    """In a thread that keeps no process from ending, and is none of those that jobs' rows need."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Outcome] = loop.create_future()

    def tell(outcome: Outcome) -> None:
        if not done.done():
            done.set_result(outcome)

    def run() -> None:
        outcome = work()
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, outcome)

    threading.Thread(target=run, name="outbox", daemon=True).start()
    return await done
