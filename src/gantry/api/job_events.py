"""Events: below jobs and project updates, and one by its id. AWX: JobEventSerializer.

An event's id says which job it is of, so that each read touches one partition and one range.
"""

from __future__ import annotations

import json
import re
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.event_pages import counter_range
from gantry.api.names import url_of
from gantry.api.pages import EventPagination
from gantry.api.shape import AwxSerializer, summary
from gantry.api.views import AwxView, ListView, NounView
from gantry.record.event_names import EVENTS, display_of
from gantry.resources import access
from gantry.resources.events import COUNTER_BITS
from gantry.resources.models import Host, Job, JobEvent, ProjectUpdate

SHORTENED = 1024  # AWX's EVENT_STDOUT_MAX_BYTES_DISPLAY
_COLOUR = re.compile(r"\x1b\[[^m]*m")
JOB_SUMMARY = ("id", "name", "description", "status", "failed", "elapsed", "type", "canceled_on")
FIELDS = (
    "id", "type", "url", "related", "summary_fields", "created", "modified", "job", "event",
    "counter", "event_display", "event_data", "event_level", "failed", "changed", "uuid",
    "parent_uuid", "host", "host_name", "playbook", "play", "task", "role", "stdout", "start_line",
    "end_line", "verbosity",
)  # fmt: skip


def shorten(stdout: str) -> str:
    """Cut, with colours that were left on turned off again."""
    if len(stdout) <= SHORTENED:
        return stdout
    cut = stdout[: SHORTENED - 1] + "\u2026"
    marks = [m.group() for m in _COLOUR.finditer(cut)]
    resets = marks.count("\x1b[0m")
    return cut + "\x1b[0m" * (len(marks) - 2 * resets)


class JobEventSerializer(AwxSerializer):
    modified = serializers.DateTimeField(source="created", read_only=True)
    job = serializers.IntegerField(source="job_id", read_only=True)
    host = serializers.IntegerField(source="host_id", read_only=True)
    event = serializers.ChoiceField(choices=EVENTS, read_only=True)
    event_display = serializers.SerializerMethodField()
    event_data = serializers.SerializerMethodField()

    class Meta:
        model = JobEvent
        fields: Any = FIELDS
        read_only_fields = FIELDS

    def _job(self, row: Any) -> Any:
        return self.context["job"]

    def get_event_display(self, row: Any) -> str:
        return display_of(row.event, row.play, row.task, row.role)

    def get_event_data(self, row: Any) -> Any:
        try:
            return json.loads(row.event_data)
        except ValueError:
            return {}

    def _hosts(self, row: Any) -> Any:
        found = self.once(
            "hosts", lambda page: Host.objects.in_bulk({e.host_id for e in page if e.host_id})
        )
        return found.get(row.host_id)

    def get_related(self, row: Any) -> dict[str, Any]:
        links = {"job": url_of(self._job(row)), "children": f"{url_of(row)}children/"}
        if row.host_id:
            links["host"] = url_of(Host(pk=row.host_id))
        return links

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        job = self._job(row)
        found: dict[str, Any] = {}
        host = self._hosts(row)
        if host is not None:
            found["host"] = summary(host, ("id", "name", "description"))
        found["job"] = job_summary(job)
        found["role"] = {}  # AWX takes the event's text for a row of that name
        return found

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = super().to_representation(instance)
        if not self.context.get("no_truncate") and not instance.event.startswith("playbook_on"):
            shown["stdout"] = shorten(shown["stdout"])
        return shown


def job_summary(job: Any) -> dict[str, Any]:
    found = summary(job, JOB_SUMMARY)
    template = getattr(job, "job_template", None)
    if template is not None:
        found |= {"job_template_id": template.pk, "job_template_name": template.name}
    return found


