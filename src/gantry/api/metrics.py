"""/api/v2/metrics/: what Prometheus scrapes. AWX's names where they have a meaning, then our own.

AWX: awx/main/analytics/metrics.py. As there `?dbonly=1` leaves out what is ours (AWX: of its
subsystems) and `?subsystemonly=1` what is AWX's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import Count, Min, QuerySet
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.browsable import BrowsablePages
from gantry.api.headers import VERSION
from gantry.api.views import AwxView
from gantry.base.config import settings
from gantry.resources import log_aggregator
from gantry.resources import models as m
from gantry.resources.access import standing
from gantry.resources.base import STATUSES
from gantry.resources.capacity import InstanceLoad, read_loads

COUNTED: dict[str, type[Any]] = {
    "organizations": m.Organization, "users": m.User, "teams": m.Team,
    "inventories": m.Inventory, "projects": m.Project, "job_templates": m.JobTemplate,
    "workflow_job_templates": m.WorkflowJobTemplate, "schedules": m.Schedule,
}  # fmt: skip
INSTANCE = ("hostname", "instance_uuid", "node_type")


class PlainText(BaseRenderer):
    media_type, format, charset = "text/plain", "txt", "utf-8"

    def render(self, data: Any, *args: Any, **kwargs: Any) -> bytes:
        return data.encode() if isinstance(data, str) else JSONRenderer().render(data)


class AsJson(JSONRenderer):
    """Family by family, as AWX writes them."""

    def render(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(data, str):
            data = {
                family.name: {
                    "help_text": family.documentation, "type": family.type,
                    "samples": [{"labels": s.labels, "value": s.value} for s in family.samples],
                }
                for family in text_string_to_metric_families(data)
            }  # fmt: skip
        return super().render(data, *args, **kwargs)


class Metrics(AwxView):
    name = "Metrics"
    renderer_classes = [PlainText, AsJson, BrowsablePages]

    def get_renderers(self) -> list[Any]:
        """What OPTIONS tells is JSON for everybody: awxkit reads it of every noun of the root."""
        if self.request.method == "OPTIONS":
            return [JSONRenderer()]
        return list(super().get_renderers())

    def get_permissions(self) -> Any:
        return [AllowAny()] if settings().metrics_for_anonymous else super().get_permissions()

    def get(self, request: Request, **kwargs: Any) -> Response:
        who = standing(request.user)
        if not (settings().metrics_for_anonymous or who.superuser or who.auditor):
            raise PermissionDenied
        registry = CollectorRegistry()
        asked = request.query_params
        registry.register(
            _Families(awx=asked.get("subsystemonly") != "1", own=asked.get("dbonly") != "1")
        )
        return Response(generate_latest(registry).decode())


class _Families:
    def __init__(self, *, awx: bool, own: bool) -> None:
        self.awx, self.own = awx, own

    def describe(self) -> list[Metric]:
        return []  # else the registry would collect once only to learn the names

    def collect(self) -> Iterator[Metric]:
        loads = {i.hostname: i for i in read_loads(settings().lease).instances.values()}
        instances = list(m.Instance.objects.order_by("pk"))
        if self.awx:
            yield from _of_installation()
            yield from _of_jobs()
            yield from _of_instances(instances, loads)
        if self.own:
            yield from _of_record(instances)
            yield from _of_queue()
            yield from _of_forwarding()


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _of_installation() -> Iterator[Metric]:
    installation = m.Installation.objects.order_by("pk")[0]
    aggregator = log_aggregator.shown()
    told = {
        "install_uuid": str(installation.uuid), "tower_url_base": settings().public_url,
        "tower_version": VERSION, "license_type": "open", "license_expiry": "0",
        "insights_analytics": "False", "pendo_tracking": "off",
        "external_logger_enabled": str(aggregator["LOG_AGGREGATOR_ENABLED"]),
        "external_logger_type": str(aggregator["LOG_AGGREGATOR_TYPE"]),
    }  # fmt: skip
    yield InfoMetricFamily("awx_system", "AWX System Information", value=told)
    for name, model in COUNTED.items():
        words = f"Number of {name.replace('_', ' ')}"
        yield _gauge(f"awx_{name}_total", words, model.objects.count())
    hosts = GaugeMetricFamily("awx_hosts_total", "Number of hosts", labels=["type"])
    hosts.add_metric(["all"], m.Host.objects.count())
    active = m.Host.objects.filter(inventory__kind="").order_by().values("name").distinct()
    hosts.add_metric(["active"], active.count())
    yield hosts
    sessions = GaugeMetricFamily("awx_sessions_total", "Number of sessions", labels=["type"])
    live = Session.objects.filter(expire_date__gte=timezone.now()).count()
    for kind, number in (("all", live), ("user", live), ("anonymous", 0)):
        sessions.add_metric([kind], number)
    yield sessions
    with connection.cursor() as cursor:
        cursor.execute("SELECT numbackends FROM pg_stat_database WHERE datname=current_database()")
        (connections,) = cursor.fetchone() or (0,)
    yield _gauge("awx_database_connections_total", "Number of connections to database", connections)


def _launched() -> QuerySet[Any]:
    """Without the updates that a job brings with it, as AWX counts."""
    return m.UnifiedJob.objects.exclude(launch_type="sync").order_by()


def _of_jobs() -> Iterator[Metric]:
    rows = _launched().values_list("execution_node", "status", "launch_type")
    statuses: Counter[str] = Counter()
    by_status: Counter[tuple[str, str]] = Counter()
    by_launch: Counter[tuple[str, str]] = Counter()
    for node, status, launch, number in rows.annotate(number=Count("pk")):
        statuses[status] += number
        by_status[node, status] += number
        by_launch[node, launch] += number
    of_status = GaugeMetricFamily("awx_status_total", "Status of Job launched", labels=["status"])
    for status, _ in STATUSES:
        if status != "new":
            of_status.add_metric([status], statuses[status])
    yield of_status
    for status in ("running", "pending"):
        words = f"Number of {status} jobs on the system"
        yield _gauge(f"awx_{status}_jobs_total", words, statuses[status])
    for name, words, found in (
        ("status", "Status of Job launched", by_status),
        ("launch_type", "Type of Job launched", by_launch),
    ):
        family = GaugeMetricFamily(f"awx_instance_{name}_total", words, labels=["node", name])
        for (node, value), number in sorted(found.items()):
            if node:
                family.add_metric([node, value], number)
        yield family


def _of_instances(instances: list[Any], loads: dict[str, InstanceLoad]) -> Iterator[Metric]:
    capacity, consumed, remaining, cpu, memory = (
        GaugeMetricFamily(f"awx_instance_{name}", words, labels=list(labels))
        for name, words, labels in (
            ("capacity", "Capacity of each node in the system", INSTANCE),
            ("consumed_capacity", "Consumed capacity of each node in the system", INSTANCE),
            ("remaining_capacity", "Remaining capacity of each node in the system", INSTANCE),
            ("cpu", "CPU cores on each node in the system", INSTANCE[:2]),
            ("memory", "RAM (Kb) on each node in the system", INSTANCE[:2]),
        )
    )
    info = InfoMetricFamily(
        "awx_instance", "Info about each node in the system", labels=list(INSTANCE)
    )
    for row in instances:
        labels = [row.hostname, str(row.uuid), row.node_type]
        taken = loads[row.hostname].consumed if row.hostname in loads else 0
        capacity.add_metric(labels, row.capacity)
        consumed.add_metric(labels, taken)
        remaining.add_metric(labels, row.capacity - taken)
        cpu.add_metric(labels[:2], float(row.cpu))
        memory.add_metric(labels[:2], row.memory)
        told = {
            "enabled": str(row.enabled), "managed_by_policy": str(row.managed_by_policy),
            "version": row.version,
        }  # fmt: skip
        info.add_metric(labels, told)
    yield from (capacity, cpu, memory, info, consumed, remaining)


def _of_record(instances: list[Any]) -> Iterator[Metric]:
    events = CounterMetricFamily(
        "gantry_events_recorded", "Events that the controller of an instance has recorded",
        labels=["node"],
    )  # fmt: skip
    lag = GaugeMetricFamily(
        "gantry_event_lag_seconds",
        "Longest that events of a pod waited to be recorded, since the last heartbeat but one",
        labels=["node"],
    )
    beat = GaugeMetricFamily(
        "gantry_instance_heartbeat_age_seconds", "Since its controller was last heard of",
        labels=["node"],
    )  # fmt: skip
    now = timezone.now()
    for row in instances:
        events.add_metric([row.hostname], row.events_recorded)
        lag.add_metric([row.hostname], row.event_lag)
        if row.last_seen is not None:
            beat.add_metric([row.hostname], (now - row.last_seen).total_seconds())
    yield from (events, lag, beat)


def _of_queue() -> Iterator[Metric]:
    pods = m.UnifiedJob.objects.filter(status__in=("waiting", "running")).exclude(pod_id="")
    yield _gauge("gantry_pods", "Pods of jobs that are under way", pods.count())
    waiting = m.UnifiedJob.objects.filter(status="pending").order_by()
    queue = GaugeMetricFamily("gantry_queue_jobs", "Jobs that wait to start", labels=["type"])
    for kind, number in waiting.values_list("kind").annotate(number=Count("pk")).order_by("kind"):
        queue.add_metric([kind], number)
    yield queue
    oldest = waiting.aggregate(first=Min("created"))["first"]
    age = (timezone.now() - oldest).total_seconds() if oldest is not None else 0
    yield _gauge("gantry_queue_oldest_seconds", "Age of the job that has waited longest", age)


def _of_forwarding() -> Iterator[Metric]:
    labels = ["logger"]
    sent = CounterMetricFamily("gantry_log_sent", "Messages the log server took", labels=labels)
    dropped = CounterMetricFamily(
        "gantry_log_dropped", "Messages that were left out, or that it refused", labels=labels
    )
    waiting = GaugeMetricFamily(
        "gantry_log_waiting", "Messages that wait for the log server", labels=labels
    )
    for row in m.LogStream.objects.order_by("name"):
        sent.add_metric([row.name], row.sent)
        dropped.add_metric([row.name], row.dropped)
        waiting.add_metric([row.name], row.waiting)
    yield from (sent, dropped, waiting)
