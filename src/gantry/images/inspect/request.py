"""Asks for a digest to be looked into. A controller does it as soon as no job is kept waiting."""

from __future__ import annotations

from django.db import connection

from gantry.resources.images import ImageContents

MESSAGE = "inspect"


def request_inspection(
    digest: str, platform: str, image_id: str, reference: str, *, again: bool = False
) -> ImageContents:
    """The row of this digest's contents, made if there is none: one short statement when it is
    known already. `again` has a digest looked into anew, say after one that failed.

    `image_id` and `reference` are what an engine can find the image by; either may be empty.
    """
    row, made = ImageContents.objects.get_or_create(
        digest=digest, platform=platform,
        defaults={"image_id": image_id, "reference": reference},
    )  # fmt: skip
    if again and row.state in ("inspected", "failed"):
        ImageContents.objects.filter(pk=row.pk, state=row.state).update(
            state="pending", attempts=0, error="", cure="",
            image_id=image_id or row.image_id, reference=reference or row.reference,
        )  # fmt: skip
        row.refresh_from_db()
    if made or again:
        wake()
    return row


def wake() -> None:
    """Tell the controllers; within a transaction they hear of it when it is committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('gantry_control', %s)", [MESSAGE])
