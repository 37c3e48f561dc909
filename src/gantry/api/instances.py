"""/api/v2/instances/: the controllers' seats. As AWX without a mesh: no peers, no addresses.

People change `enabled`, `capacity_adjustment` and `managed_by_policy`; the rest is the heartbeat's.
"""

from __future__ import annotations

from typing import Any, NoReturn

from django.db.models import Count, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.shape import AwxSerializer
from gantry.api.unified_jobs import UnifiedJobList
from gantry.api.views import AwxView, DetailView, ListCreateView, Parented, ReadView, SubListView
from gantry.base.config import settings
from gantry.path.queue import tell_controllers
from gantry.resources.access import standing
from gantry.resources.capacity import InstanceLoad, Loads, read_loads
from gantry.resources.models import Instance, UnifiedJob
from gantry.resources.seats import SETTABLE, change_instance

SEARCHED = ("hostname",)


def loads_of(serializer: AwxSerializer) -> Loads:
    """Read once a page."""
    found: Loads = serializer.once("loads", lambda page: read_loads(settings().lease))
    return found


def per_cent(capacity: int, consumed: int) -> float:
    """What is left, as AWX rounds it."""
    if not capacity or consumed >= capacity:
        return 0.0
    return round((capacity - consumed) / capacity * 100, 2)


class InstanceSerializer(AwxSerializer):
    health_check_pending = serializers.SerializerMethodField()
    consumed_capacity = serializers.SerializerMethodField()
    percent_capacity_remaining = serializers.SerializerMethodField()
    jobs_running = serializers.SerializerMethodField()
    jobs_total = serializers.SerializerMethodField()
    peers = serializers.ListField(child=serializers.IntegerField(), required=False)
    reverse_peers = serializers.SerializerMethodField()
    listener_port = serializers.IntegerField(required=False, allow_null=True)
    peers_from_control_nodes = serializers.BooleanField(required=False)
    protocol = serializers.SerializerMethodField()

    sublists = {name: name for name in ("receptor_addresses", "jobs", "peers", "instance_groups")}
    capabilities = {"edit": "change"}
    hints = {"jobs_running": {"type": "integer"}, "jobs_total": {"type": "integer"}}

    class Meta:
        model = Instance
        fields = (
            "id", "hostname", "type", "url", "related", "summary_fields", "uuid", "created",
            "modified", "last_seen", "health_check_started", "health_check_pending",
            "last_health_check", "errors", "capacity_adjustment", "version", "capacity",
            "consumed_capacity", "percent_capacity_remaining", "jobs_running", "jobs_total",
            "cpu", "memory", "cpu_capacity", "mem_capacity", "enabled", "managed_by_policy",
            "node_type", "node_state", "managed", "ip_address", "peers", "reverse_peers",
            "listener_port", "peers_from_control_nodes", "protocol",
        )  # fmt: skip
        read_only_fields = ("ip_address", "uuid", "version", "managed")
        extra_kwargs = {
            "node_type": {"default": "execution"}, "node_state": {"default": "installed"},
        }  # fmt: skip

    def to_representation(self, instance: Any) -> dict[str, Any]:
        instance.peers, instance.listener_port = [], None
        instance.peers_from_control_nodes = False
        return super().to_representation(instance)

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        return {**found, "links": []} if self.detail else found

    def get_health_check_pending(self, row: Any) -> bool:
        started, last = row.health_check_started, row.last_health_check
        return started is not None and (last is None or started > last)

    def get_consumed_capacity(self, row: Any) -> int:
        return self._load(row).consumed

    def get_percent_capacity_remaining(self, row: Any) -> float:
        return per_cent(row.capacity, self._load(row).consumed)

    def get_jobs_running(self, row: Any) -> int:
        return self._load(row).jobs

    def get_jobs_total(self, row: Any) -> int:
        counts: dict[str, int] = self.once("totals", _jobs_on)
        return counts.get(row.hostname, 0)

    def get_reverse_peers(self, row: Any) -> list[int]:
        return []

    def get_protocol(self, row: Any) -> str:
        return ""

    def _load(self, row: Any) -> InstanceLoad:
        found = loads_of(self).instances.get(row.pk)
        return found or InstanceLoad(row.pk, row.hostname, row.holder, False, row.capacity, 0)

    # What AWX refuses to change, in its words.

    def validate_hostname(self, value: str) -> str:
        return self._unchanged("hostname", value, "Cannot change hostname.")

    def validate_node_type(self, value: str) -> str:
        if self.instance is None and value not in ("hop", "execution"):
            _refuse("Can only create execution or hop nodes.")
        return self._unchanged("node_type", value, "Cannot change node type.")

    def validate_node_state(self, value: str) -> str:
        if self.instance is None and value and value != "installed":
            _refuse("Can only create instances in the 'installed' state.")
        sentence = "Can only change the state on Kubernetes or OpenShift."
        return self._unchanged("node_state", value, sentence)

    def validate_peers(self, value: list[int]) -> list[int]:
        for pk in value:
            _refuse(f'Invalid pk "{pk}" - object does not exist.')
        return value

    def validate_listener_port(self, value: int | None) -> int | None:
        if self.instance is not None and value is not None:
            _refuse("Cannot change listener port for managed nodes.")
        return value

    def validate_peers_from_control_nodes(self, value: bool) -> bool:
        if self.instance is not None and value:
            _refuse("Cannot change peers_from_control_nodes for managed nodes.")
        return value

    def _unchanged(self, name: str, value: str, sentence: str) -> str:
        if self.instance is not None and getattr(self.instance, name) != value:
            _refuse(sentence)
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is None:
            _refuse("Can only create instances on Kubernetes or OpenShift.")
        return super().validate(attrs)

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        given = {name: validated_data[name] for name in SETTABLE if name in validated_data}
        row = change_instance(instance.pk, **given)
        tell_controllers(f"instance:{row.pk}")
        return row


