"""/job_templates/N/callback/: a host asks, with the template's key, to be provisioned."""

from __future__ import annotations

import hmac
from typing import Any

from rest_framework.exceptions import PermissionDenied
from rest_framework.parsers import FormParser
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.credential_tests import EmptySerializer
from gantry.api.names import url_of
from gantry.api.views import NounView, ObjectParser, body_of
from gantry.base.errors import InvalidInput
from gantry.path.callback import launch_for_host, matching_hosts
from gantry.resources import access
from gantry.resources.models import JobTemplate

# AWX's REMOTE_HOST_HEADERS. What a proxy in front adds is the web server's to understand.
WHERE_FROM = ("REMOTE_ADDR", "REMOTE_HOST")


class JobTemplateCallback(NounView):
    """POST needs no login but the key: 201 and where the job is. GET tells people which hosts the
    address that they ask from would be."""

    model = JobTemplate
    serializer_class = EmptySerializer
    parser_classes = [ObjectParser, FormParser]

    def get_queryset(self) -> Any:
        return JobTemplate.objects.select_related("inventory", "project")

    def check_permissions(self, request: Request) -> None:
        if request.method != "POST":
            super().check_permissions(request)

    def get_permissions(self) -> Any:
        return [] if self.request.method == "POST" else [IsAuthenticated()]

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        if request.method == "POST":
            given = body_of(request).get("host_config_key")
            right = obj.host_config_key
            if not (given and right and isinstance(given, str)):
                raise PermissionDenied
            if not hmac.compare_digest(given.encode(), right.encode()):
                raise PermissionDenied
        elif not access.may(request.user, "read", obj):
            raise PermissionDenied

    def get(self, request: Request, **kwargs: Any) -> Response:
        template = self.get_object()
        found = matching_hosts(template, self._where_from())
        return Response(
            {
                "host_config_key": template.host_config_key,
                "matching_hosts": [host.name for host in found],
            }
        )

    def post(self, request: Request, **kwargs: Any) -> Response:
        template = self.get_object()
        of_json = (request.content_type or "").startswith("application/json")
        extra_vars = body_of(request).get("extra_vars") if of_json else None
        try:
            job = launch_for_host(template, self._where_from(), extra_vars)
        except InvalidInput as error:
            if error.field == "msg":
                return Response({"msg": error.sentence}, 400)
            raise
        return Response(status=201, headers={"Location": url_of(job)})

    def _where_from(self) -> list[str]:
        meta = self.request.META
        return [part for name in WHERE_FROM for part in str(meta.get(name) or "").split(",")]
