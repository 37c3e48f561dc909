"""/api/v2/environment_builds/ and, below an EE, its definition, its builds and the start of one.

Gantry's own nouns in AWX's shape: a build is a unified job like others.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.delete_job import DeleteJob
from gantry.api.job_events import EventList, ProjectUpdateEventSerializer
from gantry.api.names import url_of
from gantry.api.stdout import UnifiedJobStdout
from gantry.api.unified import COMMON, DETAIL, UnifiedJobCancel, UnifiedJobSerializer
from gantry.api.views import ListView, NounView, ReadView, SubListView, body_of, person_of
from gantry.base.errors import InvalidInput
from gantry.images.builder.definition import read_definition
from gantry.images.builder.lock import read_lock
from gantry.path.build import build_environment
from gantry.path.places import check_buildable
from gantry.resources import access
from gantry.resources.models import (
    Credential,
    EnvironmentBuild,
    EnvironmentDefinition,
    ExecutionEnvironment,
    InstanceGroup,
    Project,
)

M = TypeVar("M")
FIELDS = (
    *COMMON, "instance_group", "environment", "image", "use_cache", "push", "base_digest",
    "result_digest", "result_image_id", "pushed",
)  # fmt: skip


class EnvironmentBuildListSerializer(UnifiedJobSerializer):
    locked = serializers.SerializerMethodField()

    sublists = {"stdout": "stdout", "cancel": "cancel", "events": "events"}
    linked = ("organization",)
    summarized = ("organization", "instance_group")
    selected = ("environment",)

    class Meta:
        model = EnvironmentBuild
        fields: Any = (*FIELDS, "locked")
        read_only_fields = fields

    def get_locked(self, row: Any) -> bool:
        """Whether it was held to a lock."""
        return bool(row.lock_used)

    def get_related(self, row: Any) -> dict[str, Any]:
        found = super().get_related(row)
        if row.environment_id is not None:
            found["environment"] = url_of(row.environment)
        return found


class EnvironmentBuildSerializer(EnvironmentBuildListSerializer):
    class Meta(EnvironmentBuildListSerializer.Meta):
        fields: Any = (*FIELDS, "locked", *DETAIL, "definition", "lock_used", "lock")
        read_only_fields = fields


class EnvironmentBuildList(ListView):
    model = EnvironmentBuild
    serializer_class = EnvironmentBuildListSerializer


class EnvironmentBuildDetail(DeleteJob, ReadView):
    model = EnvironmentBuild
    serializer_class = EnvironmentBuildSerializer


class EnvironmentBuildCancel(UnifiedJobCancel):
    model = EnvironmentBuild
    serializer_class = EnvironmentBuildSerializer


class EnvironmentBuildStdout(UnifiedJobStdout):
    model = EnvironmentBuild


class EnvironmentBuildEventsList(EventList):
    serializer_class = ProjectUpdateEventSerializer

    def job_rows(self) -> QuerySet[Any]:
        return EnvironmentBuild.objects.all()


class BuildsOfEnvironmentList(SubListView):
    model = EnvironmentBuild
    serializer_class = EnvironmentBuildListSerializer
    parent_model = ExecutionEnvironment
    relationship = "builds"


class _OfEnvironment(NounView):
    """Reading needs to see the EE, everything else to change it."""

    model = ExecutionEnvironment

    def get_queryset(self) -> QuerySet[Any]:
        return ExecutionEnvironment.objects.select_related("organization", "credential")

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        verb = "read" if request.method in ("GET", "HEAD", "OPTIONS") else "change"
        if not access.may(request.user, verb, obj):
            raise PermissionDenied


class BuildSerializer(serializers.Serializer[Any]):
    """Names what the start of a build takes, for OPTIONS."""

    locked = serializers.BooleanField(required=False, default=False, write_only=True)
    cache = serializers.BooleanField(required=False, default=True, write_only=True)


class BuildEnvironment(_OfEnvironment):
    """GET says whether it can be built, POST builds: 201 and the build."""

    serializer_class = BuildSerializer

    def get(self, request: Request, **kwargs: Any) -> Response:
        row = self.get_object()
        known = EnvironmentDefinition.objects.filter(environment=row).first()
        may = access.may(request.user, "change", row)
        return Response({
            "can_build": known is not None and may,
            "can_build_locked": known is not None and bool(known.lock) and may,
        })  # fmt: skip

    def post(self, request: Request, **kwargs: Any) -> Response:
        row = self.get_object()
        asked = BuildSerializer(data=body_of(request))
        asked.is_valid(raise_exception=True)
        wanted = asked.validated_data
        build = build_environment(
            row, user=person_of(request), locked=wanted["locked"], use_cache=wanted["cache"]
        )
        shown = EnvironmentBuildSerializer(build, context=self.get_serializer_context()).data
        return Response(
            {**shown, "environment_build": build.pk}, status.HTTP_201_CREATED,
            headers={"Location": url_of(build)},
        )  # fmt: skip


class DefinitionSerializer(serializers.ModelSerializer[Any]):
    """The definition: its `text`, or `path` in a synced `project`. PUT without a `lock` keeps
    the one there is."""

    class Meta:
        model = EnvironmentDefinition
        fields = ("text", "project", "path", "lock", "push", "push_credential", "instance_group",
                  "created", "modified")  # fmt: skip
        extra_kwargs = {
            "text": {"trim_whitespace": False}, "lock": {"trim_whitespace": False},
        }  # fmt: skip

    def validate_text(self, value: str) -> str:
        if value:
            read_definition(value)
        return value

    def validate_lock(self, value: str) -> str:
        if value:
            read_lock(value)
        return value

    def validate_project(self, value: Project | None) -> Project | None:
        return self._usable(value, "project")

    def validate_push_credential(self, value: Credential | None) -> Credential | None:
        if value is not None and value.credential_type.namespace != "registry":
            raise serializers.ValidationError("Only Container Registry credentials can push.")
        return self._usable(value, "credential")

    def validate_instance_group(self, value: InstanceGroup | None) -> InstanceGroup | None:
        check_buildable(value)
        return self._usable(value, "instance group")

    def _usable(self, value: M, what: str) -> M:
        if isinstance(value, Model) and not access.may(self.context["request"].user, "use", value):
            raise serializers.ValidationError(f"You have no permission to use this {what}.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        in_project = bool(attrs.get("project"))
        if in_project and attrs.get("text"):
            raise InvalidInput("Give either text, or a project and a path.", field="text")
        if in_project != bool(attrs.get("path")):
            missing = "path" if in_project else "project"
            raise InvalidInput("A definition in a project needs project and path.", field=missing)
        if not in_project and not attrs.get("text"):
            raise InvalidInput("This field is required.", field="text")
        if (attrs.get("path") or "").startswith("/") or ".." in (attrs.get("path") or "").split(
            "/"
        ):
            raise InvalidInput("The path must lie within the project.", field="path")
        return attrs


class Definition(_OfEnvironment):
    """GET, PUT and DELETE of the one definition that an EE may have; 404 when it has none."""

    serializer_class = DefinitionSerializer

    def known(self) -> EnvironmentDefinition | None:
        return EnvironmentDefinition.objects.filter(environment=self.get_object()).first()

    def get(self, request: Request, **kwargs: Any) -> Response:
        known = self.known()
        if known is None:
            return Response({"detail": "Not found."}, status.HTTP_404_NOT_FOUND)
        return Response(self.get_serializer(known).data)

    def put(self, request: Request, **kwargs: Any) -> Response:
        known = self.known()
        given = body_of(request)
        # What is not named is as it is without a definition: one is put in the place of the other.
        fresh = {
            "text": "", "project": None, "path": "", "push": False, "push_credential": None,
            "instance_group": None,
        }  # fmt: skip
        serializer = self.get_serializer(known, data={**fresh, **given})
        serializer.is_valid(raise_exception=True)
        person = person_of(request)
        extra: dict[str, Any] = {"modified_by": person}
        if known is None:
            extra |= {"environment": self.get_object(), "created_by": person}
        serializer.save(**extra)
        code = status.HTTP_200_OK if known else status.HTTP_201_CREATED
        return Response(serializer.data, code)

    def delete(self, request: Request, **kwargs: Any) -> Response:
        known = self.known()
        if known is None:
            return Response({"detail": "Not found."}, status.HTTP_404_NOT_FOUND)
        known.delete()
        return Response(status=status.HTTP_204_NO_CONTENT)
