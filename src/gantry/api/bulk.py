"""/api/v2/bulk/: many hosts made or deleted by one request; many jobs launched (bulk_jobs.py).
AWX: awx/api/views/bulk.py."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.hosts import HostSerializer, with_port
from gantry.api.names import ROOT, url_of
from gantry.api.views import AwxView, NounView, body_of, person_of
from gantry.base.config import settings
from gantry.resources import access
from gantry.resources.activity import ActivityStream
from gantry.resources.models import Group, Host, Inventory
from gantry.resources.removal import refuse_if_busy

FIELDS = ("name", "enabled", "instance_id", "description", "variables")
NOT_THERE = "Hosts do not exist or you lack permission to delete it"
LARGEST = 100_000  # of a list, before the settings are asked


class Bulk(AwxView):
    name = "Bulk"

    def get(self, request: Request, **kwargs: Any) -> Response:
        names = ("host_create", "host_delete", "job_launch")
        return Response({name: f"{ROOT}bulk/{name}/" for name in names})


class BulkHostSerializer(HostSerializer):
    class Meta(HostSerializer.Meta):
        fields: Any = FIELDS

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return with_port(attrs, None)  # what concerns the inventory is asked once for all


class BulkHostCreateSerializer(serializers.Serializer[Any]):
    inventory = serializers.PrimaryKeyRelatedField(
        queryset=Inventory.objects.all(), write_only=True,
        help_text="Primary Key ID of inventory to add hosts to.",
    )  # fmt: skip
    hosts = serializers.ListField(
        child=BulkHostSerializer(), allow_empty=False, max_length=LARGEST, write_only=True,
        help_text='List of hosts to be created, JSON. e.g. [{"name": "example.com"}, '
        '{"name": "127.0.0.1"}]',
    )  # fmt: skip

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        inventory, hosts = attrs["inventory"], attrs["hosts"]
        user = self.context["request"].user
        if not access.may(user, "add", Host(inventory=inventory)):
            raise serializers.ValidationError(
                f"Inventory with id {inventory.pk} not found or lack permissions to add hosts."
            )
        if inventory.kind:
            raise serializers.ValidationError(
                "Hosts can only be created in manual inventories (not smart or constructed types)."
            )
        if len(hosts) > settings().bulk_host_max_create:
            raise serializers.ValidationError(
                "Number of hosts exceeds system setting BULK_HOST_MAX_CREATE"
            )
        names = [host["name"] for host in hosts]
        known = set(inventory.hosts.filter(name__in=names).values_list("name", flat=True))
        known |= {name for name in set(names) if names.count(name) > 1}
        if known:
            twice = [name for name in names if name in known]
            raise serializers.ValidationError(
                f"Hostnames must be unique in an inventory. Duplicates found: {twice}"
            )
        if Group.objects.filter(inventory=inventory, name__in=names).exists():
            raise serializers.ValidationError("A Group with that name already exists.")
        return attrs


class BulkHostCreate(NounView):
    name = "Bulk Host Create"
    model = Host
    serializer_class = BulkHostCreateSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response({"detail": "Bulk create hosts with this endpoint"})

    def post(self, request: Request, **kwargs: Any) -> Response:
        asked = self.get_serializer(data=body_of(request))
        asked.is_valid(raise_exception=True)
        inventory, user = asked.validated_data["inventory"], person_of(request)
        signed = {"inventory": inventory, "created_by": user, "modified_by": user}
        with transaction.atomic():
            before = inventory.hosts.count()
            made = Host.objects.bulk_create(
                [Host(**given, **signed) for given in asked.validated_data["hosts"]]
            )
            # One entry for all of them, as in AWX.
            if settings().activity_stream_enabled:
                ActivityStream.objects.create(
                    operation="update", object1="inventory", object1_id=inventory.pk, actor=user,
                    changes={"total_hosts": [before, before + len(made)]},
                )  # fmt: skip
        where = url_of(inventory)
        shown = [
            {name: getattr(host, name) for name in (*FIELDS, "id")}
            | {"url": url_of(host), "inventory": where}
            for host in made
        ]
        return Response({"url": where, "hosts": shown}, 201)


class BulkHostDeleteSerializer(serializers.Serializer[Any]):
    hosts = serializers.ListField(
        child=serializers.IntegerField(), allow_empty=False, max_length=LARGEST, write_only=True,
        help_text="List of hosts ids to be deleted, e.g. [105, 130, 131, 200]",
    )  # fmt: skip

    def validate_hosts(self, value: list[int]) -> list[int]:
        most = settings().bulk_host_max_delete
        if len(value) > most:
            raise serializers.ValidationError(
                "Number of hosts exceeds system setting BULK_HOST_MAX_DELETE"
            )
        return value


class BulkHostDelete(NounView):
    name = "Bulk Host Delete"
    model = Host
    serializer_class = BulkHostDeleteSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response({"detail": "Bulk delete hosts with this endpoint"})

    def post(self, request: Request, **kwargs: Any) -> Response:
        asked = self.get_serializer(data=body_of(request))
        asked.is_valid(raise_exception=True)
        wanted = set(asked.validated_data["hosts"])
        user = person_of(request)
        with transaction.atomic():
            # What somebody may not even see is not there, for them.
            rows = access.visible(user, Host.objects.filter(pk__in=wanted))
            hosts = {host.pk: host for host in rows.select_related("inventory__organization")}
            missing = sorted(wanted - hosts.keys())
            if missing:
                raise serializers.ValidationError({"hosts": dict.fromkeys(missing, NOT_THERE)})
            one_of_each = {host.inventory_id: host for host in hosts.values()}.values()
            _check_inventories(user, list(one_of_each))
            for host in one_of_each:
                refuse_if_busy(host)
            told = {pk: f"The host {host.name} was deleted" for pk, host in hosts.items()}
            Host.objects.filter(pk__in=hosts).delete()
        return Response({"hosts": told}, 201)


def _check_inventories(user: Any, hosts: list[Host]) -> None:
    """`hosts` are one of each inventory."""
    barred = [host.inventory.name for host in hosts if not access.may(user, "delete", host)]
    if barred:
        words = "Lack permissions to delete hosts from this inventory."
        raise PermissionDenied({"inventories": dict.fromkeys(barred, words)})
    made = [host.inventory.name for host in hosts if host.inventory.kind]
    if made:
        words = "Hosts can only be deleted from manual inventories."
        raise serializers.ValidationError({"inventories": dict.fromkeys(made, words)})
