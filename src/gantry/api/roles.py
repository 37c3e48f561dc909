"""/api/v2/roles/, and the roles of an object, a user and a team: who holds what, given and taken.

What may be given, by whom and to whom is in resources/granting.py.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers

from gantry.api.names import type_of, url_of
from gantry.api.shape import AwxSerializer
from gantry.api.teams import TeamSerializer
from gantry.api.users import UserSerializer
from gantry.api.views import AttachView, ListView, ReadView, SubListView, person_of
from gantry.base.errors import InvalidInput
from gantry.resources import access
from gantry.resources.granting import give, may_give, members_of, roles_given_to, take
from gantry.resources.models import Role, Team, User
from gantry.resources.role_lines import children_of, parents_of
from gantry.resources.roles import DEFINED, kind_of, with_objects


class RoleSerializer(AwxSerializer):
    name = serializers.SerializerMethodField()
    description = serializers.SerializerMethodField()

    sublists = {"users": "users", "teams": "teams"}
    hints = {"name": {"type": "field"}, "description": {"type": "field"}}

    class Meta:
        model = Role
        fields = ("id", "type", "url", "related", "summary_fields", "name", "description")

    def get_name(self, row: Role) -> str:
        return row.name

    def get_description(self, row: Role) -> str:
        return row.description

    def get_related(self, row: Any) -> dict[str, Any]:
        links = super().get_related(row)
        about = self._object(row)
        return {**links, type_of(about): url_of(about)} if about is not None else links

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        about = self._object(row)
        if about is not None:
            found |= {
                "resource_name": about.name,
                "resource_type": type_of(about),
                "resource_type_display_name": about._meta.verbose_name.title(),
                "resource_id": about.pk,
            }
        return found

    def _object(self, row: Any) -> Any:
        self.once("objects", with_objects)
        return row.content_object if row is not None else None


class GivenRoleSerializer(RoleSerializer):
    """A role as one that a user or a team holds: whether the asker could take it away."""

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        holder = self.context["view"].parent()
        found["user_capabilities"] = {"unattach": may_give(self.user, row, holder)}
        return found

    def narrow_metadata(self, shown: dict[str, Any], method: str) -> dict[str, Any]:
        """A POST takes a role's id, and whether to take the role away."""
        if method != "POST":
            return shown
        of = {"label": "ID", "help_text": "Database ID for this role."}
        off = {"label": "Disassociate", "help_text": "Provide to remove this role."}
        return {"id": {"type": "integer", **of}, "disassociate": {"type": "integer", **off}}


class RoleList(ListView):
    """Of AWX's own: those that definitions made are seen as assignments."""

    model = Role
    serializer_class = RoleSerializer

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().exclude(role_field__startswith=DEFINED)


class RoleDetail(ReadView):
    model = Role
    serializer_class = RoleSerializer


class Granting(AttachView):
    """POST gives a role, with `disassociate` takes it away; a subclass says which is which."""

    creates: ClassVar[bool] = False
    parent_verb: ClassVar[str] = "read"  # `give` and `take` know the rest

    def pair(self, parent: Any, row: Any) -> tuple[Role, User | Team]:
        raise NotImplementedError

    def attach(self, parent: Any, row: Any, *, created: bool = False) -> Any:
        return _told(give, person_of(self.request), *self.pair(parent, row))

    def detach(self, parent: Any, row: Any) -> Any:
        return _told(take, person_of(self.request), *self.pair(parent, row))


def _told(what: Any, *args: Any) -> Any:
    try:
        what(*args)
    except InvalidInput as error:
        return {"msg": error.sentence}
    return None


class RoleUsersList(Granting):
    model = User
    serializer_class = UserSerializer
    parent_model = Role
    ordering: ClassVar[tuple[str, ...] | None] = ("username",)

    def get_queryset(self) -> QuerySet[Any]:
        """Whoever sees a role sees who holds it; of the system's only those they see anyway."""
        role = self.parent()
        people = UserSerializer.tune(members_of(role))
        return access.visible(self.request.user, people) if role.system else people

    def pair(self, parent: Any, row: Any) -> tuple[Role, User | Team]:
        return parent, row


class RoleTeamsList(Granting):
    model = Team
    serializer_class = TeamSerializer
    parent_model = Role

    def get_queryset(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = TeamSerializer.tune(self.parent().teams.all())
        return rows

    def pair(self, parent: Any, row: Any) -> tuple[Role, User | Team]:
        return parent, row


class UserRolesList(Granting):
    model = Role
    serializer_class = GivenRoleSerializer
    parent_model = User

    def children(self, parent: Any) -> QuerySet[Any]:
        return roles_given_to(parent).exclude(role_field__startswith=DEFINED)

    def pair(self, parent: Any, row: Any) -> tuple[Role, User | Team]:
        return row, parent


class TeamRolesList(Granting):
    model = Role
    serializer_class = GivenRoleSerializer
    parent_model = Team

    def children(self, parent: Any) -> QuerySet[Any]:
        rows: QuerySet[Any] = parent.roles.exclude(role_field__startswith=DEFINED)
        return rows

    def pair(self, parent: Any, row: Any) -> tuple[Role, User | Team]:
        return row, parent


class RoleParentsList(SubListView):
    model = Role
    serializer_class = RoleSerializer
    parent_model = Role

    def children(self, parent: Any) -> QuerySet[Any]:
        return parents_of(parent)


class RoleChildrenList(SubListView):
    model = Role
    serializer_class = RoleSerializer
    parent_model = Role

    def children(self, parent: Any) -> QuerySet[Any]:
        return children_of(parent)


class ObjectRolesList(SubListView):
    """The roles of one object. A subclass for each kind is made by `object_roles_of`."""

    model = Role
    serializer_class = RoleSerializer

    def get_queryset(self) -> QuerySet[Any]:
        row = self.parent()
        kind = kind_of(type(row))
        rows = Role.objects.filter(kind=kind, object_id=row.pk)
        return rows.exclude(role_field__startswith=DEFINED)


def object_roles_of(model: type[Any]) -> type[ObjectRolesList]:
    name = f"{model.__name__}ObjectRolesList"
    return type(name, (ObjectRolesList,), {"parent_model": model})
