"""/api/v2/projects/: where playbooks come from; saving one whose source changed syncs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q, QuerySet
from rest_framework import serializers
from rest_framework.exceptions import MethodNotAllowed, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from gantry.api.fields import refuse
from gantry.api.names import NOTIFIED, url_of
from gantry.api.project_updates import ProjectUpdateListSerializer, ProjectUpdateSerializer
from gantry.api.shape import BASE, AwxSerializer, summary
from gantry.api.views import DetailView, ListCreateView, NounView, SubListView, person_of
from gantry.base.errors import InvalidInput
from gantry.path.updates import update_project
from gantry.resources import access
from gantry.resources.base import TEMPLATE_STATUSES
from gantry.resources.models import JobTemplate, Project, ProjectUpdate
from gantry.resources.projects import SYNCED
from gantry.resources.scm_url import check_revision, check_url, misplaced

# A change of one of these makes the tree that is stored the wrong one.
SOURCE = (
    "scm_type", "scm_url", "scm_branch", "scm_refspec", "credential",
    "signature_validation_credential",
)  # fmt: skip
UPDATE_OPTIONS = (
    "scm_update_on_launch", "scm_delete_on_update", "scm_track_submodules", "scm_clean",
)  # fmt: skip
UPDATE = ("id", "name", "description", "status", "failed")


class ProjectSerializer(AwxSerializer):
    status = serializers.ChoiceField(choices=TEMPLATE_STATUSES, read_only=True)
    last_update_failed = serializers.BooleanField(source="last_job_failed", read_only=True)
    last_updated = serializers.DateTimeField(source="last_job_run", read_only=True)

    sublists = {
        "playbooks": "playbooks",
        "inventory_files": "inventories",
        "update": "update",
        "project_updates": "project_updates",
        **{
            name: name
            for name in (
                "teams",
                "object_roles",
                "access_list",
                "schedules",
                "scm_inventory_sources",
                *NOTIFIED,
            )
        },
    }
    linked = (
        "organization", "default_environment", "credential", "signature_validation_credential",
        "current_job", "last_job", "next_schedule",
    )  # fmt: skip
    summarized = (
        "organization", "default_environment", "credential", "signature_validation_credential",
        "current_job", "last_job",
    )  # fmt: skip
    selected = (
        "credential__credential_type", "signature_validation_credential__credential_type",
    )  # fmt: skip
    capabilities = {
        "edit": "change", "delete": "delete", "start": "update", "schedule": "update",
        "copy": "add",
    }  # fmt: skip
    used = {"credential": "use", "signature_validation_credential": "use",
            "default_environment": "read"}  # fmt: skip

    class Meta:
        model = Project
        fields = (
            *BASE, "local_path", "scm_type", "scm_url", "scm_branch", "scm_refspec", "scm_clean",
            "scm_track_submodules", "scm_delete_on_update", "credential", "timeout",
            "scm_revision", "last_job_run", "last_job_failed", "next_job_run", "status",
            "organization", "scm_update_on_launch", "scm_update_cache_timeout", "allow_override",
            "custom_virtualenv", "default_environment", "signature_validation_credential",
            "last_update_failed", "last_updated",
        )  # fmt: skip
        read_only_fields = ("custom_virtualenv",)
        extra_kwargs = {
            "scm_type": {"label": "SCM Type"},
            "scm_url": {"label": "SCM URL"},
            "scm_branch": {"label": "SCM Branch"},
            "scm_refspec": {"label": "SCM refspec"},
            "scm_revision": {"label": "SCM Revision"},
        }

    def get_related(self, row: Any) -> dict[str, Any]:
        links = super().get_related(row)
        for old, name in (("current_update", "current_job"), ("last_update", "last_job")):
            if name in links:
                links[old] = links[name]
        return links

    def get_summary_fields(self, row: Any) -> dict[str, Any]:
        found = super().get_summary_fields(row)
        for old, name in (("current_update", "current_job"), ("last_update", "last_job")):
            if name in found:
                found[old] = summary(getattr(row, name), UPDATE)
        return found

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        def wanted(name: str) -> Any:
            return attrs.get(name, getattr(self.instance, name, None))

        kind = wanted("scm_type") or ""
        if attrs.get("local_path", "") != getattr(self.instance, "local_path", ""):
            self._refuse_local_path(kind)
        if kind in SYNCED:
            self._check_source(kind, attrs, wanted)
        elif kind:
            raise _invalid("scm_type", "Gantry takes projects from Git, Subversion and archives.")
        else:
            for name in UPDATE_OPTIONS:
                if wanted(name):
                    raise _invalid(name, "Update options must be set to false for manual projects.")
        self._check_override(attrs)
        self._check_name(attrs)
        return super().validate(attrs)

    def _refuse_local_path(self, kind: str) -> None:
        if kind and self.instance is not None:
            raise _invalid("local_path", f"Cannot change local_path for {kind}-based projects")
        if not kind:
            raise _invalid("local_path", "Projects on the server's own disk are not allowed.")

    def _check_source(self, kind: str, attrs: dict[str, Any], wanted: Any) -> None:
        attrs.pop("local_path", None)
        if errors := misplaced(kind, attrs):
            raise serializers.ValidationError({name: [words] for name, words in errors.items()})
        try:
            check_url(kind, wanted("scm_url") or "")
            check_revision(kind, {name: wanted(name) for name in ("scm_branch", "scm_refspec")})
        except InvalidInput as error:
            raise refuse(error) from error
        self._check_credentials(attrs)

    def _check_credentials(self, attrs: Mapping[str, Any]) -> None:
        credential = attrs.get("credential")
        if credential is not None and credential.credential_type.kind != "scm":
            raise _invalid("credential", "Credential kind must be 'scm'.")
        key = attrs.get("signature_validation_credential")
        if key is not None and key.credential_type.kind != "cryptography":
            raise _invalid(
                "signature_validation_credential", "Credential kind must be 'cryptography'."
            )

    def _check_override(self, attrs: Mapping[str, Any]) -> None:
        row = self.instance
        if row is None or not row.allow_override or attrs.get("allow_override", True):
            return
        used = JobTemplate.objects.filter(
            Q(ask_scm_branch_on_launch=True) | ~Q(scm_branch=""), project=row
        )
        ids = " ".join(str(pk) for pk in used.values_list("pk", flat=True))
        if ids:
            raise _invalid(
                "allow_override",
                "One or more job templates depend on branch override behavior for this project "
                f"(ids: {ids}).",
            )

    def _check_name(self, attrs: Mapping[str, Any]) -> None:
        refuse_taken(self, Project, attrs)

    def create(self, validated_data: dict[str, Any]) -> Any:
        manual = not validated_data.get("scm_type")
        status = "missing" if manual else "never updated"  # nothing lies on the server's disk
        return super().create({**validated_data, "kind": "project", "status": status})


def _invalid(field: str, sentence: str) -> serializers.ValidationError:
    return serializers.ValidationError({field: [sentence]})


def refuse_taken(serializer: AwxSerializer, model: Any, attrs: Mapping[str, Any]) -> None:
    """Names of templates are unique in their organization, and among those without one."""
    row = serializer.instance
    name = attrs.get("name", getattr(row, "name", None))
    if "organization" in attrs or row is None:
        organization = attrs.get("organization")
    else:
        organization = row.organization
    same = model.objects.filter(name=name, organization=organization)
    if row is not None:
        same = same.exclude(pk=row.pk)
    if same.exists():
        raise serializers.ValidationError(
            {
                "__all__": [
                    f"{model.__name__} with this (name, organization) combination already exists."
                ]
            }
        )


class ProjectCreate:
    """A new project with a source is synced at once; the answer carries the update."""

    request: Any

    def save(self, serializer: Any) -> Any:
        row = serializer.save()
        if row.synced:
            update_project(row, user=None, launch_type="manual")
            ProjectUpdate.objects.filter(project=row).update(
                created_by=self.request.user, modified_by=self.request.user
            )
        return row


class ProjectList(ProjectCreate, ListCreateView):
    model = Project
    serializer_class = ProjectSerializer


class ProjectDetail(DetailView):
    model = Project
    serializer_class = ProjectSerializer

    def save(self, serializer: Any) -> Any:
        before = {name: getattr(serializer.instance, name) for name in SOURCE}
        row = serializer.save()
        if row.synced and any(getattr(row, n) != v for n, v in before.items()):
            update_project(row, user=person_of(self.request))
        return row


class _ProjectPart(NounView):
    model = Project
    serializer_class = ProjectSerializer

    def get_queryset(self) -> QuerySet[Any]:
        return Project.objects.select_related("snapshot")


class ProjectPlaybooks(_ProjectPart):
    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response(self.get_object().playbook_files)


class ProjectInventories(_ProjectPart):
    def get(self, request: Request, **kwargs: Any) -> Response:
        snapshot = self.get_object().snapshot
        return Response(snapshot.inventory_files if snapshot else [])


class ProjectUpdateView(_ProjectPart):
    """Its POST starts a sync."""

    def get_view_name(self) -> str:
        return "Project Update View"

    def check_object_permissions(self, request: Request, obj: Any) -> None:
        verb = "read" if request.method == "GET" else "update"
        if not access.may(request.user, verb, obj):
            raise PermissionDenied

    def get(self, request: Request, **kwargs: Any) -> Response:
        return Response({"can_update": self.get_object().synced})

    def post(self, request: Request, **kwargs: Any) -> Response:
        project = self.get_object()
        if not project.synced:
            raise MethodNotAllowed("POST")
        update = update_project(project, user=person_of(request))
        rows = ProjectUpdateSerializer.tune(ProjectUpdate.objects.all())
        shown = ProjectUpdateSerializer(
            rows.get(pk=update.pk), context=self.get_serializer_context()
        )
        body = {"project_update": update.pk, **shown.data}
        return Response(body, 202, headers={"Location": url_of(update)})


class ProjectUpdatesList(SubListView):
    model = ProjectUpdate
    serializer_class = ProjectUpdateListSerializer
    parent_model = Project
    relationship = "project_updates"
