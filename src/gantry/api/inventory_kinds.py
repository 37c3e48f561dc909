"""Smart and constructed inventories: what they have beside an ordinary one, and host facts.

/api/v2/constructed_inventories/ shows the fields of the one source that such an inventory has as if
they were its own.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponseRedirect
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.fields import VariablesField
from gantry.api.inventories import InventoryDetail, InventoryList, InventorySerializer
from gantry.api.inventory_sources import CONSTRUCTED
from gantry.api.names import ROOT, url_of
from gantry.api.views import AttachView, ReadView, SubListView
from gantry.base.errors import InvalidInput
from gantry.resources.host_filter import hosts_of
from gantry.resources.inventory_sources import VERBOSITIES
from gantry.resources.models import Host, HostFacts, Inventory, InventorySource


class ConstructedInventorySerializer(InventorySerializer):
    source_vars = VariablesField(
        required=False, default=None, allow_blank=True, allow_null=True,
        help_text="The source_vars for the related auto-created inventory source, special to "
        "constructed inventory.",
    )  # fmt: skip
    update_cache_timeout = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=2**31 - 1, default=None,
        help_text="The cache timeout for the related auto-created inventory source, special to "
        "constructed inventory",
    )  # fmt: skip
    limit = serializers.CharField(
        required=False, default=None, allow_blank=True, allow_null=True,
        help_text="The limit to restrict the returned hosts for the related auto-created "
        "inventory source, special to constructed inventory.",
    )  # fmt: skip
    verbosity = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=VERBOSITIES[-1][0], default=None,
        help_text="The verbosity level for the related auto-created inventory source, special to "
        "constructed inventory",
    )  # fmt: skip

    prefetched = (
        *InventorySerializer.prefetched,
        Prefetch("inventory_sources", InventorySource.objects.order_by("pk"), to_attr="sources"),
    )

    class Meta(InventorySerializer.Meta):
        fields: Any = (
            *(f for f in InventorySerializer.Meta.fields if f != "host_filter"), *CONSTRUCTED,
        )  # fmt: skip
        read_only_fields = ("kind",)

    def get_url(self, row: Any) -> str:
        return f"{ROOT}constructed_inventories/{row.pk}/" if row is not None and row.pk else ""

    def to_representation(self, instance: Any) -> dict[str, Any]:
        sources = getattr(instance, "sources", None) or instance.inventory_sources.order_by("pk")
        for source in sources[:1]:
            for name in CONSTRUCTED:
                setattr(instance, name, getattr(source, name))
        return super().to_representation(instance)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return super().validate({**attrs, "kind": "constructed"})

    def create(self, validated_data: dict[str, Any]) -> Any:
        given = self._of_source(validated_data)
        return self._keep(super().create({**validated_data, "kind": "constructed"}), given)

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        given = self._of_source(validated_data)
        return self._keep(super().update(instance, validated_data), given)

    def _of_source(self, data: dict[str, Any]) -> dict[str, Any]:
        """Null is no value for any of them: it was not given."""
        found = {name: data.pop(name) for name in CONSTRUCTED if name in data}
        return {name: value for name, value in found.items() if value is not None}

    def _keep(self, row: Any, given: dict[str, Any]) -> Any:
        source = row.inventory_sources.order_by("pk").first()
        if given and source is not None:
            for name, value in given.items():
                setattr(source, name, value)
            source.save(update_fields=[*given, "modified"])
        return row


class ConstructedInventoryList(InventoryList):
    serializer_class = ConstructedInventorySerializer

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(kind="constructed")


class ConstructedInventoryDetail(InventoryDetail):
    serializer_class = ConstructedInventorySerializer

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().filter(kind="constructed")


class InventoryInputInventoriesList(AttachView):
    """The inventories that a constructed one is made of."""

    model = Inventory
    serializer_class = InventorySerializer
    parent_model = Inventory
    relationship = "input_inventories"
    creates = False

    def refuse(self, parent: Any, row: Any) -> Any:
        if row.kind == "constructed":
            return {
                "error": "You cannot add a constructed inventory to another constructed inventory."
            }
        return None

    def children(self, parent: Any) -> QuerySet[Any]:
        return Inventory.objects.filter(pk__in=parent.inputs.values("inventory"))


class HostSmartInventoriesList(SubListView):
    """The smart inventories that find this host."""

    model = Inventory
    serializer_class = InventorySerializer
    parent_model = Host
    relationship = "inventory"

    def children(self, parent: Any) -> QuerySet[Any]:
        smart = Inventory.objects.filter(
            kind="smart", organization=parent.inventory.organization_id
        )
        return Inventory.objects.filter(pk__in=[i.pk for i in smart if _finds(i, parent)])


def _finds(inventory: Inventory, host: Host) -> bool:
    try:
        return hosts_of(inventory).filter(pk=host.pk).exists()
    except InvalidInput:
        return False


class FactsSerializer(serializers.Serializer[Any]):
    """The body is the facts themselves."""


class HostAnsibleFacts(ReadView):
    """What ansible found out about a host; of a constructed inventory's, about its original."""

    name = "Host Ansible Facts Detail"
    model = Host
    serializer_class = FactsSerializer

    def get_queryset(self) -> QuerySet[Any]:
        return Host.objects.select_related("inventory")

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        host = self.get_object()
        if host.inventory.kind == "constructed" and host.instance_id.isdigit():
            original = Host(pk=int(host.instance_id))
            return HttpResponseRedirect(f"{url_of(original)}ansible_facts/")
        kept = HostFacts.objects.filter(host=host).values_list("facts", flat=True).first()
        return Response(kept or {})
