"""What the process does that forwards, a child of a controller: __main__.py starts it.

Of all controllers' children one works, the one that holds the lock; the others wait for its end.
It ends with its controller (whose end closes its input), and when forwarding is turned off.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import psycopg
from django.db import transaction
from django.utils import timezone

from gantry.base import postgres
from gantry.base.config import settings
from gantry.record.forward.messages import Writer
from gantry.record.forward.senders import Sender, SendFailed, sender_for
from gantry.record.forward.streams import Stream, stream_of
from gantry.resources import log_aggregator as to

logger = logging.getLogger(__name__)
LOCK = 0x67616E74727902
BATCH = 500
IDLE, LOOK, LONGEST = 0.5, 5.0, 30.0  # seconds
READ = (to.JOB_EVENTS, to.ACTIVITY, to.FACTS, to.SERVICE)


class Forwarder:
    """`turn` reads and sends once; tests turn it by hand."""

    def __init__(self) -> None:
        self.aggregator: to.Aggregator | None = None
        self.sender: Sender | None = None
        self.streams: list[Stream] = []
        self.looked = timezone.now() - timedelta(hours=1)
        self.problem: str | None = None  # nobody knows what the one before last noted

    def turn(self) -> int:
        """How many messages were taken by the server. Raises SendFailed."""
        self._look()
        sent = 0
        for stream in self.streams:
            batch = stream.take(BATCH)
            if batch.messages:
                sent += self._send(stream, batch.messages)
            with transaction.atomic():
                batch.done()
                stream.row.save(update_fields=["sent", "dropped"])
        return sent

    def _send(self, stream: Stream, messages: list[bytes]) -> int:
        assert self.aggregator is not None
        if self.sender is None:
            self.sender = sender_for(self.aggregator)
        refused = self.sender.send(messages)
        self.note("")
        stream.row.sent += len(messages) - refused
        stream.row.dropped += refused
        return len(messages)

    def _look(self) -> None:
        """Every few seconds: whether something was set anew, and whether too much waits."""
        if (timezone.now() - self.looked).total_seconds() < LOOK:
            return
        self.looked = timezone.now()
        found = to.read()
        if found != self.aggregator:
            self.close()
            self.aggregator = found
            writer = Writer(found.uuid, socket.gethostname(), found.kind)
            self.streams = [stream_of(n, found, writer) for n in READ if n in found.loggers]
        for stream in self.streams:
            dropped = stream.drop()
            if dropped:
                stream.row.dropped += dropped
                _say(f"{dropped} messages of {stream.row.name} were not forwarded: too many wait.")
            stream.row.waiting = stream.waiting()
            stream.row.save(update_fields=["dropped", "waiting"])

    def note(self, problem: str) -> None:
        if problem != self.problem:
            self.problem = problem
            if problem:
                logger.warning("the log server: %s", problem)
            names = [stream.row.name for stream in self.streams]
            to.LogStream.objects.filter(name__in=names).update(problem=problem)

    def close(self) -> None:
        if self.sender is not None:
            self.sender.close()
            self.sender = None


def _say(words: str) -> None:
    """On stderr, and to the log server when it is back."""
    logger.warning(words)
    to.LogLine.objects.create(
        created=timezone.now(), host=socket.gethostname(), level="WARNING",
        logger="awx.gantry.record.forward", message=words,
    )  # fmt: skip


@contextlib.contextmanager
def only_one() -> Iterator[bool]:
    """Whether this process is the one that forwards; PostgreSQL frees the lock when it dies."""
    with psycopg.connect(postgres.url(settings()), autocommit=True) as held:
        yield bool(held.execute("SELECT pg_try_advisory_lock(%s)", [LOCK]).fetchone() == (True,))


def run() -> None:
    """Until forwarding is turned off."""
    while to.enabled():
        with only_one() as ours:
            if ours:
                forward()
                return
        time.sleep(LOOK)


def forward() -> None:
    forwarder, pause = Forwarder(), IDLE
    checked = time.monotonic()
    while True:
        try:
            if time.monotonic() - checked > LOOK:
                checked = time.monotonic()
                if not to.enabled():
                    return
            if not forwarder.turn():
                time.sleep(IDLE)
            pause = IDLE
        except SendFailed as failed:
            forwarder.note(str(failed))
            forwarder.close()
            time.sleep(pause)
            pause = min(pause * 2, LONGEST)
