"""Sends what is pending: a part of the controller's regular work, in threads of its own.

One notification of a template at a time, so that a receiver that does not answer takes one thread
and delays none but its own; what fails for a reason that may pass is tried again, and every outcome
stands on its row. A controller that dies in between leaves a row that another takes when its time
is over: what had just been sent may then arrive twice, and nothing is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Min, Q
from django.utils import timezone

from gantry.base.bridge import in_thread
from gantry.base.redact import Redactor
from gantry.path.notification_words import words_of
from gantry.path.notifiers import NOTIFIERS, Message, SendFailed
from gantry.resources.credentials import ENCRYPTED
from gantry.resources.notifications import Notification, NotificationTemplate

logger = logging.getLogger(__name__)
PAUSE = 0.5
AT_ONCE = 32
LEASE = timedelta(seconds=240)  # longer than any message is given, notifiers/contract.py
# Before each further try; a test has none, since a person waits for what comes of it.
PAUSES = (timedelta(seconds=10), timedelta(seconds=60), timedelta(seconds=300))


async def send_pending() -> None:
    """Until cancelled."""
    sender = Sender()
    while True:
        try:
            await sender.turn()
        except Exception as error:
            logger.warning("notifications could not be looked at: %s", error)
        await asyncio.sleep(PAUSE)


class Sender:
    """One controller's. `turn` starts what there is a thread for; tests turn it by hand."""

    def __init__(self) -> None:
        self.sending: dict[int, asyncio.Task[None]] = {}  # by template

    async def turn(self) -> None:
        self.sending = {pk: task for pk, task in self.sending.items() if not task.done()}
        room = AT_ONCE - len(self.sending)
        if room > 0:
            for pk, template in await in_thread(take)(room, list(self.sending)):
                self.sending[template] = asyncio.create_task(_deliver(pk))

    async def settle(self) -> None:
        await asyncio.gather(*self.sending.values())


def take(most: int, busy: list[int]) -> list[tuple[int, int]]:
    """The oldest due of each template that is not `busy`: its id and the template's. Nobody else
    takes them for as long as LEASE."""
    now = timezone.now()
    due = Notification.objects.filter(
        Q(next_try=None) | Q(next_try__lte=now), status="pending"
    ).exclude(notification_template__in=busy)
    first = due.order_by().values("notification_template").annotate(first=Min("pk"))
    ids = list(first.order_by("first").values_list("first", flat=True)[:most])
    if not ids:
        return []
    with transaction.atomic():
        rows = list(due.filter(pk__in=ids).select_for_update(skip_locked=True, no_key=True))
        for row in rows:
            row.attempts += 1
            row.next_try = now + LEASE
        Notification.objects.bulk_update(rows, ["attempts", "next_try"])
    return [(row.pk, row.notification_template_id) for row in rows]


async def _deliver(pk: int) -> None:
    try:
        prepared = await in_thread(prepare)(pk)
        if prepared is not None:
            outcome = await _beside(lambda: send(prepared))
            await in_thread(keep)(pk, outcome)
    except Exception as error:
        # Whatever it is, its row is taken again when the lease is over.
        logger.warning("notification %s: %s", pk, type(error).__name__)


@dataclass(frozen=True)
class Prepared:
    kind: str
    message: Message
    secrets: list[str]
    left_out: str = ""  # why it cannot be sent at all


@dataclass(frozen=True)
class Outcome:
    sent: int
    error: str = ""
    again: bool = False


def prepare(pk: int) -> Prepared | None:
    """The message with its words, which are written once: a second try says the same."""
    related = ("notification_template__organization", "unified_job")
    row = Notification.objects.select_related(*related).filter(pk=pk, status="pending").first()
    if row is None:
        return None
    template = row.notification_template
    settings = template.open_configuration()
    left_out = _left_out(template, settings, row)
    if not left_out and row.occasion and not row.subject:
        row.subject, row.body, row.error = words_of(row)
        row.save(update_fields=["subject", "body", "error"])
    organization = template.organization
    authorities = organization.ca_bundle if organization is not None else ""
    message = Message(settings, row.subject, row.body, authorities, row.notifications_sent)
    return Prepared(row.notification_type, message, _secrets(template, settings), left_out)


def _left_out(template: NotificationTemplate, settings: dict[str, Any], row: Notification) -> str:
    if row.notification_type != template.notification_type:
        return "The notification template has become one of another kind."
    for name in template.kind.secret_fields:
        if settings.get(name) == ENCRYPTED:
            return f"{template.kind.fields[name]['label']} was never entered: an import has none."
    if row.occasion and not row.subject and row.unified_job is None:
        return "The job was deleted before this could be written."
    return ""


def _secrets(template: NotificationTemplate, settings: dict[str, Any]) -> list[str]:
    """What no error may quote: passwords, headers, and the address where it is itself the key."""
    found = [str(settings.get(name) or "") for name in template.kind.secret_fields]
    headers = settings.get("headers")
    found += [str(v) for v in headers.values()] if isinstance(headers, dict) else []
    found += [str(v) for k, v in settings.items() if k == "url" or k.endswith("_url")]
    return [secret for secret in found if secret]


def send(prepared: Prepared) -> Outcome:
    """Blocking, without the database."""
    if prepared.left_out:
        return Outcome(prepared.message.done, prepared.left_out)
    try:
        return Outcome(NOTIFIERS[prepared.kind](prepared.message))
    except SendFailed as failed:
        words = Redactor(prepared.secrets).text(failed.reason)
        return Outcome(max(failed.sent, prepared.message.done), words, failed.again)
    except Exception as error:
        # A configuration of nonsense types, say: its words may quote what it choked on.
        logger.warning("a %s notification: %s", prepared.kind, type(error).__name__)
        return Outcome(prepared.message.done, f"It could not be sent ({type(error).__name__}).")


def keep(pk: int, outcome: Outcome) -> None:
    row = Notification.objects.get(pk=pk)
    row.notifications_sent = outcome.sent
    row.next_try = None
    if not outcome.error:
        row.status = "successful"
    else:
        row.error = outcome.error.replace("\0", "")
        if outcome.again and row.occasion and row.attempts <= len(PAUSES):
            row.next_try = timezone.now() + PAUSES[row.attempts - 1]
        else:
            row.status = "failed"
    row.save(update_fields=["notifications_sent", "next_try", "status", "error", "modified"])


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

    threading.Thread(target=run, name="notification", daemon=True).start()
    return await done
