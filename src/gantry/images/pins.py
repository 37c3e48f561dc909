"""What persons decide about an EE's digest: pin and unpin, the drift policy, accept and forget.

Each checks that the person may change the EE; API, web and CLI call these and nothing else.
`user` None is Gantry itself.
"""

from __future__ import annotations

import re

from django.db import transaction

from gantry.base.errors import Forbidden, InvalidInput
from gantry.images.drift import short
from gantry.images.tag_notes import note_tag, settle
from gantry.resources import access
from gantry.resources.base import DRIFT_POLICIES
from gantry.resources.digests import saw_digest
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.organizations import User

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def pin(
    environment: ExecutionEnvironment, digest: str, *, user: User | None
) -> ExecutionEnvironment:
    """From now on its jobs run this digest, from whatever engine or registry has it."""
    check_digest(digest)
    with transaction.atomic():
        row = _mine(environment, user)
        if row.own_digest and row.own_digest != digest:
            raise InvalidInput(
                f"The image {row.image} names a digest itself.",
                field="pinned_digest",
                cure="Change the image, or give it a tag instead of the digest and pin then.",
            )
        row.pinned_digest = digest
        saw_digest(row, digest, "pinned")
        return _keep(row, user, "pinned_digest")


def unpin(environment: ExecutionEnvironment, *, user: User | None) -> ExecutionEnvironment:
    """Its jobs run what the drift policy says again."""
    with transaction.atomic():
        row = _mine(environment, user)
        row.pinned_digest = ""
        return _keep(row, user, "pinned_digest")


def set_policy(
    environment: ExecutionEnvironment, policy: str, *, user: User | None
) -> ExecutionEnvironment:
    """follow, warn or hold. What ran last is what `warn` and `hold` begin with as accepted."""
    if policy not in dict(DRIFT_POLICIES):
        raise InvalidInput(f'"{policy}" is not a valid choice.', field="drift_policy")
    with transaction.atomic():
        row = _mine(environment, user)
        row.drift_policy = policy
        if policy == "follow":
            row.accepted_digest = ""
        elif not row.accepted_digest:
            row.accepted_digest = row.last_digest
        return _keep(row, user, "drift_policy", "accepted_digest")


def accept(
    environment: ExecutionEnvironment, *, user: User | None, digest: str = ""
) -> ExecutionEnvironment:
    """Take what the tag means now, or `digest`, as what may run: under `hold` it is what the next
    job runs, under `warn` what it is not warned about."""
    with transaction.atomic():
        row = _mine(environment, user)
        _refuse_without_policy(row)
        wanted = digest or row.registry_digest or row.last_digest
        if not wanted:
            raise InvalidInput(
                f"It is not known what the tag of {row.name} means.",
                field="digest",
                cure="Ask its registry first (`gantry ee check`), or give a digest.",
            )
        check_digest(wanted)
        row.accepted_digest = wanted
        return _keep(row, user, "accepted_digest")


def unaccept(environment: ExecutionEnvironment, *, user: User | None) -> ExecutionEnvironment:
    """Forget what was accepted: the next digest that runs is accepted instead."""
    with transaction.atomic():
        row = _mine(environment, user)
        _refuse_without_policy(row)
        row.accepted_digest = ""
        return _keep(row, user, "accepted_digest")


def pin_to_tag(
    environment: ExecutionEnvironment, means: str, *, user: User | None
) -> ExecutionEnvironment:
    """Pin to what the tag was just found to mean (images/tags.py)."""
    with transaction.atomic():
        note_tag(environment.pk, environment.image, means)
        return pin(environment, means, user=user)


def check_digest(digest: str) -> None:
    if not _DIGEST.fullmatch(digest):
        raise InvalidInput(
            f"{digest[:80]!r} is not a digest.",
            field="digest",
            cure="A digest is `sha256:` and 64 hexadecimal digits; the EE's history lists those "
            "it had.",
        )


def _refuse_without_policy(row: ExecutionEnvironment) -> None:
    if row.fixed_digest:
        raise InvalidInput(
            f"{row.name} is pinned to {short(row.fixed_digest)}.",
            cure="Pin another digest, or unpin it.",
        )
    if row.drift_policy not in ("warn", "hold"):
        raise InvalidInput(
            f"{row.name} follows its tag: there is nothing to accept.",
            field="drift_policy",
            cure="Set its policy to `warn` or `hold` first.",
        )


def _mine(environment: ExecutionEnvironment, user: User | None) -> ExecutionEnvironment:
    """The row as it is now, locked, if the person may change it."""
    row = ExecutionEnvironment.objects.select_for_update().get(pk=environment.pk)
    if user is not None and not access.may(user, "change", row):
        raise Forbidden("You do not have permission to perform this action.")
    return row


def _keep(row: ExecutionEnvironment, user: User | None, *fields: str) -> ExecutionEnvironment:
    if user is not None:
        row.modified_by = user
    settle(row)
    row.save(update_fields=[*fields, "modified_by", "modified", "drifted_since"])
    return row
