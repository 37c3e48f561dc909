"""How each host fared: below a job, below a host, and one by its id."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from gantry.api.job_events import job_summary
from gantry.api.names import url_of
from gantry.api.shape import AwxSerializer, summary
from gantry.api.views import ReadView, SubListView
from gantry.resources.models import Host, Job, JobHostSummary


class JobHostSummarySerializer(AwxSerializer):
    constructed_host = serializers.SerializerMethodField()

    selected = ("job__job_template", "host")

    class Meta:
        model = JobHostSummary
        fields = (
            "id", "type", "url", "related", "summary_fields", "created", "modified", "job", "host",
            "constructed_host", "host_name", "changed", "dark", "failures", "ok", "processed",
            "skipped", "failed", "ignored", "rescued",
        )  # fmt: skip
        read_only_fields = fields

    def get_constructed_host(self, row: Any) -> None:
        return None

    def get_related(self, row: Any) -> dict[str, Any]:
        links = {"job": url_of(row.job)}
        if row.host is not None:
            links["host"] = url_of(row.host)
        return links

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if row.host is not None:
            found["host"] = summary(row.host, ("id", "name", "description"))
        found["job"] = job_summary(row.job)
        return found


class JobJobHostSummariesList(SubListView):
    model = JobHostSummary
    serializer_class = JobHostSummarySerializer
    parent_model = Job
    relationship = "job_host_summaries"
    ordering = ("-created",)

    def children(self, parent: Any) -> QuerySet[Any]:
        return JobHostSummary.objects.filter(job=parent)


class HostJobHostSummariesList(SubListView):
    model = JobHostSummary
    serializer_class = JobHostSummarySerializer
    parent_model = Host
    relationship = "job_host_summaries"
    ordering = ("-created",)

    def children(self, parent: Any) -> QuerySet[Any]:
        return JobHostSummary.objects.filter(host=parent)


class JobHostSummaryDetail(ReadView):
    model = JobHostSummary
    serializer_class = JobHostSummarySerializer
