"""/api/v2/system_job_templates/ and /system_jobs/: what tidies the installation; superusers'."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.delete_job import DeleteJob
from gantry.api.job_events import FIELDS as EVENT_FIELDS
from gantry.api.job_events import EventList, ProjectUpdateEventSerializer
from gantry.api.names import NOTIFIED, url_of
from gantry.api.shape import BASE, AwxSerializer
from gantry.api.unified import COMMON, DETAIL, UnifiedJobCancel, UnifiedJobSerializer
from gantry.api.views import ListView, NounView, ReadView, SubListView, body_of, person_of
from gantry.path.system_job import launch_system_job
from gantry.record.output import beginnings
from gantry.resources import access
from gantry.resources.base import TEMPLATE_STATUSES
from gantry.resources.models import SystemJob, SystemJobTemplate
from gantry.resources.system_jobs import SYSTEM_JOB_TYPES

# Of an inventory source, which AWX's list of a template's states has too.
STATUSES = [*TEMPLATE_STATUSES, ("none", "No External Source"), ("updating", "Updating")]
FIELDS = (*COMMON, "system_job_template", "job_type", "extra_vars", "result_stdout")
MOST_LINES = 10_000  # of the output, shown within the job


class SuperusersOnly:
    request: Any

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)  # type: ignore[misc]
        who = access.standing(request.user)
        if not who.superuser and not who.auditor:
            raise PermissionDenied("Superuser privileges needed.")


class SystemJobTemplateSerializer(AwxSerializer):
    status = serializers.ChoiceField(choices=STATUSES, read_only=True)

    sublists = {name: name for name in ("jobs", "schedules", "launch", *NOTIFIED)}
    linked = ("current_job", "last_job", "next_schedule")
    hints = {"job_type": {"choices": [("", "---------"), *SYSTEM_JOB_TYPES]}}

    class Meta:
        model = SystemJobTemplate
        fields = (
            *BASE, "last_job_run", "last_job_failed", "next_job_run", "status",
            "execution_environment", "job_type",
        )  # fmt: skip
        read_only_fields = fields


class SystemJobListSerializer(UnifiedJobSerializer):
    result_stdout = serializers.SerializerMethodField()

    sublists = {name: name for name in ("cancel", "events", "notifications")}
    linked = ("unified_job_template", "system_job_template")
    summarized = ("unified_job_template",)
    hints = {**UnifiedJobSerializer.hints, "result_stdout": {"type": "field"}}

    class Meta:
        model = SystemJob
        fields: Any = FIELDS
        read_only_fields = FIELDS

    def get_result_stdout(self, row: Any) -> str:
        def read(page: list[Any]) -> dict[int, str]:
            return beginnings({job.pk: job.created for job in page}, MOST_LINES)

        found: dict[int, str] = self.once("stdout", read)
        return found[row.pk]


class SystemJobSerializer(SystemJobListSerializer):
    class Meta(SystemJobListSerializer.Meta):
        fields: Any = (*FIELDS, *DETAIL)
        read_only_fields = fields


class SystemJobTemplateList(SuperusersOnly, ListView):
    model = SystemJobTemplate
    serializer_class = SystemJobTemplateSerializer


class SystemJobTemplateDetail(ReadView):
    model = SystemJobTemplate
    serializer_class = SystemJobTemplateSerializer


class NothingSerializer(serializers.Serializer[Any]):
    """AWX names no fields here; `extra_vars` is read by gantry.path.system_job."""


class SystemJobTemplateLaunch(NounView):
    model = SystemJobTemplate
    serializer_class = NothingSerializer
    post_verb = "start"

    def get_queryset(self) -> QuerySet[Any]:
        return SystemJobTemplate.objects.all()

    def get(self, request: Request, **kwargs: Any) -> Response:
        self.get_object()
        return Response({})

    def post(self, request: Request, **kwargs: Any) -> Response:
        template = self.get_object()
        variables = body_of(request).get("extra_vars", {})
        job = launch_system_job(template, user=person_of(request), variables=variables)
        row = SystemJobSerializer.tune(SystemJob.objects.all()).get(pk=job.pk)
        shown = SystemJobSerializer(row, context=self.get_serializer_context()).data
        body = {"system_job": row.pk, **shown}
        return Response(body, 201, headers={"Location": url_of(row)})


class SystemJobTemplateJobsList(SubListView):
    model = SystemJob
    serializer_class = SystemJobListSerializer
    parent_model = SystemJobTemplate
    relationship = "jobs"


class SystemJobList(SuperusersOnly, ListView):
    model = SystemJob
    serializer_class = SystemJobListSerializer


class SystemJobDetail(DeleteJob, ReadView):
    model = SystemJob
    serializer_class = SystemJobSerializer


class SystemJobCancel(UnifiedJobCancel):
    model = SystemJob
    serializer_class = SystemJobSerializer


class SystemJobEventSerializer(ProjectUpdateEventSerializer):
    system_job = serializers.IntegerField(source="job_id", read_only=True)

    class Meta(ProjectUpdateEventSerializer.Meta):
        fields: Any = tuple(
            "system_job" if f == "job" else f
            for f in EVENT_FIELDS
            if f
            not in ("host", "host_name", "parent_uuid", "event_level", "playbook", "play", "task",
                    "role")
        )  # fmt: skip
        read_only_fields = fields

    def get_type(self, row: Any) -> str:
        return "system_job_event"

    def get_related(self, row: Any) -> dict[str, Any]:
        return {"system_job": url_of(self._job(row))}

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        return {}


class SystemJobEventsList(EventList):
    serializer_class = SystemJobEventSerializer

    def job_rows(self) -> QuerySet[Any]:
        return SystemJob.objects.all()
