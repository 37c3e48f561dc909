"""Looks into the images that somebody asked about, one at a time, and never in a job's way.

A digest is taken with a lease, like a job: a controller that dies loses it to another, and its pod
to the sweep. The pod's name is written down before the pod is made.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
import uuid
from datetime import timedelta
from typing import Any, Protocol

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from gantry.base.bridge import in_thread
from gantry.base.config import Settings
from gantry.base.errors import EngineError, EngineUnreachable
from gantry.base.image_reference import InvalidReference, parse_reference
from gantry.control.rows import patient
from gantry.images.inspect.contents import Contents
from gantry.images.inspect.pod import Describes, look, pod_spec
from gantry.pods.contract import LABEL_INSTANCE, LABEL_JOB, Engine, Image
from gantry.resources.images import ImageContents

logger = logging.getLogger(__name__)
MOST_ATTEMPTS = 3
PATIENCE = 60  # seconds that a request waits for a moment in which no job is about to start
PAUSE = 20.0  # seconds until what is not on this engine, or an engine that is away, is tried again
_CLAIM = """
WITH next AS (
    SELECT id FROM resources_imagecontents
     WHERE (state = 'pending'
            OR (state = 'running' AND (lease_expires IS NULL OR lease_expires < now())))
       AND NOT id = ANY(%(absent)s)
       AND (%(quiet)s OR requested < now() - %(patience)s * interval '1 second')
     ORDER BY requested
     LIMIT 1
     FOR UPDATE SKIP LOCKED
)
UPDATE resources_imagecontents c
   SET state = 'running', lease_owner = %(owner)s, attempts = attempts + 1,
       lease_expires = now() + %(lease)s * interval '1 second',
       pod_name = %(prefix)s || c.id || '-' || (attempts + 1)
  FROM next WHERE c.id = next.id
