"""/api/v2/hosts/, the lists of hosts below inventories and groups, and a host's own lists."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber
from rest_framework import serializers

from gantry.api import host_filter
from gantry.api.fields import VariablesField
from gantry.api.filters import reader_for
from gantry.api.inventories import VariableData
from gantry.api.inventory_counts import inventory_extras
from gantry.api.names import url_of
from gantry.api.shape import BASE, AwxSerializer
from gantry.api.views import DetailView, ListCreateView, SubListCreateView
from gantry.resources.host_filter import hosts_of
from gantry.resources.models import Group, Host, Inventory, InventorySource, JobHostSummary
from gantry.resources.variables import parse_variables

RECENT = 5


class HostSerializer(AwxSerializer):
    variables = VariablesField(required=False, default="", allow_blank=True)
    has_active_failures = serializers.SerializerMethodField()
    has_inventory_sources = serializers.SerializerMethodField()
    last_job_host_summary = serializers.SerializerMethodField()

    sublists = {
        name: name
        for name in (
            "variable_data", "groups", "all_groups", "job_events", "job_host_summaries",
            "inventory_sources", "smart_inventories", "ansible_facts", "ad_hoc_commands",
            "ad_hoc_command_events",
        )
    }  # fmt: skip
    linked = ("inventory", "last_job")
    summarized = ("inventory", "last_job")
    selected = ("last_job__job_template",)
    prefetched = ("groups",)
    hints = {
        "last_job_host_summary": {"type": "id"},
    }
    capabilities = {"edit": "change", "delete": "delete"}

    class Meta:
        model = Host
        fields = (
            *BASE, "inventory", "enabled", "instance_id", "variables", "has_active_failures",
            "has_inventory_sources", "last_job", "last_job_host_summary", "ansible_facts_modified",
        )  # fmt: skip
        read_only_fields = ("last_job", "ansible_facts_modified")

    def get_extra_kwargs(self) -> Any:
        kwargs = super().get_extra_kwargs()
        if self.instance is not None and not isinstance(self.instance, list):
            kwargs["inventory"] = {"read_only": True}  # a host stays where it was made
        return kwargs

    def _last(self, row: Any) -> JobHostSummary | None:
        """The host's result in the last job that touched it."""
        found: dict[int, JobHostSummary] = self.once("last", _last_summaries)
        return found.get(row.pk)

    def get_has_active_failures(self, row: Any) -> bool:
        last = self._last(row)
        return last is not None and last.failed

    def get_has_inventory_sources(self, row: Any) -> bool:
        found: set[int] = self.once("sourced", _brought_by_sources)
        return row.pk in found

    def get_last_job_host_summary(self, row: Any) -> int | None:
        last = self._last(row)
        return last.pk if last else None

    def get_related(self, row: Any) -> dict[str, Any]:
        links = super().get_related(row)
        last = self._last(row)
        if last is not None:
            links["last_job_host_summary"] = url_of(last)
        if row.inventory.kind == "constructed" and row.instance_id.isdigit():
            links["original_host"] = url_of(Host(pk=int(row.instance_id)))
            links["ansible_facts"] = f"{links['original_host']}ansible_facts/"
        return links

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        found["inventory"] |= inventory_extras(self, row)
        if row.last_job is not None and row.last_job.job_template is not None:
            found["last_job"]["job_template_id"] = row.last_job.job_template.pk
            found["last_job"]["job_template_name"] = row.last_job.job_template.name
        last = self._last(row)
        if last is not None:
            found["last_job_host_summary"] = {"id": last.pk, "failed": last.failed}
        groups = sorted(row.groups.all(), key=lambda g: g.pk)
        found["groups"] = {
            "count": len(groups),
            "results": [{"id": g.pk, "name": g.name} for g in groups[:RECENT]],
        }
        found["recent_jobs"] = self.once("recent", _recent_jobs).get(row.pk, [])
        return found

    def validate_inventory(self, value: Any) -> Any:
        if value is not None and value.kind:
            raise serializers.ValidationError(
                {"detail": "Cannot create Host for Smart or Constructed Inventories"}
            )
        return value

    def validate_name(self, value: str) -> str:
        _port_of(value)
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = with_port(attrs, self.instance)
        name = attrs.get("name", getattr(self.instance, "name", ""))
        inventory = attrs.get("inventory") or getattr(self.instance, "inventory", None)
        if Group.objects.filter(name=name, inventory=inventory).exists():
            raise serializers.ValidationError(["A Group with that name already exists."])
        return super().validate(attrs)


def with_port(attrs: dict[str, Any], row: Any) -> dict[str, Any]:
    """AWX takes the name `web1:2222` apart into a name and a variable. `row` is what is changed."""
    name, port = _port_of(attrs.get("name", getattr(row, "name", "")))
    if port is None:
        return attrs
    own = attrs.get("variables", getattr(row, "variables", ""))
    variables = json.dumps({**parse_variables(own), "ansible_ssh_port": port})
    return {**attrs, "name": name, "variables": variables}


def _port_of(name: str) -> tuple[str, int | None]:
    if name.count(":") != 1:  # none, or an IPv6 address
        return name, None
    host, port = name.split(":")
    if not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535):
        raise serializers.ValidationError(f"Invalid port specification: {port}")
    return host, int(port)


def _last_summaries(page: list[Any]) -> dict[int, JobHostSummary]:
    rows = JobHostSummary.objects.filter(
        host__in=[h.pk for h in page if h.last_job_id], job=F("host__last_job")
    )
    return {row.host_id: row for row in rows if row.host_id}


def _brought_by_sources(page: list[Any]) -> set[int]:
    through = InventorySource.hosts.through.objects
    return set(through.filter(host__in=[h.pk for h in page]).values_list("host", flat=True))


def _recent_jobs(page: list[Any]) -> dict[int, list[dict[str, Any]]]:
    newest = Window(RowNumber(), partition_by="host", order_by=F("id").desc())
    rows = (
        JobHostSummary.objects.filter(host__in=[h.pk for h in page])
        .annotate(place=newest)
        .filter(place__lte=RECENT)
        .select_related("job__job_template")
        .order_by("host", "place")
    )
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        template = row.job.job_template
        found.setdefault(row.host_id or 0, []).append(
            {
                "id": row.job_id,
                "name": template.name if template else "",
                "type": "job",
                "status": row.job.status,
                "finished": row.job.finished,
            }
        )
    return found


class HostFilter:
    """Mixed into lists of hosts: AWX's own little language for them."""

    request: Any

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found: QuerySet[Any] = super().filter_queryset(queryset)  # type: ignore[misc]
        text = self.request.query_params.get("host_filter")
        if text:
            found = host_filter.apply(found, text, reader_for(self.request, Host))
        return found


class HostList(HostFilter, ListCreateView):
    model = Host
    serializer_class = HostSerializer


class HostDetail(DetailView):
    model = Host
    serializer_class = HostSerializer


class HostVariableData(VariableData):
    model = Host


class InventoryHostsList(HostFilter, SubListCreateView):
    model = Host
    serializer_class = HostSerializer
    parent_model = Inventory
    parent_key = "inventory"

    def children(self, parent: Any) -> QuerySet[Any]:
        return hosts_of(parent)
