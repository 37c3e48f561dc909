"""Events of ad hoc commands: below a command and a host, and one by its id."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.job_events import FIELDS, EventList, JobEventSerializer, OfEvent, events_of
from gantry.api.names import ROOT, url_of
from gantry.api.pages import EventPagination
from gantry.api.shape import summary
from gantry.api.views import SubListView
from gantry.resources import access
from gantry.resources.models import AdHocCommand, Host, JobEvent

# These belong to no play, so nothing lies above them or below.
_NOT_HERE = ("event_level", "parent_uuid", "playbook", "play", "task", "role")
SUMMARY = ("id", "name", "description", "status", "limit")


class AdHocCommandEventSerializer(JobEventSerializer):
    ad_hoc_command = serializers.IntegerField(source="job_id", read_only=True)

    class Meta(JobEventSerializer.Meta):
        fields: Any = tuple(
            "ad_hoc_command" if name == "job" else name for name in FIELDS if name not in _NOT_HERE
        )
        read_only_fields = fields

    def _job(self, row: Any) -> Any:
        if "job" in self.context:
            return self.context["job"]
        commands = AdHocCommand.objects
        return self.once("jobs", lambda page: commands.in_bulk({e.job_id for e in page}))[
            row.job_id
        ]

    def get_type(self, row: Any) -> str:
        return "ad_hoc_command_event"

    def get_url(self, row: Any) -> str:
        return f"{ROOT}ad_hoc_command_events/{row.pk}/"

    def get_related(self, row: Any) -> dict[str, Any]:
        links = {"ad_hoc_command": url_of(self._job(row))}
        if row.host_id:
            links["host"] = url_of(Host(pk=row.host_id))
        return links

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = {"ad_hoc_command": summary(self._job(row), SUMMARY)}
        host = self._hosts(row)
        if host is not None:
            found["host"] = summary(host, ("id", "name", "description"))
        return found


class AdHocCommandEventsList(EventList):
    name = "Ad Hoc Command Events List"
    serializer_class = AdHocCommandEventSerializer

    def job_rows(self) -> QuerySet[Any]:
        return AdHocCommand.objects.all()


class HostAdHocCommandEventsList(SubListView):
    """Whatever commands said about a host, the newest command's first."""

    name = "Ad Hoc Command Events List"
    model = JobEvent
    serializer_class = AdHocCommandEventSerializer
    parent_model = Host
    pagination_class = EventPagination

    def get_queryset(self) -> QuerySet[Any]:
        host = self.parent()
        commands = access.visible(self.request.user, host.ad_hoc_commands.all())
        # Both keys, so that PostgreSQL looks into the partitions of these commands alone.
        known = list(commands.values_list("pk", "created"))
        return JobEvent.objects.filter(
            job_id__in=[pk for pk, _ in known], job_created__in=[when for _, when in known],
            host_id=host.pk,
        )  # fmt: skip


class AdHocCommandEventDetail(OfEvent):
    serializer_class = AdHocCommandEventSerializer

    def job_rows(self) -> QuerySet[Any]:
        return AdHocCommand.objects.all()

    def get(self, request: Request, **kwargs: Any) -> Response:
        row = get_object_or_404(events_of(self.job()), pk=self.kwargs["pk"])
        return Response(self.get_serializer(row).data)
