"""Below an inventory source: its updates and their start, what it brought, its credentials; and the
lists of sources below inventories, projects, hosts and groups."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from rest_framework import serializers, status
from rest_framework.exceptions import MethodNotAllowed, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.credentials import CredentialSerializer
from gantry.api.groups import GroupSerializer
from gantry.api.hosts import HostSerializer
from gantry.api.inventory_sources import InventorySourceSerializer
from gantry.api.inventory_updates import InventoryUpdateListSerializer, InventoryUpdateSerializer
from gantry.api.names import url_of
from gantry.api.views import AttachView, NounView, SubListCreateView, SubListView, person_of
from gantry.path.updates import update_source
from gantry.resources import access
from gantry.resources.inventory_sources import credential_refused
from gantry.resources.models import (
    Credential,
    Group,
    Host,
    Inventory,
    InventorySource,
    InventoryUpdate,
    Project,
)


class UpdateSerializer(serializers.Serializer[Any]):
    """Takes nothing; for OPTIONS."""

    can_update = serializers.BooleanField(read_only=True)


class InventorySourceUpdatesList(SubListView):
    model = InventoryUpdate
    serializer_class = InventoryUpdateListSerializer
    parent_model = InventorySource
    relationship = "inventory_updates"


class InventorySourceUpdateView(NounView):
    """Its POST starts an update."""

    model = InventorySource
    serializer_class = UpdateSerializer

    def get_view_name(self) -> str:
        return "Inventory Source Update View"

    def get_queryset(self) -> QuerySet[Any]:
        return InventorySource.objects.select_related("inventory", "source_project")

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        verb = "read" if request.method in ("GET", "HEAD", "OPTIONS") else "start"
        if not access.may(request.user, verb, obj):
            raise PermissionDenied

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response({"can_update": self.get_object().can_update})

    def post(self, request: Request, **kwargs: Any) -> Response:
        source = self.get_object()
        if not source.can_update:
            raise MethodNotAllowed("POST")
        update = update_source(source, user=person_of(request))
        body = {"inventory_update": update.pk, **shown(self, update)}
        return Response(body, 202, headers={"Location": url_of(update)})


def shown(view: NounView, update: InventoryUpdate) -> dict[str, Any]:
    row = InventoryUpdateSerializer.tune(InventoryUpdate.objects.all()).get(pk=update.pk)
    return dict(InventoryUpdateSerializer(row, context=view.get_serializer_context()).data)


class _Brought(SubListView):
    """DELETE removes all that the source has brought."""

    parent_model = InventorySource

    def delete(self, request: Request, **kwargs: Any) -> Response:
        if not access.may(request.user, "delete", self.parent()):
            raise PermissionDenied
        with transaction.atomic():
            self.children(self.parent()).delete()
        return Response(status=status.HTTP_204_NO_CONTENT)


class InventorySourceHostsList(_Brought):
    model = Host
    serializer_class = HostSerializer
    relationship = "hosts"

    def children(self, parent: Any) -> QuerySet[Any]:
        return Host.objects.filter(pk__in=parent.hosts.values("pk"))


class InventorySourceGroupsList(_Brought):
    model = Group
    serializer_class = GroupSerializer
    relationship = "groups"

    def children(self, parent: Any) -> QuerySet[Any]:
        return Group.objects.filter(pk__in=parent.groups.values("pk"))


class InventorySourceCredentialsList(AttachView):
    """One credential, of the kind that the source's plug-in logs in with."""

    model = Credential
    serializer_class = CredentialSerializer
    parent_model = InventorySource
    relationship = "credentials"
    creates = False

    def attach_verb(self) -> str:
        return "use"

    def children(self, parent: Any) -> QuerySet[Any]:
        return Credential.objects.filter(pk__in=parent.credentials.values("pk"))

    def refuse(self, parent: Any, row: Any) -> Any:
        if parent.credentials.exists():
            return {"msg": "Source already has credential assigned."}
        refused = credential_refused(parent.source, row)
        return {"msg": refused} if refused else None


class InventoryInventorySourcesList(SubListCreateView):
    name = "Inventory Source List"
    model = InventorySource
    serializer_class = InventorySourceSerializer
    parent_model = Inventory
    parent_key = "inventory"


class InventoryInventorySourcesUpdate(NounView):
    """GET says which sources can be updated, POST updates them all."""

    name = "Inventory Sources Update"
    model = Inventory
    serializer_class = UpdateSerializer

    def get_queryset(self) -> QuerySet[Any]:
        return Inventory.objects.select_related("organization")

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        verb = "read" if request.method in ("GET", "HEAD", "OPTIONS") else "update"
        if not access.may(request.user, verb, obj):
            raise PermissionDenied

    def _sources(self) -> list[InventorySource]:
        return list(self.get_object().inventory_sources.select_related("inventory"))

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(
            [{"inventory_source": s.pk, "can_update": s.can_update} for s in self._sources()]
        )

    def post(self, request: Request, **kwargs: Any) -> Response:
        sources = self._sources()
        if not sources:
            return Response({"detail": "No inventory sources to update."}, 400)
        done = [self._start(request, source) for source in sources]
        started = sum("inventory_update" in details for details in done)
        if started == len(done):
            return Response(done, 200)
        return Response(done, 202 if started else 400)

    def _start(self, request: Request, source: InventorySource) -> dict[str, Any]:
        told: dict[str, Any] = {"inventory_source": source.pk}
        if not source.can_update:
            return {**told, "status": "Could not start because `can_update` returned False"}
        update = update_source(source, user=person_of(request))
        return {**told, **shown(self, update), "status": "started", "inventory_update": update.pk}


class ProjectScmInventorySources(SubListView):
    name = "Project SCM Inventory Sources"
    model = InventorySource
    serializer_class = InventorySourceSerializer
    parent_model = Project
    relationship = "scm_inventory_sources"


class HostInventorySourcesList(SubListView):
    model = InventorySource
    serializer_class = InventorySourceSerializer
    parent_model = Host
    relationship = "inventory_sources"


class GroupInventorySourcesList(SubListView):
    model = InventorySource
    serializer_class = InventorySourceSerializer
    parent_model = Group
    relationship = "inventory_sources"
