"""/job_templates/N/survey_spec/: GET, POST and DELETE of the questions that a launch asks."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.views import NounView, body_of
from gantry.resources import access
from gantry.resources.models import JobTemplate, WorkflowJobTemplate
from gantry.resources.surveys import set_survey, shown_survey


class SurveySerializer(serializers.Serializer[Any]):
    """AWX names no fields here; `gantry.resources.surveys` reads and refuses them."""


class JobTemplateSurvey(NounView):
    model: ClassVar[Any] = JobTemplate
    serializer_class = SurveySerializer

    def get_queryset(self) -> Any:
        return self.model._default_manager.all()

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        verb = {"POST": "change", "DELETE": "delete"}.get(request.method or "GET", "read")
        if not access.may(request.user, verb, obj):
            raise PermissionDenied

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(shown_survey(self.get_object()))

    def post(self, request: Request, **kwargs: Any) -> Response:
        template = self.get_object()
        refused = set_survey(template, body_of(request))
        if refused:
            return Response({"error": refused}, 400)
        template.save(update_fields=["survey_spec"])
        return Response()

    def delete(self, request: Request, **kwargs: Any) -> Response:
        template = self.get_object()
        template.survey_spec = {}
        template.save(update_fields=["survey_spec"])
        return Response()


class WorkflowJobTemplateSurvey(JobTemplateSurvey):
    model = WorkflowJobTemplate
