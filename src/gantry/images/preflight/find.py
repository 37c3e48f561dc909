"""Which execution environments have what another one lacks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet

from gantry.images.preflight.compare import Missing, has
from gantry.images.preflight.needs import Need
from gantry.resources.environments import EnvironmentDigest, ExecutionEnvironment
from gantry.resources.images import ImageContents

MOST = 200  # environments asked
FIELDS = ("digest", "platform", "reference", "ansible_core", "ansible_runner", "python",
          "distribution", "packages")  # fmt: skip


def inspected_digest(environment: ExecutionEnvironment) -> str:
    """What its next job most likely runs, among the digests that were inspected; "" for none."""
    return _inspected([environment]).get(environment.pk, "")


def contents_at(digest: str, platform: str = "") -> ImageContents | None:
    """What was found in a digest; without a platform, in any of its platforms."""
    rows = ImageContents.objects.filter(digest=digest, state="inspected").only(*FIELDS)
    if platform:
        rows = rows.filter(platform__in=("", platform))
    return rows.order_by("-inspected").first() if digest else None


def tell_who_has(missing: list[Missing], among: QuerySet[ExecutionEnvironment]) -> None:
    """Fill in `environments` of each, best effort: of the newest inspected digest of each EE."""
    if not missing:
        return
    rows = list(among.order_by("name")[:MOST])
    digests = _inspected(rows)
    for each in missing:
        holders = _holders(each.need, set(digests.values()))
        each.environments = [
            {"id": row.pk, "name": row.name} for row in rows if digests.get(row.pk) in holders
        ]


def _inspected(rows: Iterable[ExecutionEnvironment]) -> dict[int, str]:
    """EE -> the best of its digests that was inspected."""
    wishes: dict[int, list[str]] = {
        row.pk: [row.wanted_digest] if row.wanted_digest else [row.last_digest, row.registry_digest]
        for row in rows
    }
    history = EnvironmentDigest.objects.filter(environment__in=list(wishes)).order_by("-last_seen")
    for environment, digest in history.values_list("environment", "digest"):
        wishes[environment].append(digest)
    wanted = {digest for each in wishes.values() for digest in each if digest}
    known = set(
        ImageContents.objects.filter(digest__in=wanted, state="inspected").values_list(
            "digest", flat=True
        )
    )
    firsts = {pk: next((d for d in each if d in known), "") for pk, each in wishes.items()}
    return {pk: digest for pk, digest in firsts.items() if digest}


def _holders(need: Need, digests: set[str]) -> set[str]:
    rows = ImageContents.objects.filter(digest__in=digests, state="inspected").only(*FIELDS)
    if need.kind != "ansible-core":
        named: list[dict[str, Any]] = [{"kind": need.kind, "name": need.name}]
        rows = rows.filter(Q(packages__contains=named))
    return {row.digest for row in rows if has(row, need)}
