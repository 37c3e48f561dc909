"""/api/v2/role_definitions/ and role_metadata/: what AWX manages, and what its administrators add.

AWX: django-ansible-base's rbac/api; the words for what is wrong are its. What a definition gives is
in resources/role_definitions.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.shape import AwxSerializer
from gantry.api.views import AwxView, DetailView, ListCreateView
from gantry.resources.models import RoleDefinition
from gantry.resources.role_permissions import (
    ALL_PERMISSIONS,
    ALL_TYPES,
    TYPES,
    allowed_permissions,
    spelled,
    type_name,
)

_NO_SUCH = 'Invalid pk "{}" - object does not exist.'
_NO_TEXT = "Incorrect type. Expected pk value, received {}."
_KNOWN = {p.partition(".")[2] for p in ALL_PERMISSIONS}


class _Word(serializers.ChoiceField):
    """A word of AWX's of which the part behind the point counts: "awx.use_inventory"."""

    known: frozenset[str]

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError(_NO_TEXT.format(type(data).__name__))
        word = data.rpartition(".")[2]
        if word not in self.known:
            raise serializers.ValidationError(_NO_SUCH.format(data))
        return word


class PermissionField(_Word):
    known = frozenset(_KNOWN)

    def to_representation(self, value: str) -> str:
        return spelled(value)


class TypeField(_Word):
    known = frozenset(TYPES)

    def to_representation(self, value: str) -> str:
        return type_name(value)


class RoleDefinitionSerializer(AwxSerializer):
    permissions = serializers.ListField(child=PermissionField([(p, p) for p in ALL_PERMISSIONS]))
    content_type = TypeField(
        [(None, "---------"), *ALL_TYPES], source="kind", allow_null=True, default=None
    )

    sublists = {"team_assignments": "team_assignments", "user_assignments": "user_assignments"}
    hints = {
        "content_type": {"type": "id", "filterable": True},
        "permissions": {"type": "list", "filterable": False},
    }

    class Meta:
        model = RoleDefinition
        fields = (
            "id", "url", "related", "summary_fields", "permissions", "content_type", "modified",
            "created", "name", "description", "managed", "modified_by", "created_by",
        )  # fmt: skip

    def narrow_metadata(self, shown: dict[str, Any], method: str) -> dict[str, Any]:
        child: dict[str, Any] = {
            "type": "choice", "hidden": False, "choices": [(p, p) for p in ALL_PERMISSIONS],
        }  # fmt: skip
        if method != "GET":
            child |= {"required": True, "read_only": False}
            shown["description"].pop("default", None)
        shown["permissions"]["child"] = child
        return shown

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        row = self.instance
        kind = row.kind if row is not None else attrs.get("kind")
        attrs["kind"] = kind  # a definition that has been given stays what it is for
        _refuse(kind, set(attrs.get("permissions", row.permissions if row is not None else ())))
        return super().validate(attrs)


def _refuse(kind: str | None, permissions: set[str]) -> None:
    if kind is None:
        raise serializers.ValidationError({"content_type": "System-wide roles are not enabled"})
    if kind == "team":
        raise serializers.ValidationError("Creating custom roles for teams is disabled")
    if any(p.endswith("_team") for p in permissions):
        raise serializers.ValidationError(
            "Creating custom roles that include team permissions is disabled"
        )
    allowed = allowed_permissions(kind)
    invalid = permissions - {p for some in allowed.values() for p in some}
    if invalid:
        raise serializers.ValidationError(
            {"permissions": f"Permissions {_quoted(invalid)} are not valid for {kind} roles"}
        )
    for below, valid in allowed.items():
        used = {p for p in permissions.intersection(valid) if not p.startswith("add_")}
        view = f"view_{below}"
        if view in valid and used and view not in used:
            shown = ", ".join(sorted(used))
            raise serializers.ValidationError(
                {
                    "permissions": f"Permissions for model {TYPES[kind][2]} needs to include "
                    f"view, got: {shown}"
                }
            )


def _quoted(names: set[str]) -> str:
    return ", ".join(f'"{name}"' for name in sorted(names))


class RoleDefinitionList(ListCreateView):
    model = RoleDefinition
    serializer_class = RoleDefinitionSerializer


class RoleDefinitionDetail(DetailView):
    model = RoleDefinition
    serializer_class = RoleDefinitionSerializer

    def check_change(self, row: Any, attrs: Mapping[str, Any]) -> None:
        _refuse_managed(row)

    def perform_destroy(self, instance: Any) -> None:
        _refuse_managed(instance)
        instance.roles().delete()
        instance.delete()


def _refuse_managed(row: RoleDefinition) -> None:
    if row.managed:
        raise serializers.ValidationError(["Role is managed by the system"])


class RoleMetadata(AwxView):
    name = "Role Metadata"

    def get(self, request: Request, **kwargs: Any) -> Response:
        allowed = {
            type_name(kind): [
                spelled(p) for some in allowed_permissions(kind).values() for p in some
            ]
            for kind in sorted(TYPES)
        }
        return Response({"allowed_permissions": allowed})