def _refuse(sentence: str) -> NoReturn:
    raise serializers.ValidationError(sentence)


def _jobs_on(page: list[Any]) -> dict[str, int]:
    rows = UnifiedJob.objects.filter(execution_node__in=[i.hostname for i in page]).order_by()
    return dict(rows.values_list("execution_node").annotate(Count("pk")))


class InstanceList(ListCreateView):
    name = "Instances"
    model = Instance
    serializer_class = InstanceSerializer
    ordering = ("id",)


class InstanceDetail(DetailView):
    name = "Instance Detail"
    model = Instance
    serializer_class = InstanceSerializer
    http_method_names = ["get", "put", "patch", "head", "options"]


class InstanceJobsList(SubListView, UnifiedJobList):
    name = "Instance Jobs"
    parent_model = Instance

    def children(self, parent: Any) -> QuerySet[Any]:
        return UnifiedJob.objects.filter(execution_node=parent.hostname)


class HealthCheckSerializer(AwxSerializer):
    class Meta:
        model = Instance
        fields = (
            "uuid", "hostname", "ip_address", "version", "last_health_check", "errors", "cpu",
            "memory", "cpu_capacity", "mem_capacity", "capacity",
        )  # fmt: skip
        read_only_fields = fields


class InstanceHealthCheck(ReadView):
    """What was found last. Ours check themselves once a minute; AWX has it of execution nodes
    alone, and so can only those be told to."""

    name = "Instance Health Check"
    model = Instance
    serializer_class = HealthCheckSerializer

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        who = standing(request.user)
        if not (who.superuser or (who.auditor and request.method in SAFE_METHODS)):
            raise PermissionDenied

    def post(self, request: Request, **kwargs: Any) -> Response:
        kind = self.get_object().node_type
        sentence = (
            f"Cannot run a health check on instances of type {kind}.  Health checks can only be "
            "run on execution nodes."
        )
        return Response({"error": sentence}, 400)


class ReceptorAddressesList(AwxView):
    """There is no mesh, so there are none."""

    name = "Receptor Addresses"

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response({"count": 0, "next": None, "previous": None, "results": []})


class NoAddresses(ReceptorAddressesList, Parented):
    """Those of an instance, and its peers."""

    parent_model = Instance
    model = Instance

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        self.parent()


class InstancePeersList(NoAddresses):
    name = "Peers"


class InstanceReceptorAddressesList(NoAddresses):
    name = "Receptor Addresses"
