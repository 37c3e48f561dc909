"""The engine's images: what Gantry keeps there, why, and which may go. The engine belongs to the
whole installation: superusers and auditors see them, superusers remove."""

from __future__ import annotations

import asyncio
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import pluralize
from django.utils import timezone

from gantry.base.config import settings
from gantry.base.errors import GantryError
from gantry.images.cache import CachedImage, Policy, Pruned, known, prune, to_go
from gantry.pods.docker_images import DockerImages
from gantry.pods.image_store import HeldImage
from gantry.web.pages import action, page, signed_in, tell, who

DAYS = 30
LONGEST = 36_500


@signed_in
def listing(request: HttpRequest) -> HttpResponse:
    """?days= tells which images a removal of all that was not used for so long would take."""
    if not (who(request).is_superuser or who(request).is_system_auditor):
        raise PermissionDenied
    days = _days(request.GET.get("days", ""))
    context: dict[str, Any] = {"days": days, "default": settings().image_keep_days or DAYS}
    try:
        rows = known(asyncio.run(_held()))
    except GantryError as error:
        return page(request, "environments/images.html", context | {"problem": str(error)}, 503)
    going = to_go(rows, Policy(days), timezone.now()) if days else []
    gone = {cached.image.id for cached in going}
    context |= {
        "rows": [
            (cached, cached.image.id in gone)
            for cached in sorted(rows, key=lambda cached: not cached.ours)
        ],
        "going": len(going),
        "going_size": sum(cached.image.size for cached in going),
        "ours": sum(cached.ours for cached in rows),
        "size": sum(cached.image.size for cached in rows if cached.ours),
    }
    return page(request, "environments/images.html", context)


@action
def remove(request: HttpRequest) -> HttpResponse:
    """Remove what was not used for `days`; each image is judged again before it goes."""
    if not who(request).is_superuser:
        raise PermissionDenied
    days = _days(request.POST.get("days", ""))
    if not days:
        messages.error(request, "For how many days must an image be unused? Give a whole number.")
        return redirect("environment-images")
    try:
        told = asyncio.run(_prune(Policy(days)))
    except GantryError as error:
        tell(request, error)
        return redirect("environment-images")
    size = sum(p.cached.image.size for p in told if not p.error)
    count = sum(not p.error for p in told)
    messages.success(
        request, f"{count} image{pluralize(count)} removed, {size / 1e6:,.0f} MB with their layers."
    )
    for left in (p for p in told if p.error):
        messages.error(request, f"{name_of(left.cached)} stayed: {left.error}")
    return redirect("environment-images")


def name_of(cached: CachedImage) -> str:
    return cached.image.names[0] if cached.image.names else cached.image.id[:19]


def _days(given: str) -> int:
    number = int(given) if given.isdecimal() and len(given) < 6 else 0
    return min(number, LONGEST)


async def _held() -> list[HeldImage]:
    store = DockerImages(settings().engine)
    try:
        return await store.held()
    finally:
        await store.close()


async def _prune(policy: Policy) -> list[Pruned]:
    told: list[Pruned] = []
    store = DockerImages(settings().engine)
    try:
        await prune(store, policy, timezone.now(), told.append)
    finally:
        await store.close()
    return told
