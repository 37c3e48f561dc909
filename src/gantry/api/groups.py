"""/api/v2/groups/: groups hold hosts and other groups, never themselves."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.fields import VariablesField
from gantry.api.hosts import HostSerializer
from gantry.api.inventories import VariableData
from gantry.api.inventory_counts import inventory_extras
from gantry.api.shape import BASE, AwxSerializer
from gantry.api.views import (
    AttachView,
    DetailView,
    ListCreateView,
    ReadView,
    SubListCreateView,
    SubListView,
)
from gantry.resources.group_tree import ancestors, descendants, hosts_below
from gantry.resources.models import Group, Host, Inventory

RESERVED = ("all", "_meta")
OTHER_INVENTORY = "Cannot associate two items from different inventories."


class GroupSerializer(AwxSerializer):
    variables = VariablesField(required=False, default="", allow_blank=True)

    sublists = {
        name: name
        for name in (
            "variable_data",
            "hosts",
            "potential_children",
            "children",
            "all_hosts",
            "inventory_sources",
            "ad_hoc_commands",
            "job_events",
            "job_host_summaries",
        )
    }
    linked = ("inventory",)
    summarized = ("inventory",)
    capabilities = {"edit": "change", "delete": "delete", "copy": "add"}

    class Meta:
        model = Group
        fields = (*BASE, "inventory", "variables")

    def get_extra_kwargs(self) -> Any:
        kwargs = super().get_extra_kwargs()
        if self.instance is not None and not isinstance(self.instance, list):
            kwargs["inventory"] = {"read_only": True}
        return kwargs

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        found["inventory"] |= inventory_extras(self, row)
        return found

    def validate_inventory(self, value: Any) -> Any:
        if value is not None and value.kind:
            raise serializers.ValidationError(
                {"detail": "Cannot create Group for Smart or Constructed Inventories"}
            )
        return value

    def validate_name(self, value: str) -> str:
        if value in RESERVED:
            raise serializers.ValidationError("Invalid group name.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        name = attrs.get("name", getattr(self.instance, "name", ""))
        inventory = attrs.get("inventory") or getattr(self.instance, "inventory", None)
        if Host.objects.filter(name=name, inventory=inventory).exists():
            raise serializers.ValidationError(["A Host with that name already exists."])
        return super().validate(attrs)


class GroupList(ListCreateView):
    model = Group
    serializer_class = GroupSerializer


class GroupDetail(DetailView):
    model = Group
    serializer_class = GroupSerializer


class GroupVariableData(VariableData):
    model = Group


class InventoryGroupsList(SubListCreateView):
    model = Group
    serializer_class = GroupSerializer
    parent_model = Inventory
    parent_key = "inventory"


class InventoryRootGroupsList(SubListCreateView):
    model = Group
    serializer_class = GroupSerializer
    parent_model = Inventory
    parent_key = "inventory"

    def children(self, parent: Any) -> QuerySet[Any]:
        return Group.objects.filter(inventory=parent, parents=None)


class _InGroup(AttachView):
    """Hosts or groups in a group; all of one inventory."""

    parent_model = Group

    def given(self, request: Any) -> Any:
        return {**request.data, "inventory": self.parent().inventory_id}

    def refuse(self, parent: Any, row: Any) -> Any:
        if row.inventory_id != parent.inventory_id:
            return {"detail": OTHER_INVENTORY}
        return None


class GroupHostsList(_InGroup):
    model = Host
    serializer_class = HostSerializer
    relationship = "hosts"


class GroupChildrenList(_InGroup):
    model = Group
    serializer_class = GroupSerializer
    relationship = "children"

    def refuse(self, parent: Any, row: Any) -> Any:
        refused = super().refuse(parent, row)
        if refused is not None:
            return refused
        # Two requests at once could close a circle that neither sees: one at a time.
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM resources_inventory WHERE id = %s FOR UPDATE", [parent.inventory_id]
            )
        if parent.pk in descendants(row.pk):
            return {"error": "Cyclical Group association."}
        return None


class GroupPotentialChildrenList(SubListView):
    """The groups that may be put below this one."""

    model = Group
    serializer_class = GroupSerializer
    parent_model = Group
    relationship = "children"

    def children(self, parent: Any) -> QuerySet[Any]:
        barred = ancestors({parent.pk}) | descendants(parent.pk)
        return Group.objects.filter(inventory=parent.inventory_id).exclude(pk__in=barred)


class GroupAllHostsList(SubListView):
    """The hosts of a group and of all groups below it."""

    model = Host
    serializer_class = HostSerializer
    parent_model = Group
    relationship = "hosts"

    def children(self, parent: Any) -> QuerySet[Any]:
        return hosts_below(parent)


class HostGroupsList(AttachView):
    model = Group
    serializer_class = GroupSerializer
    parent_model = Host
    relationship = "groups"

    def given(self, request: Any) -> Any:
        return {**request.data, "inventory": self.parent().inventory_id}

    def attach_verb(self) -> str:
        return "change"

    def refuse(self, parent: Any, row: Any) -> Any:
        return {"detail": OTHER_INVENTORY} if row.inventory_id != parent.inventory_id else None


class HostAllGroupsList(SubListView):
    model = Group
    serializer_class = GroupSerializer
    parent_model = Host
    relationship = "groups"

    def children(self, parent: Any) -> QuerySet[Any]:
        direct = set(parent.groups.values_list("pk", flat=True))
        return Group.objects.filter(pk__in=ancestors(direct))


class InventoryTree(ReadView):
    """The groups from the root on, each with those below it."""

    name = "Inventory Tree"
    model = Inventory
    serializer_class = GroupSerializer

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        inventory = self.get_object()
        rows = GroupSerializer.tune(Group.objects.filter(inventory=inventory)).order_by("name")
        shown = self.get_serializer(list(rows), many=True).data
        edges = Group.children.through.objects.filter(from_group__inventory=inventory)
        below: dict[int, set[int]] = {}
        for parent, child in edges.values_list("from_group", "to_group"):
            below.setdefault(parent, set()).add(child)
        inside = set().union(*below.values())
        for group in shown:
            group["children"] = [g for g in shown if g["id"] in below.get(group["id"], ())]
        return Response([group for group in shown if group["id"] not in inside])
