"""/job_templates/N/preflight/: what the playbook needs and its EE lacks. Gantry's own."""

from __future__ import annotations

from typing import Any, cast

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.views import NounView
from gantry.path.preflight import preflight_of
from gantry.resources.models import JobTemplate, User


class PreflightSerializer(serializers.Serializer[Any]):
    """Nothing is given; the answer is path.preflight's."""


class JobTemplatePreflight(NounView):
    model = JobTemplate
    serializer_class = PreflightSerializer

    def get_queryset(self) -> QuerySet[Any]:
        return JobTemplate.objects.select_related("project__organization", "project__snapshot")

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(preflight_of(self.get_object(), cast("User", request.user)))
