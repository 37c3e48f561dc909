"""`instance_groups/` of what jobs are made from: where they may run, in the order of attaching."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework.exceptions import PermissionDenied

from gantry.api.instance_groups import InstanceGroupSerializer
from gantry.api.views import AttachView
from gantry.resources import access
from gantry.resources.instances import in_order
from gantry.resources.models import InstanceGroup


class InstanceGroupsOfRow(AttachView):
    """A subclass for each kind is made by `instance_groups_of`. To attach and to detach take the
    use of the group beside the administration of what it is put on."""

    model = InstanceGroup
    serializer_class = InstanceGroupSerializer
    relationship = "instance_groups"
    creates = False
    ordering: ClassVar[tuple[str, ...] | None] = ("attached",)

    def get_queryset(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = InstanceGroupSerializer.tune(in_order(self.parent()))
        return rows

    def attach_verb(self) -> str:
        return "use"

    def detach(self, parent: Any, row: Any) -> Any:
        if not access.may(self.request.user, "use", row):
            raise PermissionDenied
        return super().detach(parent, row)


def instance_groups_of(model: type[Any]) -> type[InstanceGroupsOfRow]:
    name = f"{model.__name__}InstanceGroupsList"
    return type(name, (InstanceGroupsOfRow,), {"parent_model": model})
