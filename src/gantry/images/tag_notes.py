"""What is written on an EE's row when something is learned of its tag or its digests.

Registries (images/tags.py, control/drift.py), pulls and runs (control/rows.py) tell; nothing here
asks anybody.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Exists
from django.utils import timezone

from gantry.images.drift import decide
from gantry.resources.digests import saw_digest
from gantry.resources.environments import TAG_FIELDS, ExecutionEnvironment
from gantry.resources.jobs import Job, UnifiedJob


def settle(row: ExecutionEnvironment, at: datetime | None = None) -> None:
    """Bring `drifted_since` in line with the rest of the row; the caller saves."""
    moved = decide(row).moved
    row.drifted_since = (row.drifted_since or at or timezone.now()) if moved else None


def note_tag(environment: int, reference: str, digest: str, same: Collection[str] = ()) -> None:
    """The tag was found to mean this digest. A row whose image was changed meanwhile is left.

    `same` are other digests of the same image (an index's platforms): what ran or was accepted
    under one of these names is known by the tag's digest from now on."""
    now = timezone.now()
    with transaction.atomic():
        row = _locked(environment)
        if row is None or row.image != reference:
            return
        row.registry_digest, row.registry_checked, row.registry_error = digest, now, ""
        row.last_digest = digest if row.last_digest in same else row.last_digest
        row.accepted_digest = digest if row.accepted_digest in same else row.accepted_digest
        settle(row, now)
        _save(row, *TAG_FIELDS)
        saw_digest(row, digest, "registry", reference=reference, at=now)


def note_tag_error(environment: int, reference: str, sentence: str) -> None:
    """Nobody could say what the tag means; what was known before stays."""
    ExecutionEnvironment.objects.filter(pk=environment, image=reference).update(
        registry_error=sentence, registry_checked=timezone.now()
    )


def note_got(environment: ExecutionEnvironment, digest: str, *, repeats: bool) -> None:
    """A job got this image. An exact repetition of an old job says nothing of what is current."""
    fields = {"last_used": timezone.now()} | ({} if repeats else {"last_digest": digest})
    ExecutionEnvironment.objects.filter(pk=environment.pk).update(**fields)


def note_ran(job: UnifiedJob) -> None:
    """A job's playbook starts now: the digest's history, and the first that is accepted.
    Idempotent."""
    environment = job.execution_environment_id
    if environment is None or not job.ee_digest:
        return
    saw_digest(environment, job.ee_digest, "ran", reference=job.ee_image, platform=job.ee_platform)
    repetition = Job.objects.filter(pk=job.pk, repeats__isnull=False)
    rows = ExecutionEnvironment.objects.filter(~Exists(repetition), pk=environment)
    with transaction.atomic():
        row = rows.select_for_update().first()
        if row is None or row.image != job.ee_image:
            return
        before = (row.accepted_digest, row.drifted_since)
        if row.drift_policy in ("warn", "hold") and not row.accepted_digest:
            row.accepted_digest = job.ee_digest
        settle(row)
        if (row.accepted_digest, row.drifted_since) != before:
            _save(row, "accepted_digest", "drifted_since")


def _locked(environment: int) -> ExecutionEnvironment | None:
    return ExecutionEnvironment.objects.select_for_update().filter(pk=environment).first()


def _save(row: ExecutionEnvironment, *fields: str) -> None:
    """Not by save(): `modified` is when a person changed the EE."""
    values = {name: getattr(row, name) for name in fields}
    ExecutionEnvironment.objects.filter(pk=row.pk).update(**values)
