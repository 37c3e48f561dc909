"""What is known of an EE's digests, and asking for what is not."""

from __future__ import annotations

from gantry.base.image_reference import parse_reference
from gantry.images.inspect.request import request_inspection
from gantry.resources.environments import ExecutionEnvironment
from gantry.resources.images import ImageContents
from gantry.resources.jobs import UnifiedJob

_BEST = {"inspected": 0, "running": 1, "pending": 2, "failed": 3}


def digest_of(environment: ExecutionEnvironment) -> str:
    """What its next job runs as far as the rows know; "" when nothing has run."""
    last = environment.last_digest or environment.registry_digest
    return environment.wanted_digest or last


def meant(environment: ExecutionEnvironment, digest: str) -> bool:
    """Whether the EE means or ever meant this digest: who may see the EE may see its contents."""
    own = (
        environment.wanted_digest, environment.last_digest, environment.registry_digest,
        environment.accepted_digest,
    )  # fmt: skip
    return bool(digest) and (digest in own or environment.digests.filter(digest=digest).exists())


def contents_of(digest: str, platform: str = "") -> ImageContents | None:
    """The best that is known of a digest: inspected before under way before failed."""
    if not digest:
        return None
    rows = ImageContents.objects.filter(digest=digest)
    if platform:
        rows = rows.filter(platform=platform)
    return min(rows, key=lambda row: (_BEST[row.state], -row.pk), default=None)


def ask(environment: ExecutionEnvironment, digest: str, *, again: bool = False) -> ImageContents:
    """Have a digest of this EE looked into. What failed before is tried once more."""
    known = contents_of(digest)
    job = (
        UnifiedJob.objects.filter(execution_environment=environment, ee_digest=digest)
        .order_by("-pk").values_list("ee_platform", "ee_image_id").first()
    )  # fmt: skip
    seen = environment.digests.filter(digest=digest).first()
    platform = job[0] if job else (seen.platform if seen else "")
    image_id = job[1] if job else ""
    return request_inspection(
        digest,
        known.platform if known else platform,
        (known.image_id if known else "") or image_id,
        f"{parse_reference(environment.image).repository}@{digest}",
        again=again or (known is not None and known.state == "failed"),
    )
