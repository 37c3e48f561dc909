"""/execution_environments/N/export/: the EE's archive, as `gantry ee export` writes it.

For who may change the EE, from a web process that reaches the engine, as under `gantry up`. The
archive is made whole first, in the data directory, so that an answer that began can be trusted.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from gantry.api.stdout import AnyFormat
from gantry.api.views import NounView
from gantry.base.bridge import in_thread
from gantry.base.config import settings
from gantry.images.archive import Archive
from gantry.images.carry import export
from gantry.pods.docker_api import DockerEngine
from gantry.pods.docker_images import DockerImages
from gantry.resources import access
from gantry.resources.models import ExecutionEnvironment

PIECE = 1 << 20


class ExportSerializer(serializers.Serializer[Any]):
    """Nothing is given."""


class EnvironmentExport(NounView):
    model = ExecutionEnvironment
    serializer_class = ExportSerializer
    content_negotiation_class = AnyFormat
    formats = ("application/x-tar",)  # for the schema

    def get_queryset(self) -> QuerySet[Any]:
        return ExecutionEnvironment.objects.all()

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        if not access.may(request.user, "change", obj):
            raise PermissionDenied

    def get(self, request: Request, **kwargs: Any) -> Any:
        row = self.get_object()
        with tempfile.TemporaryDirectory(
            dir=settings().make_data_dir(), prefix="export-"
        ) as folder:
            archive = asyncio.run(_export(row, Path(folder, "ee.tar")))
            file = archive.path.open("rb")  # its name goes now, its bytes with the answer
        response = StreamingHttpResponse(_pieces(request, file), content_type="application/x-tar")
        response["Content-Length"] = str(archive.size)
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", row.name).strip("-.") or "environment"
        response["Content-Disposition"] = f'attachment; filename="{name}.tar"'
        return response


async def _export(row: ExecutionEnvironment, target: Path) -> Archive:
    url = settings().engine
    engine, store = DockerEngine(url), DockerImages(url)
    try:
        return await export(row, target, engine, store)
    finally:
        await store.close()
        await engine.close()


def _pieces(request: Request, file: BinaryIO) -> Iterator[bytes] | AsyncIterator[bytes]:
    """As the server takes it: under ASGI Django would gather a plain iterator in memory."""
    return _slowly(file) if isinstance(request._request, ASGIRequest) else _plainly(file)


def _plainly(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(PIECE):
            yield piece


async def _slowly(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while piece := await in_thread(file.read)(PIECE):
            yield piece
