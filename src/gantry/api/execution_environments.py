"""/api/v2/execution_environments/: AWX's rules and refusals, and what Gantry knows beside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.environment_pins import pin_state
from gantry.api.names import url_of
from gantry.api.shape import BASE, AwxSerializer
from gantry.api.unified_job_templates import TemplatesView
from gantry.api.views import DetailView, ListCreateView, NounView, SubListView
from gantry.images import pins
from gantry.resources import access
from gantry.resources.models import ExecutionEnvironment, UnifiedJobTemplate

ONLY_PULL = "Only the 'pull' field can be edited for managed execution environments."
WRITABLE = ("drift_policy", "pinned_digest")  # of the `gantry` block


class ExecutionEnvironmentSerializer(AwxSerializer):
    gantry = serializers.SerializerMethodField()

    sublists = {"unified_job_templates": "unified_job_templates", "copy": "copy"}
    linked = ("organization", "credential")
    summarized = ("organization", "credential")
    selected = ("credential__credential_type",)
    capabilities = {"edit": "change", "delete": "delete", "copy": "add"}
    used = {"credential": "use"}

    class Meta:
        model = ExecutionEnvironment
        fields = (*BASE, "organization", "image", "managed", "credential", "pull", "gantry")
        extra_kwargs = {"image": {"label": "Image location"}}

    def get_gantry(self, row: Any) -> dict[str, Any]:
        return {"last_digest": row.last_digest, "last_used": row.last_used, **pin_state(row)}

    def create(self, validated_data: dict[str, Any]) -> Any:
        return self._decided(super().create(validated_data))

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        return self._decided(super().update(instance, validated_data))

    def _decided(self, row: Any) -> Any:
        """Pin and policy of the `gantry` block, of a POST or PATCH: a client of AWX that sends a
        whole object back by PUT must not undo what somebody else has pinned meanwhile."""
        whole = self.instance is not None and not self.partial
        given = {} if whole else self.initial_data.get("gantry") or {}
        if not isinstance(given, dict):
            raise serializers.ValidationError({"gantry": ["Expected an object."]})
        for name in WRITABLE:
            if not isinstance(given.get(name, ""), str):
                raise serializers.ValidationError({name: ["Not a valid string."]})
        policy, digest = (given.get(name, getattr(row, name)) for name in WRITABLE)
        if policy != row.drift_policy:
            row = pins.set_policy(row, policy, user=self.user)
        if digest != row.pinned_digest:
            change = pins.pin(row, digest, user=self.user) if digest else None
            row = change or pins.unpin(row, user=self.user)
        return row

    def validate_credential(self, value: Any) -> Any:
        if value is not None and value.credential_type.namespace != "registry":
            raise serializers.ValidationError(
                "Only Container Registry credentials can be associated with an Execution "
                "Environment"
            )
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.instance is not None:
            self._check_managed(self.instance, attrs)
            organization = attrs.get("organization")
            if organization is not None and organization.pk != self.instance.organization_id:
                raise serializers.ValidationError(
                    {"organization": "Cannot change the organization of an execution environment"}
                )
        return super().validate(attrs)

    def _check_managed(self, row: Any, attrs: Mapping[str, Any]) -> None:
        fixed = ("name", "description", "organization", "image", "credential")
        if row.managed and any(n in attrs and attrs[n] != getattr(row, n) for n in fixed):
            raise PermissionDenied(ONLY_PULL)


class ExecutionEnvironmentList(ListCreateView):
    model = ExecutionEnvironment
    serializer_class = ExecutionEnvironmentSerializer


class ExecutionEnvironmentDetail(DetailView):
    model = ExecutionEnvironment
    serializer_class = ExecutionEnvironmentSerializer


class ExecutionEnvironmentJobTemplateList(TemplatesView, SubListView):
    model = UnifiedJobTemplate
    parent_model = ExecutionEnvironment
    relationship = "unifiedjobtemplates"

    def children(self, parent: Any) -> QuerySet[Any]:
        return UnifiedJobTemplate.objects.filter(execution_environment=parent)


class CopySerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=512)

    def validate_name(self, value: str) -> str:
        if self.context["original"].name == value:
            raise serializers.ValidationError(
                f"The original object is already named {value}, a copy from it cannot have the "
                "same name."
            )
        return value


class ExecutionEnvironmentCopy(NounView):
    model = ExecutionEnvironment
    serializer_class = CopySerializer

    def get_queryset(self) -> QuerySet[Any]:
        return ExecutionEnvironment.objects.all()

    def original(self) -> Any:
        found = get_object_or_404(ExecutionEnvironment, pk=self.kwargs["pk"])
        if not access.may(self.request.user, "read", found):
            raise PermissionDenied
        return found

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response({"can_copy": access.may(request.user, "add", self.original())})

    def post(self, request: Request, **kwargs: Any) -> Response:
        original = self.original()
        if not access.may(request.user, "add", original):
            raise PermissionDenied
        asked = CopySerializer(data=request.data, context={"original": original})
        asked.is_valid(raise_exception=True)
        credential = original.credential
        if credential is not None and not access.may(request.user, "use", credential):
            credential = None  # AWX drops what the person may not use
        made = ExecutionEnvironmentSerializer(
            data={
                "name": asked.validated_data["name"],
                "description": original.description,
                "organization": original.organization_id,
                "image": original.image,
                "credential": credential.pk if credential else None,
                "pull": original.pull,
                "gantry": {name: getattr(original, name) for name in WRITABLE},
            },
            context=self.get_serializer_context(),
        )
        made.is_valid(raise_exception=True)
        with transaction.atomic():
            row = made.save()
        row = ExecutionEnvironmentSerializer.tune(ExecutionEnvironment.objects.all()).get(pk=row.pk)
        shown = ExecutionEnvironmentSerializer(row, context=self.get_serializer_context())
        return Response(shown.data, 201, headers={"Location": url_of(row)})
