"""/api/v2/credential_input_sources/: which field of a credential is looked up where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from gantry.api.credential_schema import field_problems
from gantry.api.shape import BASE, AwxSerializer
from gantry.api.views import DetailView, ListCreateView, SubListCreateView
from gantry.resources import access
from gantry.resources.models import Credential, CredentialInputSource


class CredentialInputSourceSerializer(AwxSerializer):
    linked = ("source_credential", "target_credential")
    summarized = ("source_credential", "target_credential")
    selected = ("source_credential__credential_type", "target_credential__credential_type")
    capabilities = {"delete": "delete"}
    used = {"source_credential": "use"}

    class Meta:
        model = CredentialInputSource
        fields = (
            *(name for name in BASE if name != "name"), "input_field_name", "metadata",
            "target_credential", "source_credential",
        )  # fmt: skip

    def validate_target_credential(self, value: Credential) -> Credential:
        if value.credential_type.kind == "external":
            raise serializers.ValidationError("Target must be a non-external credential")
        return value

    def validate_source_credential(self, value: Credential) -> Credential:
        if value.credential_type.kind != "external":
            raise serializers.ValidationError("Source must be an external credential")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        target, source, name, metadata = (
            attrs.get(key, getattr(self.instance, key, None))
            for key in ("target_credential", "source_credential", "input_field_name", "metadata")
        )
        assert target is not None
        assert source is not None
        fields = sorted(f["id"] for f in target.credential_type.fields)
        if name not in fields:
            listed = ", ".join(fields)
            raise serializers.ValidationError({"input_field_name": [
                f"Input field must be defined on target credential (options are {listed})."
            ]})  # fmt: skip
        problems = _metadata_problems(source, metadata or {})
        if problems:
            raise serializers.ValidationError({"metadata": problems})
        return super().validate(attrs)


def _metadata_problems(source: Credential, metadata: Any) -> Any:
    kind = source.credential_type
    if not isinstance(metadata, dict):
        return [f"{type(metadata).__name__} provided, expected dict"]
    fields = {f["id"]: f for f in kind.inputs.get("metadata", [])}
    problems = field_problems(fields, metadata)
    for name in kind.inputs.get("required", []):
        if name in fields and not metadata.get(name):
            problems.setdefault(name, [f"required for {kind.name}"])
    return problems.get("", problems)


class _Checked:
    """An input source is its target's, and may not be moved to a credential of others."""

    request: Any

    def check_change(self, row: Any, attrs: Mapping[str, Any]) -> None:
        from rest_framework.exceptions import PermissionDenied

        target = attrs.get("target_credential", row.target_credential)
        source = attrs.get("source_credential", row.source_credential)
        moved = CredentialInputSource(target_credential=target)
        user = self.request.user
        if not (access.may(user, "add", moved) and access.may(user, "use", source)):
            raise PermissionDenied


class CredentialInputSourceList(ListCreateView):
    name = "Credential Input Sources"
    model = CredentialInputSource
    serializer_class = CredentialInputSourceSerializer


class CredentialInputSourceDetail(_Checked, DetailView):
    name = "Credential Input Source Detail"
    model = CredentialInputSource
    serializer_class = CredentialInputSourceSerializer


class CredentialInputSourceSubList(SubListCreateView):
    name = "Credential Input Sources"
    model = CredentialInputSource
    serializer_class = CredentialInputSourceSerializer
    parent_model = Credential
    parent_key = "target_credential"
