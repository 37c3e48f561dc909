"""/api/v2/credential_types/: the built-in kinds, which nobody changes, and people's own."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied

from gantry.api.credential_schema import injectors_problems, inputs_problems
from gantry.api.shape import BASE, AwxSerializer
from gantry.api.views import DetailView, ListCreateView
from gantry.resources.models import CredentialType

OWN_KINDS = ("cloud", "net")


class CredentialTypeSerializer(AwxSerializer):
    sublists = {"credentials": "credentials"}
    capabilities = {"edit": "change", "delete": "delete"}

    class Meta:
        model = CredentialType
        fields = (*BASE, "kind", "namespace", "managed", "inputs", "injectors")

    def validate_kind(self, value: str) -> str:
        if value not in OWN_KINDS:
            raise serializers.ValidationError(f"Must be 'cloud' or 'net', not {value}")
        return value

    def validate_inputs(self, value: Any) -> Any:
        problems = list(inputs_problems(value))
        if problems:
            raise serializers.ValidationError(problems)
        # AWX writes the default down.
        fields = [{"type": "string", **field} for field in value.get("fields", [])]
        return {**value, "fields": fields} if "fields" in value else value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is not None and "inputs" in attrs:
            changed = attrs["inputs"] != self.instance.inputs
            if changed and self.instance.credentials.exists():
                raise PermissionDenied(
                    "Modifications to inputs are not allowed for credential types that are in use"
                )
        inputs = attrs.get("inputs", getattr(self.instance, "inputs", {}))
        if "injectors" in attrs:
            problems = list(injectors_problems(attrs["injectors"], inputs))
            if problems:
                raise serializers.ValidationError({"injectors": problems})
        return super().validate(attrs)

    def narrow_metadata(self, shown: dict[str, Any], method: str) -> dict[str, Any]:
        if method != "GET":
            choices = shown["kind"]["choices"]
            shown["kind"]["choices"] = [c for c in choices if c[0] in OWN_KINDS]
        return shown


class CredentialTypeList(ListCreateView):
    model = CredentialType
    serializer_class = CredentialTypeSerializer


class CredentialTypeDetail(DetailView):
    model = CredentialType
    serializer_class = CredentialTypeSerializer

    def check_object_permissions(self, request: Any, obj: Any) -> None:
        if obj.managed and request.method in ("PUT", "PATCH"):
            raise PermissionDenied("Modifications not allowed for managed credential types")
        if obj.managed and request.method == "DELETE":
            raise PermissionDenied("Deletion not allowed for managed credential types")
        super().check_object_permissions(request, obj)
