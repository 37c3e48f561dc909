"""/api/v2/role_user_assignments/ and role_team_assignments/: definitions given to people and teams.

The rows are those by which roles are held (resources/role_definitions.py), so what was given by
/roles/ is here too. Who may give what to whom is in resources/granting.py. AWX:
django-ansible-base's rbac/api.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import Model, Q, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.names import url_of
from gantry.api.shape import PERSON, AwxSerializer, summary
from gantry.api.views import DetailView, ListCreateView, Parented, person_of
from gantry.base.errors import InvalidInput
from gantry.resources import access
from gantry.resources.granting import give, take
from gantry.resources.models import (
    Role,
    RoleDefinition,
    RoleTeamAssignment,
    RoleUserAssignment,
    Team,
    User,
)
from gantry.resources.role_permissions import type_name
from gantry.resources.roles import model_of, with_objects

_BASE = (
    "id", "url", "related", "summary_fields", "created", "created_by", "content_type", "object_id",
    "role_definition",
)  # fmt: skip
_NO_OBJECT = "Object must be specified for this role assignment"
_NO_SUCH = 'Invalid pk "{}" - object does not exist.'
Row = RoleUserAssignment | RoleTeamAssignment
_definitions: Any = RoleDefinition.objects


class AssignmentSerializer(AwxSerializer):
    content_type = serializers.SerializerMethodField()
    object_id = serializers.CharField(required=False, allow_null=True)
    role_definition = serializers.PrimaryKeyRelatedField(queryset=_definitions.all())

    selected: ClassVar[tuple[str, ...]] = ("role",)
    holder: ClassVar[str]
    holders: ClassVar[type[Model]]

    def get_fields(self) -> Any:
        fields: dict[str, Any] = super().get_fields()
        fields[self.holder].required = False
        fields[self.holder].queryset = access.visible(
            self.user, self.holders._default_manager.all()
        )
        return fields

    def to_representation(self, instance: Any) -> dict[str, Any]:
        instance.object_id = str(instance.role.object_id)
        instance.role_definition = self._definition(instance)
        return super().to_representation(instance)

    def _definition(self, row: Row) -> RoleDefinition | None:
        known = self.once("definitions", lambda page: definitions_of(r.role for r in page))
        found: RoleDefinition | None = known.get((row.role.kind, row.role.role_field))
        return found

    def _object(self, row: Row) -> Any:
        self.once("objects", lambda page: with_objects([r.role for r in page]))
        return row.role.content_object

    def get_content_type(self, row: Row) -> str:
        return type_name(row.role.kind)

    def get_related(self, row: Any) -> dict[str, Any]:
        links = super().get_related(row)
        if row is None:
            return links
        links["role_definition"] = url_of(self._definition(row))
        links[self.holder] = url_of(getattr(row, self.holder))
        about = self._object(row)
        return {**links, "content_object": url_of(about)} if about is not None else links

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        if row is None:
            return found
        names = (*PERSON, "is_superuser") if self.holder == "user" else ("id", "name")
        about = self._object(row)
        return {
            **found,
            "object_role": {"id": row.role_id},
            "role_definition": summary(
                self._definition(row), ("id", "name", "description", "managed")
            ),
            self.holder: summary(getattr(row, self.holder), names),
            **({"content_object": summary(about, ("id", "name"))} if about is not None else {}),
        }

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get(self.holder) is None:
            either = f"Provide exactly one of {self.holder} or {self.holder}_ansible_id"
            raise serializers.ValidationError(
                {self.holder: either, f"{self.holder}_ansible_id": either}
            )
        definition = attrs["role_definition"]
        wanted = attrs.get("object_id")
        if wanted in (None, ""):
            raise serializers.ValidationError({"object_id": _NO_OBJECT})
        attrs["about"] = self._wanted(definition, wanted)
        if self.holder == "team":
            _refuse_to_a_team(definition)
        return attrs

    def _wanted(self, definition: RoleDefinition, pk: str) -> Any:
        if not (pk.isascii() and pk.isdigit() and int(pk) < 2**63):
            raise serializers.ValidationError(
                {"object_id": ["Incorrect type. Expected pk value, received str."]}
            )
        try:
            rows = model_of(definition.kind)._default_manager
        except LookupError:  # a kind that Gantry does not have
            rows = RoleDefinition.objects.none()
        found = access.visible(self.user, rows.filter(pk=int(pk))).first()
        if found is None:
            raise serializers.ValidationError({"object_id": [_NO_SUCH.format(pk)]})
        return found

    def create(self, validated_data: dict[str, Any]) -> Any:
        """AWX answers with the assignment that there is where it was given before."""
        holder = validated_data[self.holder]
        role = validated_data["role_definition"].role_on(validated_data["about"])
        try:
            give(self.user, role, holder)
        except InvalidInput as error:
            raise serializers.ValidationError({"detail": [error.sentence]}) from error
        return self.model().objects.get(role=role, **{self.holder: holder})


def definitions_of(roles: Iterable[Role]) -> dict[tuple[str, str], RoleDefinition]:
    names = {role.role_field for role in roles}
    rows = RoleDefinition.objects.filter(role_field__in=names)
    return {(row.kind, row.role_field): row for row in rows}


def _refuse_to_a_team(definition: RoleDefinition) -> None:
    """AWX: ANSIBLE_BASE_ALLOW_TEAM_PARENTS and its like."""
    if definition.kind != "organization":
        return
    if "member_organization" in definition.permissions:
        raise serializers.ValidationError(
            "Assigning organization member permission to teams is not allowed"
        )
    if any(p.endswith("_team") and p != "view_team" for p in definition.permissions):
        raise serializers.ValidationError(
            "Assigning organization permissions that manage other teams is not allowed"
        )


class RoleUserAssignmentSerializer(AssignmentSerializer):
    holder = "user"
    holders = User
    selected: ClassVar[tuple[str, ...]] = ("role", "user")

    class Meta:
        model = RoleUserAssignment
        fields = (*_BASE, "user")


class RoleTeamAssignmentSerializer(AssignmentSerializer):
    holder = "team"
    holders = Team
    selected: ClassVar[tuple[str, ...]] = ("role", "team")

    class Meta:
        model = RoleTeamAssignment
        fields = (*_BASE, "team")


# What is asked of an assignment by another name than its columns have.
_ASKED = {"object_id": "role__object_id", "content_type__model": "role__kind"}


class Assignments(ListCreateView):
    def get_queryset(self) -> QuerySet[Any]:
        """Those on what a person sees, whoever holds them; the system's roles are flags."""
        rows = self.serializer().tune(self.model._default_manager.exclude(role__kind=""))
        who = access.standing(self.request.user)
        if not (who.superuser or who.auditor):
            seen = access.visible(self.request.user, Role.objects.all())
            rows = rows.filter(role__in=seen.order_by().values("pk"))
        return self._asked(rows)

    def _asked(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """By definition and by object, as awxkit and the collection ask."""
        given = self.request.query_params.dict()
        for key, column in _ASKED.items():
            value = given.get(key)
            if value is not None:
                right = column == "role__kind" or (value.isascii() and value.isdigit())
                rows = rows.filter(**{column: value}) if right else rows.none()
        wanted = RoleDefinition.objects.all()
        asked = {k: v for k, v in given.items() if k.split("__")[0] == "role_definition"}
        for key, value in asked.items():
            column = key.removeprefix("role_definition").removeprefix("__") or "id"
            if column not in ("id", "name", "managed"):
                continue
            if column == "id" and not (value.isascii() and value.isdigit()):
                return rows.none()
            truth = value.lower() in ("true", "1", "t")
            wanted = wanted.filter(**{column: truth if column == "managed" else value})
        return rows.filter(_shown_as(wanted)) if asked else rows

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The rest of the query string, in AWX's language."""
        request: Any = self.request
        kept = request._request.GET
        rest = kept.copy()
        for key in kept:
            if key in _ASKED or key.split("__")[0] == "role_definition":
                del rest[key]
        request._request.GET = rest
        try:
            return super().filter_queryset(queryset)
        finally:
            request._request.GET = kept

    def check_permissions(self, request: Request) -> None:
        # Who may give which is asked of the role itself.
        super(ListCreateView, self).check_permissions(request)

    def check_add(self, attrs: Any) -> None:
        return None


def _shown_as(definitions: QuerySet[RoleDefinition]) -> Q:
    q = Q(pk__in=[])
    for kind, name in definitions.values_list("kind", "role_field"):
        q |= Q(role__kind=kind, role__role_field=name)
    return q


class RoleUserAssignmentList(Assignments):
    model = RoleUserAssignment
    serializer_class = RoleUserAssignmentSerializer


class RoleTeamAssignmentList(Assignments):
    model = RoleTeamAssignment
    serializer_class = RoleTeamAssignmentSerializer


class AssignmentDetail(DetailView):
    http_method_names = ["get", "delete", "head", "options"]

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        needed = "read" if request.method != "DELETE" else "change"
        if not access.may(request.user, needed, obj.role):
            raise PermissionDenied

    def delete(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        with transaction.atomic():
            take(person_of(request), row.role, getattr(row, self.serializer().holder))
        return Response(status=204)


class RoleUserAssignmentDetail(AssignmentDetail):
    model = RoleUserAssignment
    serializer_class = RoleUserAssignmentSerializer


class RoleTeamAssignmentDetail(AssignmentDetail):
    model = RoleTeamAssignment
    serializer_class = RoleTeamAssignmentSerializer


class _OfDefinition(Parented, Assignments):
    parent_model = RoleDefinition
    http_method_names = ["get", "head", "options"]

    def get_queryset(self) -> QuerySet[Any]:
        definition = self.parent()
        shown = _shown_as(RoleDefinition.objects.filter(pk=definition.pk))
        return super().get_queryset().filter(shown)


class DefinitionUserAssignments(_OfDefinition):
    model = RoleUserAssignment
    serializer_class = RoleUserAssignmentSerializer


class DefinitionTeamAssignments(_OfDefinition):
    model = RoleTeamAssignment
    serializer_class = RoleTeamAssignmentSerializer
