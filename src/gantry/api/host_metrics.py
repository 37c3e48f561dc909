"""/api/v2/host_metrics/ and its monthly sums: for the system's administrators and auditors."""

from __future__ import annotations

from typing import Any

from gantry.api.shape import AwxSerializer
from gantry.api.system_jobs import SuperusersOnly
from gantry.api.views import DetailView, ListView
from gantry.resources.models import HostMetric, HostMetricSummaryMonthly


class HostMetricSerializer(AwxSerializer):
    class Meta:
        model = HostMetric
        fields = (
            "id", "hostname", "url", "first_automation", "last_automation", "last_deleted",
            "automated_counter", "deleted_counter", "deleted", "used_in_inventories",
        )  # fmt: skip
        read_only_fields = fields


class HostMetricSummaryMonthlySerializer(AwxSerializer):
    class Meta:
        model = HostMetricSummaryMonthly
        fields = (
            "id", "date", "license_consumed", "license_capacity", "hosts_added", "hosts_deleted",
            "indirectly_managed_hosts",
        )  # fmt: skip
        read_only_fields = fields


class HostMetricList(SuperusersOnly, ListView):
    name = "Host Metrics List"
    model = HostMetric
    serializer_class = HostMetricSerializer


class HostMetricDetail(SuperusersOnly, DetailView):
    """What is deleted stays in the table, and is back with the next job that reaches the host."""

    name = "Host Metric Detail"
    model = HostMetric
    serializer_class = HostMetricSerializer
    http_method_names = ["get", "delete", "head", "options"]

    def perform_destroy(self, instance: Any) -> None:
        instance.soft_delete()


class HostMetricSummaryMonthlyList(SuperusersOnly, ListView):
    name = "Host Metrics Summary Monthly"
    model = HostMetricSummaryMonthly
    serializer_class = HostMetricSummaryMonthlySerializer
