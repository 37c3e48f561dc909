"""/api/v2/inventories/ with variable_data and script; its hosts and groups are in their modules."""

from __future__ import annotations

import json
import re
from typing import Any, ClassVar

from django.http import Http404
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api import host_filter
from gantry.api.fields import VariablesField
from gantry.api.filters import Reader
from gantry.api.inventory_counts import counts_of
from gantry.api.labels import label_summaries
from gantry.api.names import ROOT, url_of
from gantry.api.shape import BASE, AwxSerializer
from gantry.api.views import DetailView, ListCreateView, NounView, ReadView, body_of
from gantry.resources.inventory_script import build_script
from gantry.resources.inventory_sources import make_constructed_source
from gantry.resources.models import Host, Inventory
from gantry.resources.variables import parse_variables

COUNTS = (
    "has_active_failures", "total_hosts", "hosts_with_active_failures", "total_groups",
    "has_inventory_sources", "total_inventory_sources", "inventory_sources_with_failures",
    "pending_deletion",
)  # fmt: skip


_NOT_SMART = ("groups", "root_groups", "update_inventory_sources", "inventory_sources", "tree")
_OTHER_KIND = 'You cannot turn a regular inventory into a "smart" or "constructed" inventory.'


class InventorySerializer(AwxSerializer):
    variables = VariablesField(required=False, default="", allow_blank=True)
    has_active_failures = serializers.BooleanField(read_only=True)
    total_hosts = serializers.IntegerField(read_only=True, min_value=0)
    hosts_with_active_failures = serializers.IntegerField(read_only=True, min_value=0)
    total_groups = serializers.IntegerField(read_only=True, min_value=0)
    has_inventory_sources = serializers.BooleanField(read_only=True)
    total_inventory_sources = serializers.IntegerField(read_only=True, min_value=0)
    inventory_sources_with_failures = serializers.IntegerField(read_only=True, min_value=0)
    pending_deletion = serializers.BooleanField(read_only=True)

    sublists = {
        name: name
        for name in (
            "hosts", "groups", "root_groups", "variable_data", "script", "job_templates",
            "object_roles", "access_list", "instance_groups", "inventory_sources",
            "update_inventory_sources", "ad_hoc_commands", "labels", "tree",
        )
    }  # fmt: skip
    linked = ("organization",)
    summarized = ("organization",)
    prefetched: ClassVar[tuple[Any, ...]] = ("labels",)
    capabilities = {"edit": "change", "delete": "delete", "copy": "add", "adhoc": "adhoc"}

    class Meta:
        model = Inventory
        fields: Any = (
            *BASE, "organization", "kind", "host_filter", "variables", *COUNTS,
            "prevent_instance_group_fallback",
        )  # fmt: skip

    def to_representation(self, instance: Any) -> dict[str, Any]:
        counts = self.once("counts", lambda page: counts_of(r.pk for r in page))
        for name, value in {**counts[instance.pk], "pending_deletion": False}.items():
            setattr(instance, name, value)
        return super().to_representation(instance)

    def get_related(self, row: Any) -> dict[str, Any]:
        links = super().get_related(row)
        if row is None:
            return links
        base = url_of(Inventory(pk=row.pk))
        # A smart inventory finds hosts of others: it has no groups of its own, and no sources.
        if row.kind == "smart":
            links = {k: v for k, v in links.items() if k not in _NOT_SMART}
        if row.kind == "constructed":
            links["input_inventories"] = f"{base}input_inventories/"
            links["constructed_url"] = f"{ROOT}constructed_inventories/{row.pk}/"
        return links

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        return {**super().get_summary_fields(row), "labels": label_summaries(row)}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kind = attrs.get("kind", getattr(self.instance, "kind", ""))
        found = attrs.get("host_filter", getattr(self.instance, "host_filter", None))
        if kind == "smart" and not found:
            raise serializers.ValidationError(
                {"host_filter": ["Smart inventories must specify host_filter"]}
            )
        return super().validate(attrs)

    def validate_host_filter(self, value: str | None) -> str | None:
        """Whoever makes a smart inventory may ask for all that it finds: of the whole
        organization, whatever they may see of it by themselves. Secrets nobody may ask for."""
        if value:
            try:
                host_filter.read(value, Reader(Host, lambda model: None))
            except ParseError as error:
                raise serializers.ValidationError(str(error.detail)) from error
        return value

    def create(self, validated_data: dict[str, Any]) -> Any:
        row = super().create(validated_data)
        if row.kind == "constructed":
            make_constructed_source(row)
        return row


class InventoryList(ListCreateView):
    model = Inventory
    serializer_class: Any = InventorySerializer


class InventoryDetail(DetailView):
    model = Inventory
    serializer_class: Any = InventorySerializer

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        kind = body_of(request).get("kind")
        if kind and kind != self.get_object().kind:
            return Response({"error": _OTHER_KIND}, 405)
        return super().update(request, *args, **kwargs)


class VariableSerializer(serializers.Serializer[Any]):
    """The body is the variables themselves."""

    def to_representation(self, instance: Any) -> dict[str, Any]:
        return parse_variables(instance.variables)


class VariableData(NounView):
    """GET and PUT of `variables` as an object; the base for inventory, host and group."""

    serializer_class = VariableSerializer

    def get_queryset(self) -> Any:
        return self.model._default_manager.all()

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(parse_variables(self.get_object().variables))

    def put(self, request: Request, **kwargs: Any) -> Response:
        row = self.get_object()
        parse_variables(body_of(request))
        row.variables = json.dumps(body_of(request))
        row.save(update_fields=["variables", "modified"])
        return Response(body_of(request))

    def patch(self, request: Request, **kwargs: Any) -> Response:
        row = self.get_object()
        merged = {**parse_variables(row.variables), **body_of(request)}
        parse_variables(merged)
        row.variables = json.dumps(merged)
        row.save(update_fields=["variables", "modified"])
        return Response(merged)


class InventoryVariableData(VariableData):
    model = Inventory


class InventoryScriptView(ReadView):
    """The inventory as ansible's inventory scripts print it, for the awx.awx.controller plug-in."""

    name = "Inventory Script"
    model = Inventory
    serializer_class = InventorySerializer

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        inventory = self.get_object()
        asked = request.query_params
        every = bool(asked.get("all"))
        if asked.get("host"):
            hosts = Host.objects.filter(inventory=inventory, name=asked["host"])
            host = (hosts if every else hosts.filter(enabled=True)).first()
            if host is None:
                raise Http404("No Host matches the given query.")
            return Response(parse_variables(host.variables))
        piece = _slice_of(asked["subset"]) if asked.get("subset") else (1, 1)
        return Response(
            build_script(
                inventory,
                hostvars=bool(asked.get("hostvars")),
                towervars=bool(asked.get("towervars")),
                enabled_only=not every,
                piece=piece,
            )
        )


def _slice_of(subset: str) -> tuple[int, int]:
    """`slice2of5`, in AWX's words where it is not."""
    if not subset.startswith("slice"):
        raise ParseError("Subset does not use any supported syntax.")
    found = re.fullmatch(r"slice(\d{1,9})of(\d{1,9})", subset, re.ASCII)
    if found is None:
        raise ParseError("Could not parse subset as slice specification.")
    number, count = int(found[1]), int(found[2])
    if number > count:
        raise ParseError("Slice number must be less than total number of slices.")
    if number < 1:
        raise ParseError("Slice number must be 1 or higher.")
    return number, count
