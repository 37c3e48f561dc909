"""/api/v2/images/: what the engine holds; .../execution_environments/N/platforms/. Gantry's own.

The engine belongs to the whole installation: its images are for superusers and auditors to see.
"""

from __future__ import annotations

import asyncio
from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.environment_pins import PinView
from gantry.api.views import AwxView
from gantry.base.config import settings
from gantry.images.cache import CachedImage, known
from gantry.images.platforms import platforms_now
from gantry.pods.docker_images import DockerImages
from gantry.pods.image_store import HeldImage
from gantry.resources import access


async def held_now() -> list[HeldImage]:
    store = DockerImages(settings().engine)
    try:
        return await store.held()
    finally:
        await store.close()


class Images(AwxView):
    """In AWX's page shape, all on one page: an engine holds dozens. The longest unused first."""

    name = "Images"

    def get(self, request: Request, **kwargs: Any) -> Response:
        who = access.standing(request.user)
        if not (who.superuser or who.auditor):
            raise PermissionDenied
        images = known(asyncio.run(held_now()))
        results = [_shown(each) for each in images]
        return Response({"count": len(results), "next": None, "previous": None, "results": results})


def _shown(cached: CachedImage) -> dict[str, Any]:
    image = cached.image
    return {
        "id": image.id,
        "type": "image",
        "names": image.names,
        "digests": image.digests,
        "size": image.size,
        "created": image.created,
        "containers": image.containers,
        "ours": cached.ours,
        "last_used": cached.last_used,
        "may_go": cached.may_go,
        "kept": cached.kept,
    }


class Platforms(PinView):
    """Which platforms the EE's image has, by its registry, and which the engine takes."""

    http_method_names = ["get", "head", "options"]

    def get(self, request: Request, **kwargs: Any) -> Response:
        found = platforms_now(self.get_object())
        return Response(
            {
                "engine": found.engine,
                "chosen": found.chosen,
                "platforms": [{"name": p.name, "digest": p.digest} for p in found.found],
            }
        )