class ProjectUpdateEventSerializer(JobEventSerializer):
    project_update = serializers.IntegerField(source="job_id", read_only=True)

    class Meta(JobEventSerializer.Meta):
        fields: Any = tuple(
            "project_update" if f == "job" else f
            for f in FIELDS
            if f not in ("host", "parent_uuid")
        )
        read_only_fields = fields

    def get_type(self, row: Any) -> str:
        return "project_update_event"

    def get_url(self, row: Any) -> str:
        return ""  # as in AWX, there is no page for one

    def get_related(self, row: Any) -> dict[str, Any]:
        return {"project_update": url_of(self._job(row))}

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        return {"project_update": summary(self._job(row), JOB_SUMMARY), "role": {}}


class EventList(ListView):
    """Events of one job, in the order of their lines."""

    model = JobEvent
    serializer_class: Any = JobEventSerializer
    pagination_class = EventPagination
    ordering = ("start_line",)

    def job(self) -> Any:
        if not hasattr(self, "_job"):
            job = get_object_or_404(self.job_rows(), pk=self.kwargs["pk"])
            if not access.may(self.request.user, "read", job):
                raise PermissionDenied
            self._job = job
        return self._job

    def job_rows(self) -> QuerySet[Any]:
        return Job.objects.select_related("job_template")

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        self.job()

    def get_queryset(self) -> QuerySet[Any]:
        return events_of(self.job())

    def paginate_queryset(self, queryset: Any) -> Any:
        rows: Any = counter_range(self.job(), queryset, self.request.query_params)
        return super().paginate_queryset(queryset if rows is None else rows)

    def get_serializer_context(self) -> dict[str, Any]:
        context = super().get_serializer_context()
        return {
            **context,
            "job": self.job(),
            "no_truncate": bool(self.request.query_params.get("no_truncate")),
        }


def events_of(job: Any) -> QuerySet[Any]:
    return JobEvent.objects.filter(job_id=job.pk, job_created=job.created)


class JobJobEventsList(EventList):
    pass


class ProjectUpdateEventsList(EventList):
    serializer_class = ProjectUpdateEventSerializer

    def job_rows(self) -> QuerySet[Any]:
        return ProjectUpdate.objects.all()


class OfEvent(NounView):
    """Finds a job by an event's id."""

    model = JobEvent
    serializer_class: Any = JobEventSerializer

    def job(self) -> Any:
        if not hasattr(self, "_job"):
            found = self.job_rows().filter(pk=self.kwargs["pk"] >> COUNTER_BITS).first()
            if found is None:
                raise Http404("No JobEvent matches the given query.")
            if not access.may(self.request.user, "read", found):
                raise PermissionDenied
            self._job = found
        return self._job

    def job_rows(self) -> QuerySet[Any]:
        return Job.objects.select_related("job_template")

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "job": self.job(), "no_truncate": True}


class JobEventDetail(OfEvent):
    def get(self, request: Request, **kwargs: Any) -> Response:
        row = get_object_or_404(events_of(self.job()), pk=self.kwargs["pk"])
        return Response(self.get_serializer(row).data)


class JobEventChildrenList(OfEvent, ListView):
    pagination_class = EventPagination
    ordering = ("start_line",)

    def get_queryset(self) -> QuerySet[Any]:
        parent = get_object_or_404(events_of(self.job()), pk=self.kwargs["pk"])
        # Children come after their parent.
        return events_of(self.job()).filter(id__gt=parent.pk, parent_uuid=parent.uuid)


class JobEventsChildrenSummary(AwxView):
    name = "Job Job Events Children Summary"

    def get(self, request: Request, **kwargs: Any) -> Response:
        from gantry.api.event_tree import children_summary

        job = get_object_or_404(Job, pk=kwargs["pk"])
        if not access.may(request.user, "read", job):
            raise PermissionDenied
        if job.active:
            return Response(children_summary([]) | {"event_processing_finished": False})
        rows = events_of(job).order_by("id").values_list("counter", "uuid", "parent_uuid", "event")
        return Response(children_summary(list(rows)))
