"""DELETE of a job, which can be read and deleted and not changed."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.views import person_of
from gantry.resources.removal import remove


class DeleteJob:
    """Mixed into the detail views of jobs."""

    def delete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        remove(self.get_object(), by=person_of(request))  # type: ignore[attr-defined]
        return Response(status=204)