RETURNING c.id
"""


class NotHere(Exception):
    """The image is not on this controller's engine; another's may have it."""


class Images(Describes, Protocol):
    """The part of pods.image_store.ImageStore that is needed here."""

    async def by_digest(self, digest: str) -> str:
        """The id of an image here that has this digest under whatever name; "" for none."""


class Inspections:
    """One controller's part of them."""

    def __init__(self, settings: Settings, instance: str, engine: Engine, images: Images) -> None:
        self._settings, self._instance = settings, instance
        self._engine, self._images = engine, images
        # A process that starts again on the same machine is another holder.
        self._owner = uuid.uuid4()
        self._task: asyncio.Task[None] | None = None
        self._absent: dict[int, float] = {}  # row -> when it may be tried again

    async def turn(self, *, quiet: bool) -> None:
        """Begin the oldest request, unless one is under way. `quiet`: no job is about to start."""
        if self._task is not None and not self._task.done():
            return
        now = time.monotonic()
        self._absent = {pk: when for pk, when in self._absent.items() if when > now}
        row = await in_thread(self._claim)(quiet)
        if row is not None:
            self._task = asyncio.create_task(self._inspect(row), name=f"inspection {row.pk}")

    async def close(self) -> None:
        """The one under way is given back; its pod goes."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _claim(self, quiet: bool) -> ImageContents | None:
        values: dict[str, Any] = {
            "owner": self._owner, "lease": self._settings.lease, "quiet": quiet,
            "patience": PATIENCE, "absent": list(self._absent),
            "prefix": f"gantry-{self._instance[:8]}-look-",
        }  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, values)
            taken = cursor.fetchone()
        return ImageContents.objects.get(pk=taken[0]) if taken else None

    async def _inspect(self, row: ImageContents) -> None:
        logger.info("looking into %s", row.digest or row.reference)
        try:
            await _end(row, await self._while_it_is_ours(row))
        except asyncio.CancelledError:
            await asyncio.shield(_give_back(row, ""))
            raise
        except EngineUnreachable as error:
            await self._later(row, error.sentence)
        except NotHere:
            await self._not_here(row)
        except EngineError as error:
            await _fail(row, error.sentence, error.cure)
        except Exception as error:
            logger.exception("looking into %s failed", row.digest)
            await _fail(
                row, f"Gantry itself failed: {type(error).__name__}: {error}",
                "This is a bug of Gantry; the controller's log has the traceback.",
            )  # fmt: skip

    async def _while_it_is_ours(self, row: ImageContents) -> Contents:
        looking = asyncio.create_task(self._look(row))
        try:
            while not looking.done():
                await asyncio.wait({looking}, timeout=self._settings.lease / 3)
                if not looking.done() and not await _renew(row, self._settings.lease):
                    raise EngineUnreachable("Another controller has taken it over.")
            return looking.result()
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await looking

    async def _look(self, row: ImageContents) -> Contents:
        if row.attempts > MOST_ATTEMPTS:
            raise EngineError(
                f"{MOST_ATTEMPTS} times a controller ended while it looked into the image.",
                cure="The controllers' logs say why; then ask for another inspection.",
            )
        image = await self._find(row)
        labels = {LABEL_INSTANCE: self._instance, LABEL_JOB: "0"}
        spec = pod_spec(row.pod_name, image.id, labels, self._settings.pod_user)
        return await look(self._engine, self._images, image, spec)

    async def _find(self, row: ImageContents) -> Image:
        """By its id, else by its digest under its own name or any. Never by a tag: that may mean
        another digest by now."""
        for reference in filter(None, (row.image_id, _by_digest(row))):
            if (image := await self._engine.image(reference)) is not None:
                return dataclasses.replace(image, digest=row.digest)
        found = await self._images.by_digest(row.digest) if row.digest else ""
        image = await self._engine.image(found) if found else None
        if image is None:
            raise NotHere
        return image

    async def _not_here(self, row: ImageContents) -> None:
        sentence = f"The image is not on the engine {self._engine.name}."
        if row.attempts < MOST_ATTEMPTS:
            self._absent[row.pk] = time.monotonic() + PAUSE
            await _give_back(row, sentence)
        else:
            await _fail(
                row, sentence, "Run a job in it, or pull it there; then ask for an inspection."
            )

    async def _later(self, row: ImageContents, sentence: str) -> None:
        self._absent[row.pk] = time.monotonic() + PAUSE
        row.attempts -= 1  # it is not the image's fault
        await _give_back(row, sentence)


def _by_digest(row: ImageContents) -> str:
    if not row.reference or not row.digest:
        return ""
    try:
        return f"{parse_reference(row.reference).repository}@{row.digest}"
    except InvalidReference:
        return ""


def _ours(row: ImageContents) -> Any:
    return ImageContents.objects.filter(pk=row.pk, pod_name=row.pod_name, state="running")


@patient
def _renew(row: ImageContents, lease: int) -> bool:
    until = timezone.now() + timedelta(seconds=lease)
    return bool(_ours(row).update(lease_expires=until))


@patient
def _end(row: ImageContents, found: Contents) -> None:
    values = dataclasses.asdict(found)
    del values["reference"], values["digest"]
    # The row stands for the platform that was asked for, if one was.
    values["platform"] = row.platform or found.platform
    state = "failed" if found.error else "inspected"
    try:
        with transaction.atomic():
            _ours(row).update(state=state, inspected=timezone.now(), lease_owner=None, **values)
    except IntegrityError:
        # Asked for without a platform, and meanwhile by a job that knew it: that row stays.
        _ours(row).delete()


@patient
def _fail(row: ImageContents, sentence: str, cure: str) -> None:
    _ours(row).update(state="failed", error=sentence, cure=cure, lease_owner=None)


@patient
def _give_back(row: ImageContents, sentence: str) -> None:
    _ours(row).update(
        state="pending", error=sentence, lease_owner=None, attempts=max(row.attempts, 0)
    )


@patient
def expected_pod(name: str) -> bool:
    """Whether a controller that lives needs this pod to look into an image."""
    rows = ImageContents.objects.filter(pod_name=name, state="running")
    return rows.filter(lease_expires__gt=timezone.now()).exists()
